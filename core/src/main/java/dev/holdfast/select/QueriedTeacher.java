package dev.holdfast.select;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/**
 * A teacher that is paid by the answer: it is asked by row id, answers with soft labels, counts, and refuses beyond its
 * budget. An answer that was paid for once is remembered and free. One thread.
 */
public final class QueriedTeacher implements AutoCloseable {
    private final Function<long[], Tensor> answers;
    private final int budget;
    private final Map<Long, Tensor> known = new HashMap<>();

    /**
     * @param answers soft labels [n, C] of rows by id
     * @param budget answers that may be bought, >= 1
     */
    public QueriedTeacher(Function<long[], Tensor> answers, int budget) {
        if (budget < 1) {
            throw new IllegalArgumentException("The budget of a teacher must be >= 1 but is " + budget + ".");
        }
        this.answers = answers;
        this.budget = budget;
    }

    /** Answers bought so far. */
    public int asked() {
        return known.size();
    }

    /** Answers that can still be bought. */
    public int left() {
        return budget - asked();
    }

    /**
     * Soft labels of these rows [n, C] in the caller's scope.
     *
     * @throws IllegalStateException if the new ones among them exceed what is left; then none is asked about
     */
    public Tensor ask(long... ids) {
        if (ids.length == 0) {
            throw new IllegalArgumentException("A teacher was asked about no row; expected at least one.");
        }
        Set<Long> fresh = new LinkedHashSet<>();
        for (long id : ids) {
            if (!known.containsKey(id)) {
                fresh.add(id);
            }
        }
        if (fresh.size() > left()) {
            throw new IllegalStateException("The teacher was asked about " + fresh.size() + " new rows, but only "
                    + left() + " of its " + budget + " answers are left.");
        }
        if (!fresh.isEmpty()) {
            try (Scope s = Scope.open()) {
                long[] of = fresh.stream().mapToLong(Long::longValue).toArray();
                Tensor said = answers.apply(of);
                Tensors.requireShape("answers of the teacher", said, of.length, -1);
                Tensors.requireFinite("The teacher's answers", said);
                for (int i = 0; i < of.length; i++) {
                    known.put(
                            of[i],
                            Scope.own(Tensors.slice(said, i, i + 1).detach().clone()));
                }
            }
        }
        Tensor[] rows = new Tensor[ids.length];
        for (int i = 0; i < ids.length; i++) {
            rows[i] = known.get(ids[i]);
        }
        return Tensors.cat(0, rows);
    }

    /** Forgets the answers and frees their memory. */
    @Override
    public void close() {
        known.values().forEach(Tensor::close);
        known.clear();
    }
}
