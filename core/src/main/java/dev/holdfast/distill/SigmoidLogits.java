package dev.holdfast.distill;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * Distillation of one sigmoid a class over the columns that the teacher has: cross entropy of sigmoid(student) with
 * sigmoid(teacher), summed over these columns, mean over rows. With binary cross entropy on the new columns it is the one
 * loss of LwF-MC (Rebuffi et al., arXiv 1611.07725, section 4; Smith et al., <i>A Closer Look at Rehearsal-Free Continual
 * Learning</i>, arXiv 2203.17269). At equal logits its gradient is 0, its value is not.
 */
public final class SigmoidLogits {
    private static final long NO_REDUCTION = 0;

    private SigmoidLogits() {}

    /** Scalar with graph; student [n, C], teacher [n, c] with c <= C. */
    public static Tensor value(Tensor student, Tensor teacher) {
        long old = teacher.size(1);
        if (student.size(1) < old || student.size(0) != teacher.size(0)) {
            throw new IllegalArgumentException("The student's logits " + java.util.Arrays.toString(student.shape())
                    + " do not cover the teacher's " + java.util.Arrays.toString(teacher.shape()) + ".");
        }
        Tensor z = student.size(1) == old ? student : Tensors.slice(student, 1, 0, old);
        return torch.binary_cross_entropy_with_logits(
                        z, teacher.detach().sigmoid(), new TensorOptional(), new TensorOptional(), NO_REDUCTION)
                .sum(1)
                .mean();
    }
}
