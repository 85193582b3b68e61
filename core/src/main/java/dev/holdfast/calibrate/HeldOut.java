package dev.holdfast.calibrate;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Checked rows to fit on.
 *
 * @param logits [n, C] float64, finite
 * @param label column of each row's class
 * @param columns the columns that come out
 */
public record HeldOut(Tensor logits, int[] label, ClassIndex columns) {
    /** Rows as a calibrator takes them; belongs to the caller's scope. */
    public static HeldOut of(Prediction raw, Target labels) {
        Tensor logits = logits(raw);
        ClassIndex columns = columns(raw);
        if (!(labels instanceof Target.ClassIds ids)) {
            throw new IllegalArgumentException("Probabilities are calibrated with one class a row, but the labels are "
                    + labels.getClass().getSimpleName() + ".");
        }
        if (raw.size() == 0) {
            throw new IllegalArgumentException("There are no rows to calibrate on.");
        }
        if (ids.size() != raw.size()) {
            throw new IllegalArgumentException(raw.size() + " rows are predicted but " + ids.size() + " have labels.");
        }
        long[] classes = Tensors.longs(ids.ids());
        for (int i = 0; i < classes.length; i++) {
            if (classes[i] == Target.ClassIds.NO_CLASS) {
                throw new IllegalArgumentException("Row " + i
                        + " has no class, so nothing can be calibrated with it.\nMaybe leave such rows out.");
            }
        }
        return new HeldOut(logits, columns.columnsOf(classes), columns);
    }

    /** The logits of a prediction, float64; of probabilities their logarithms; a single logit is lifted to two. */
    static Tensor logits(Prediction p) {
        Tensor scores = p.scores().detach().to(ScalarType.Double);
        switch (p.kind()) {
            case LOGITS -> {}
            case PROBABILITIES -> {
                Tensors.requireFinite("The probabilities to calibrate", scores);
                if (scores.numel() > 0 && Tensors.item(scores.min()) < 0) {
                    throw new IllegalArgumentException("The probabilities to calibrate hold "
                            + Tensors.item(scores.min()) + "; expected numbers >= 0.\nMaybe these are logits.");
                }
                if (p.columns().size() > 1) {
                    return scores.clamp_min(Tensors.scalar(1e-20)).log();
                }
            }
            case SIGMOID_LOGITS -> {
                if (p.columns().size() != 1) {
                    throw new IllegalArgumentException(
                            "The model names sets of labels; calibrated are predictions of one class a row.");
                }
            }
            default ->
                throw new IllegalArgumentException("The model predicts " + p.kind()
                        + ", which say which class is first and not how probable it is; calibrated are LOGITS or"
                        + " PROBABILITIES.\nMaybe use a learner with a softmax head, such as er or finetune.");
        }
        Tensors.requireFinite("The logits to calibrate", scores);
        if (p.columns().size() == 1) {
            if (p.columns().columns().get(0).classId() != 1 || p.kind() == Prediction.Kind.PROBABILITIES) {
                throw new IllegalArgumentException("There is nothing to calibrate with a single column " + p.columns()
                        + "; a single logit is that of class 1 against class 0.");
            }
            return Tensors.cat(1, Tensors.zerosLike(scores, scores.shape()), scores);
        }
        return scores;
    }

    /** The columns that come out. */
    static ClassIndex columns(Prediction p) {
        if (p.columns().size() != 1) {
            return p.columns();
        }
        ClassIndex.Column one = p.columns().columns().get(0);
        return ClassIndex.of(List.of(new ClassIndex.Column(0, "not " + one.name()), one));
    }

    public int classes() {
        return columns.size();
    }
}
