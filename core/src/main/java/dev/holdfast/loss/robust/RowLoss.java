package dev.holdfast.loss.robust;

import dev.holdfast.data.Prediction;
import dev.holdfast.loss.Columns;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.tensor.Stateless;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/**
 * A loss that is a function of the row's log-probabilities: of log softmax(scores) [n, K] the loss [n, K] that each class
 * would give as the label. Soft targets weigh the classes. Pure.
 *
 * @param what the loss in a sentence, for errors
 */
record RowLoss(String name, String what, UnaryOperator<Tensor> each) implements Loss, Stateless {
    @Override
    public LossValue value(LossInput in) {
        Tensor lnP = Columns.among(in.scores(), in).log_softmax(1);
        return new SampleLosses(name, Columns.weigh(each.apply(lnP), in, what), LossValue.Reduction.MEAN);
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.LOGITS;
    }
}
