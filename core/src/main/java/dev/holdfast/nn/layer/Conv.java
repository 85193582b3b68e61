package dev.holdfast.nn.layer;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.MemoryFormat;

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

    /** How the numbers of images lie in memory; the shape [n,c,h,w] and the values stay. */
    public enum Layout implements Layer {
        /**
         * All channels of a pixel side by side. Convolutions keep the layout they are given, and they and above all max
         * pooling are faster in this one: a step of a small ConvNet takes three fifths of the time.
         */
        CHANNELS_LAST;

        @Override
        public Tensor forward(Tensor x, Pass pass) {
            // one channel lies the same either way, but only strides written this way say so
            return x.size(1) == 1
                    ? x.reshape(x.size(0), x.size(2), x.size(3), 1).permute(0, 3, 1, 2)
                    : x.contiguous(MemoryFormat.ChannelsLast);
        }

        @Override
        public void describe(Inventory into) {}

        @Override
        public Layout copy(Copier c) {
            return this;
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
