package dev.holdfast.nn.weight;

import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Geometry.Kind;
import dev.holdfast.tensor.Scope;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** Arithmetic that several sources need. */
final class Sources {
    private Sources() {}

    /** Bits that a tensor's numbers take. */
    static long bits(Tensor t) {
        return t.numel() * t.element_size() * 8;
    }

    /** Multiply-adds of the dense weight, for one row or one position; looking up and reading cost none. */
    static long multiplyAdds(Geometry g) {
        return g.kind() == Kind.LINEAR || g.kind() == Kind.CONV ? g.count() : 0;
    }

    /** |dense - mine| / |dense|, Frobenius; 0 if both are zero. */
    static double relativeError(Tensor dense, Tensor mine) {
        try (Scope s = Scope.open()) {
            double size = dense.detach().norm().item_double();
            double off = dense.detach().sub(mine.detach()).norm().item_double();
            return off == 0 ? 0 : off / size;
        }
    }

    static void requireShape(String what, Tensor t, long... shape) {
        if (!Arrays.equals(t.shape(), shape)) {
            throw new IllegalArgumentException("'" + what + "' needs a weight of shape " + Arrays.toString(shape)
                    + " but got " + Arrays.toString(t.shape()) + ".");
        }
    }

    /** True where {@link #thin} can do the site's work without the product of the factors. */
    static boolean canBeThin(Geometry g) {
        return g.kind() == Kind.LINEAR || g.kind() == Kind.CONV && g.groups() == 1;
    }

    /** x through down [r, fanIn], then up [out, r]: the product's effect at a cost of r*(out + fanIn). */
    static Tensor thin(Tensor x, Tensor up, Tensor down, Tensor bias, Geometry g) {
        if (g.kind() == Kind.LINEAR) {
            return Geometry.linear(up.size(0), up.size(1)).apply(torch.linear(x, down), up, bias);
        }
        long r = down.size(0);
        Tensor h = torch.conv2d(
                x,
                down.view(r, g.shape().get(1), g.shape().get(2), g.shape().get(3)),
                new TensorOptional(),
                g.stride(),
                g.padding(),
                g.dilation(),
                1);
        return Geometry.conv(up.size(0), r, 1, 1, 0, 1).apply(h, up.view(up.size(0), r, 1, 1), bias);
    }
}
