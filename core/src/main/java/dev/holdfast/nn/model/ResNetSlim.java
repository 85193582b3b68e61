package dev.holdfast.nn.model;

import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Span;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Conv;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.InputShape;
import dev.holdfast.nn.layer.Norm;
import dev.holdfast.nn.layer.Pooling;
import dev.holdfast.nn.layer.Residual;
import dev.holdfast.nn.layer.Sequence;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The reduced ResNet-18 of continual learning (He et al., arXiv 1512.03385, with the thin channels of Lopez-Paz and
 * Ranzato, Gradient Episodic Memory, arXiv 1706.08840): a 3x3 convolution, four stages of two residual blocks at nf,
 * 2nf, 4nf and 8nf channels, each stage but the first halving the image, then the mean of every channel. Features have
 * width 8nf.
 *
 * @param input channels, height, width
 * @param nf channels of the first stage; 20 in the papers
 */
public record ResNetSlim(List<Long> input, int nf, Norm norm) implements Backbone {
    private static final int STAGES = 4;
    private static final int BLOCKS = 2;

    public ResNetSlim {
        input = new InputShape(input).requireImage("ResNetSlim").shape();
        if (nf < 1) {
            throw new IllegalArgumentException("nf must be >= 1 but is " + nf + ".");
        }
    }

    /** nf = 20 with group norm, which does not mix the rows of a batch. */
    public static ResNetSlim of(long channels, long height, long width) {
        return new ResNetSlim(List.of(channels, height, width), 20, Norm.GROUP);
    }

    @Override
    public long features() {
        return nf * (1L << (STAGES - 1));
    }

    @Override
    public Layer build(Rng rng, ScalarType dtype) {
        Fresh fresh = new Fresh(rng, dtype, Init.KAIMING_UNIFORM);
        List<Layer> layers = new ArrayList<>();
        layers.add(new InputShape(input));
        layers.addAll(conv("conv", "norm", input.get(0), nf, Conv.Kernel.same(3, 1), fresh));
        layers.add(Activation.RELU);
        long in = nf;
        for (int stage = 0; stage < STAGES; stage++) {
            long out = nf * (1L << stage);
            for (int b = 0; b < BLOCKS; b++) {
                int depth = 1 + stage * BLOCKS + b;
                layers.add(block("stage." + stage + "." + b, in, out, stage > 0 && b == 0 ? 2 : 1, fresh.at(depth)));
                in = out;
            }
        }
        layers.add(Pooling.GLOBAL_AVERAGE);
        return new Sequence("body", layers);
    }

    private Layer block(String name, long in, long out, long stride, Fresh fresh) {
        List<Layer> branch = new ArrayList<>();
        branch.addAll(conv(name + ".conv.0", name + ".norm.0", in, out, Conv.Kernel.same(3, stride), fresh));
        branch.add(Activation.RELU);
        branch.addAll(conv(name + ".conv.1", name + ".norm.1", out, out, Conv.Kernel.same(3, 1), fresh));
        Layer shortcut = in == out && stride == 1
                ? null
                : new Sequence(
                        name + ".short",
                        conv(name + ".short.conv", name + ".short.norm", in, out, Conv.Kernel.same(1, stride), fresh));
        return new Residual(
                name, Span.Kind.LAYER, out, new Sequence(name + ".branch", branch), shortcut, Activation.RELU);
    }

    private List<Layer> conv(String name, String normName, long in, long out, Conv.Kernel k, Fresh fresh) {
        List<Layer> both = new ArrayList<>();
        both.add(new Conv(name, in, out, k, norm == Norm.NONE, fresh));
        Layer n = norm.of(normName, out, fresh);
        if (n != null) {
            both.add(n);
        }
        return both;
    }
}
