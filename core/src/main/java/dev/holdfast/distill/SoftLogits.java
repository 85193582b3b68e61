package dev.holdfast.distill;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Distillation of softened logits over the columns that the teacher has, mean over rows; no T^2 factor.
 *
 * <p>With q = softmax(teacher / T) and p = softmax(student / T) over the compared columns: {@code KL} = sum q (ln q - ln
 * p), {@code CROSS_ENTROPY} = - sum q ln p; their gradients are equal. Columns that the student has beyond the teacher's
 * are left out before the softmax (normalised over old columns only).
 *
 * <p>Hinton, Vinyals, Dean, arXiv 1503.02531; Li, Hoiem, <i>Learning without Forgetting</i>, arXiv 1606.09282, eq. 2.
 *
 * @param temperature T > 0
 */
public record SoftLogits(double temperature, Form form) {
    /** Which of the two values is reported. */
    public enum Form {
        KL,
        CROSS_ENTROPY
    }

    public SoftLogits {
        if (!(temperature > 0)) {
            throw new IllegalArgumentException("A temperature must be > 0 but is " + temperature + ".");
        }
    }

    /**
     * As {@link #value}, but each softmax runs over all columns that the network has, and only those of old classes are
     * compared: what is given to new classes is then missing from the old ones. So does the code of De Lange et al.,
     * arXiv 2205.13452.
     *
     * @param old columns of old classes
     */
    public Tensor sliced(Tensor student, Tensor teacher, Tensor old) {
        Tensor lnP = student.div(Tensors.scalar(temperature)).log_softmax(1).index_select(1, old);
        Tensor lnQ =
                teacher.detach().div(Tensors.scalar(temperature)).log_softmax(1).index_select(1, old);
        return mean(lnP, lnQ);
    }

    /** Scalar with graph; student [n, C], teacher [n, c] with c <= C. */
    public Tensor value(Tensor student, Tensor teacher) {
        long old = teacher.size(1);
        if (student.size(1) < old || student.size(0) != teacher.size(0)) {
            throw new IllegalArgumentException("The student's logits " + java.util.Arrays.toString(student.shape())
                    + " do not cover the teacher's " + java.util.Arrays.toString(teacher.shape()) + ".");
        }
        Tensor z = student.size(1) == old ? student : Tensors.slice(student, 1, 0, old);
        Tensor lnP = z.div(Tensors.scalar(temperature)).log_softmax(1);
        Tensor lnQ = teacher.detach().div(Tensors.scalar(temperature)).log_softmax(1);
        return mean(lnP, lnQ);
    }

    private Tensor mean(Tensor lnP, Tensor lnQ) {
        Tensor q = lnQ.exp();
        Tensor perRow =
                form == Form.KL ? q.mul(lnQ.sub(lnP)).sum(1) : q.mul(lnP).sum(1).neg();
        return perRow.mean();
    }
}
