package dev.holdfast.nn.layer;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** 2-d convolution with a square kernel: x [n,in,h,w] to [n,out,h',w']; sites {@code name} and {@code name.bias}. */
public final class Conv implements Layer {
    private final Site weight;
    private final Site bias;

    /** Size of the kernel and how it moves; padding in pixels on every side. */
    public record Kernel(long size, long stride, long padding, long groups) {
        public Kernel {
            if (size < 1 || stride < 1 || padding < 0 || groups < 1) {
                throw new IllegalArgumentException(
                        "A kernel needs size, stride and groups >= 1 and padding >= 0 but has " + size + ", " + stride
                                + ", " + groups + " and " + padding + ".");
            }
        }

        /** Odd kernel whose padding keeps height and width at stride 1. */
        public static Kernel same(long size, long stride) {
            return new Kernel(size, stride, size / 2, 1);
        }
    }

    public Conv(String name, long in, long out, Kernel k, boolean bias, Fresh fresh) {
        Geometry g = Geometry.conv(out, in, k.size, k.stride, k.padding, k.groups);
        this.weight = fresh.weight(name, g, out * k.size * k.size / k.groups, Map.of());
        this.bias = bias ? fresh.bias(name + ".bias", g.fanIn(), out) : null;
    }

    private Conv(Site weight, Site bias) {
        this.weight = weight;
        this.bias = bias;
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        return weight.apply(x, bias, pass);
    }

    @Override
    public void describe(Inventory into) {
        into.add(weight);
        if (bias != null) {
            into.add(bias);
        }
    }

    @Override
    public Conv copy(Copier c) {
        return new Conv(c.site(weight), c.site(bias));
    }
}
