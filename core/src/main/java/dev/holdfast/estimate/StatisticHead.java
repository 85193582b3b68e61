package dev.holdfast.estimate;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.Stateful;
import org.bytedeco.pytorch.Tensor;

/**
 * A classifier on features [n, D] whose state is a sum over rows: independent of their order and of how they are
 * batched, mergeable, and able to take rows out again. Float64. One writer; callers keep readers out meanwhile.
 */
@Frozen
public interface StatisticHead extends Stateful {
    /** Learns rows [n, D] of these class ids; classes unseen so far get a column. */
    void update(Tensor features, ClassIndex known, long... classIds);

    /** Takes rows out again that were learnt before. */
    void remove(Tensor features, long... classIds);

    /** Adds what another head of the same kind and settings has learnt. */
    void merge(StatisticHead other);

    /** Scores [n, columns], the higher the better. */
    Tensor scores(Tensor features);

    ClassIndex columns();

    /** Numbers that scores are computed from. */
    long parameters();

    /** Bytes of state. */
    long bytes();
}
