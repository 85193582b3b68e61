package dev.holdfast.learner.replay;

import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.learner.Net;
import dev.holdfast.memory.DrawPolicy;
import dev.holdfast.memory.FirstRows;
import dev.holdfast.memory.Herding;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.nn.Pass;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * A memory of exemplars: capacity / classes rows of every class, by herding on normalised features when the class's part
 * ends, in the order in which they were chosen; when more classes come, the last chosen of each go. Rebuffi et al., arXiv
 * 1611.07725, algorithms 4 and 5.
 */
final class Exemplars {
    private static final int CHUNK = 500;
    private static final double TINY = 1e-12;

    private Exemplars() {}

    /** An empty memory. */
    static ReplayBuffer none(int capacity, Rng rng) {
        return new ReplayBuffer(capacity, new FirstRows(capacity), DrawPolicy.uniform(), rng);
    }

    /** Features [n, D] of the network, each row of length 1, without graph. */
    static Tensor features(Net net, Inputs x) {
        try (var mode = Autograd.noGrad()) {
            return unit(net.model().features(x, Pass.eval()));
        }
    }

    /** Rows [n, D] divided by their length; rows of zeros stay. */
    static Tensor unit(Tensor rows) {
        Tensor length = rows.norm(new ScalarOptional(Tensors.scalar(2)), new long[] {1}, true);
        return rows.div(length.clamp_min(Tensors.scalar(TINY)));
    }

    /**
     * The memory after a part: exemplars of its classes are chosen among its rows and what is stored of them, those of
     * other classes are cut to the new share. With more classes than slots the newest have one each.
     */
    static ReplayBuffer renewed(ReplayBuffer old, DataSource part, int task, Net net) {
        ReplayBuffer next = none(old.capacity(), Rng.of(0));
        try (Scope s = Scope.open()) {
            List<Tensor> features = new ArrayList<>();
            Map<Integer, List<Integer>> rowsOf = new LinkedHashMap<>();
            for (int c : old.classIds()) {
                rowsOf.computeIfAbsent(c, k -> new ArrayList<>());
            }
            int[] n = new int[1];
            chunks(part, b -> {
                for (long id : b.classIds()) {
                    rowsOf.computeIfAbsent((int) id, k -> new ArrayList<>()).add(n[0]++);
                }
                features.add(features(net, b.inputs()));
            });
            // a class that came again chooses among its former exemplars, too
            int[] again = IntStream.range(0, old.size())
                    .filter(slot -> !rowsOf.get(old.classIds()[slot]).isEmpty())
                    .toArray();
            if (again.length > 0) {
                Batch b = old.at(again).batch();
                for (long id : b.classIds()) {
                    rowsOf.get((int) id).add(n[0]++);
                }
                features.add(features(net, b.inputs()));
            }
            int[] quota = quota(old.capacity(), rowsOf.size());
            int[] rankOf = new int[n[0]];
            Arrays.fill(rankOf, -1);
            int rank = 0;
            int at = 0;
            Tensor all = Tensors.cat(0, features.toArray(new Tensor[0]));
            for (List<Integer> rows : rowsOf.values()) {
                int[] candidates = rows.stream().mapToInt(Integer::intValue).toArray();
                for (int k : Herding.select(Tensors.rows(all, candidates), Math.min(quota[at], candidates.length))) {
                    rankOf[candidates[k]] = rank++;
                }
                at++;
            }
            Batch chosen = inOrder(
                    collect(part, again.length == 0 ? null : old.at(again).batch(), rankOf), rankOf);
            at = 0;
            int from = 0;
            int[] stored = old.classIds();
            for (Map.Entry<Integer, List<Integer>> e : rowsOf.entrySet()) {
                int most = quota[at++];
                if (e.getValue().isEmpty()) {
                    int[] slots = IntStream.range(0, old.size())
                            .filter(slot -> stored[slot] == e.getKey())
                            .limit(most)
                            .toArray();
                    for (int slot : slots) {
                        next.offer(old.at(slot).batch().withTask(old.tasks()[slot]), Map.of());
                    }
                } else {
                    int count = Math.min(most, e.getValue().size());
                    if (count > 0) {
                        next.offer(
                                chosen.rows(IntStream.range(from, from + count).toArray())
                                        .withTask(task),
                                Map.of());
                    }
                    from += count;
                }
            }
        }
        return next;
    }

    /** Rows of each class, oldest first. */
    private static int[] quota(int capacity, int classes) {
        int[] q = new int[classes];
        int left = capacity;
        for (int i = classes - 1; i >= 0; i--) {
            q[i] = Math.min(left, Math.max(1, capacity / classes));
            left -= q[i];
        }
        return q;
    }

    private static void chunks(DataSource part, Consumer<Batch> each) {
        Loader rows = part.batches(Pace.inOrder(CHUNK), Rng.of(0));
        while (rows.hasNext()) {
            each.accept(rows.next());
        }
        rows.close();
    }

    /** The rows with a rank, in order of arrival. */
    private static Batch collect(DataSource part, Batch more, int[] rankOf) {
        List<Batch> kept = new ArrayList<>();
        int[] n = new int[1];
        Consumer<Batch> take = b -> {
            int[] i = IntStream.range(0, b.size())
                    .filter(k -> rankOf[n[0] + k] >= 0)
                    .toArray();
            n[0] += b.size();
            if (i.length > 0) {
                kept.add(b.rows(i));
            }
        };
        chunks(part, take);
        if (more != null) {
            take.accept(more);
        }
        return Replays.concat(kept);
    }

    private static Batch inOrder(Batch chosen, int[] rankOf) {
        int[] ranks = Arrays.stream(rankOf).filter(r -> r >= 0).toArray();
        int[] order = new int[ranks.length];
        for (int i = 0; i < ranks.length; i++) {
            order[ranks[i]] = i;
        }
        return chosen.rows(order);
    }
}
