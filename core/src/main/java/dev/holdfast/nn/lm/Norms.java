package dev.holdfast.nn.lm;

import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** RMSNorm (Zhang and Sennrich, arXiv 1910.07467): w * x / sqrt(mean(x^2) + eps) over the last dimension. */
final class Norms {
    private Norms() {}

    static Tensor rms(Tensor x, Site weight, double eps, Pass pass) {
        Tensor w = weight.weight(pass);
        ScalarType type = x.scalar_type().intern();
        boolean half = type == ScalarType.Half || type == ScalarType.BFloat16;
        if (half || pass.doubleBackward()) {
            // the square of a half-precision number overflows early
            Tensor wide = half ? x.to(ScalarType.Float) : x;
            Tensor mean = wide.square().mean(new long[] {-1}, true, new ScalarTypeOptional());
            Tensor y = wide.mul(mean.add(Tensors.scalar(eps)).rsqrt());
            return (half ? y.to(type) : y).mul(w);
        }
        return torch.rms_norm(x, new long[] {x.size(-1)}, new TensorOptional(w), new DoubleOptional(eps));
    }
}
