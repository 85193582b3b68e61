package dev.holdfast.benchmarks;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Learner;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.run.Threads;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/**
 * Whether learners of bounded memory pay the same for a batch at task 100 as at task 2. Two learners of a kind, one with
 * one task behind it and one with ninety-nine, learn the same batches in turns; the number is the median, over the turns,
 * of the ratio of their times. The four classes are the same in every task, on vectors that each task has its own way.
 */
public final class FlatCost {
    private static final int LATE = 100;
    private static final int EARLY = 2;
    private static final int BATCHES = 25;
    private static final Schema SCHEMA = Schema.vectors(32, ClassIndex.numbered(4));
    private static final int[] CLASSES = {0, 1, 2, 3};

    /**
     * @param learner its name
     * @param early median microseconds of a batch of task 2
     * @param late median microseconds of a batch of task 100
     * @param ratio median of late over early
     * @param low first quartile of the ratio
     * @param high third quartile of the ratio
     */
    record Row(String learner, double early, double late, double ratio, double low, double high) {}

    private FlatCost() {}

    /** Arguments: turns (default 31), then learners (default: all of bounded memory that take such a stream). */
    public static void main(String[] args) {
        Threads.set(1);
        int turns = args.length > 0 ? Integer.parseInt(args[0]) : 31;
        Set<String> wanted = Set.copyOf(Arrays.asList(args).subList(Math.min(1, args.length), args.length));
        System.out.println("| learner | task 2, µs a batch | task 100, µs a batch | ratio | quartiles |");
        System.out.println("| --- | ---: | ---: | ---: | --- |");
        for (LearnerPlugin<?> plugin : Registry.load().learners()) {
            if (wanted.isEmpty() ? fits(plugin) : wanted.contains(plugin.name())) {
                Row r = measure(plugin, LATE, turns);
                System.out.printf(
                        Locale.ROOT,
                        "| `%s` | %.1f | %.1f | %.3f | %.3f to %.3f |%n",
                        r.learner,
                        r.early,
                        r.late,
                        r.ratio,
                        r.low,
                        r.high);
            }
        }
    }

    /** Bounded memory, and a batch teaches something: what learns only at the end of a task pays nothing for a batch. */
    private static boolean fits(LearnerPlugin<?> plugin) {
        try (Learner learner = SmallStream.fresh(plugin, SCHEMA, 1)) {
            Capabilities c = learner.capabilities();
            if (!c.has(Trait.BOUNDED_MEMORY) || c.has(Trait.LEARNS_AT_END)) {
                return false;
            }
            SmallStream.learn(learner, part(1), Rng.of(6));
            try (Scope s = Scope.open()) {
                learner.begin(part(2));
            }
            return true;
        } catch (IllegalArgumentException otherStream) {
            // learners of label sets and the like do not admit such rows, others no class that comes again
            return false;
        }
    }

    /** Times a learner at task 2 against one at task {@code late}. */
    static Row measure(LearnerPlugin<?> plugin, int late, int turns) {
        try (Learner young = before(plugin, EARLY);
                Learner old = before(plugin, late)) {
            Experience now = part(late);
            List<Batch> batches = SmallStream.batches(now, Rng.of(9));
            try (Scope s = Scope.open()) {
                young.begin(now);
                old.begin(now);
            }
            double[] early = new double[turns];
            double[] later = new double[turns];
            double[] ratio = new double[turns];
            // the first turns warm up
            for (int turn = -turns / 3; turn < turns; turn++) {
                // who goes first changes, since the first one pays for cold caches
                boolean youngFirst = turn % 2 == 0;
                double a = youngFirst ? time(young, batches) : 0;
                double b = time(old, batches);
                a = youngFirst ? a : time(young, batches);
                if (turn >= 0) {
                    early[turn] = a;
                    later[turn] = b;
                    ratio[turn] = b / a;
                }
            }
            for (double[] all : List.of(early, later, ratio)) {
                Arrays.sort(all);
            }
            int half = turns / 2;
            return new Row(
                    plugin.name(), early[half], later[half], ratio[half], ratio[turns / 4], ratio[turns * 3 / 4]);
        }
    }

    /** A learner with all tasks before this one behind it. */
    private static Learner before(LearnerPlugin<?> plugin, int task) {
        Learner learner = SmallStream.fresh(plugin, SCHEMA, 5);
        for (int t = 1; t < task; t++) {
            SmallStream.learn(learner, part(t), Rng.of(6).child("order", t));
        }
        return learner;
    }

    private static Experience part(int task) {
        return SmallStream.part(task - 1, BATCHES, SCHEMA, CLASSES, Rng.of(8));
    }

    /** Median microseconds a batch, which a task switch of the machine does not move. */
    private static double time(Learner learner, List<Batch> batches) {
        double[] micros = new double[batches.size()];
        for (int i = 0; i < micros.length; i++) {
            long start = System.nanoTime();
            try (Scope s = Scope.open()) {
                learner.learn(batches.get(i));
            }
            micros[i] = (System.nanoTime() - start) / 1e3;
        }
        Arrays.sort(micros);
        return micros[micros.length / 2];
    }
}
