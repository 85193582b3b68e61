package dev.holdfast.nn.lm;

import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.lm.DecoderStyle.Norm;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Norms over the last dimension, with a scale and without a bias. */
final class Norms {
    private Norms() {}

    static Tensor of(Norm kind, Tensor x, Site weight, double eps, Pass pass) {
        return of(kind, x, weight.weight(pass), eps, pass.doubleBackward());
    }

    /** w: [d], or [...,d] that x's shape ends in. */
    static Tensor of(Norm kind, Tensor x, Tensor w, double eps, boolean doubleBackward) {
        long[] over = {x.size(-1)};
        // the fused operations know scales of the normed dimension only
        TensorOptional fusedScale = w.dim() == 1 ? new TensorOptional(w) : new TensorOptional();
        Tensor y = kind == Norm.LAYER_NORM
                ? torch.layer_norm(x, over, fusedScale, new TensorOptional(), eps, false)
                : rms(x, w, fusedScale, over, eps, doubleBackward);
        return w.dim() == 1 ? y : y.mul(w);
    }

    private static Tensor rms(
            Tensor x, Tensor w, TensorOptional fusedScale, long[] over, double eps, boolean doubleBackward) {
        ScalarType type = x.scalar_type().intern();
        boolean half = type == ScalarType.Half || type == ScalarType.BFloat16;
        if (half || doubleBackward) {
            // the square of a half-precision number overflows early
            Tensor wide = half ? x.to(ScalarType.Float) : x;
            Tensor mean = wide.square().mean(new long[] {-1}, true, new ScalarTypeOptional());
            Tensor y = wide.mul(mean.add(Tensors.scalar(eps)).rsqrt());
            y = half ? y.to(type) : y;
            return w.dim() == 1 ? y.mul(w) : y;
        }
        return torch.rms_norm(x, over, fusedScale, new DoubleOptional(eps));
    }
}
