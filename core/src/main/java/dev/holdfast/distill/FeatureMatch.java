package dev.holdfast.distill;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Distillation of features: |student - teacher|^2, summed over the features, mean over rows (Smith et al., <i>A Closer Look
 * at Rehearsal-Free Continual Learning</i>, arXiv 2203.17269).
 */
public final class FeatureMatch {
    private FeatureMatch() {}

    /** Scalar with graph; both [n, ...] of one shape. */
    public static Tensor value(Tensor student, Tensor teacher) {
        Tensors.requireShape("the student's features", student, teacher.shape());
        Tensor d = student.sub(teacher.detach());
        return d.mul(d).flatten(1, -1).sum(1).mean();
    }
}
