package dev.holdfast.estimate;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.Stateful;
import org.bytedeco.pytorch.Tensor;

/** Closed-form head on features [n,D]: order- and batch-free, mergeable (10 18 19 21 24). ClosedFormLearner makes it a Learner. */
public interface StatisticHead extends Stateful {
    void update(Tensor features, Tensor ids);

    void merge(StatisticHead other);

    Tensor scores(Tensor features);

    ClassIndex columns();
}
