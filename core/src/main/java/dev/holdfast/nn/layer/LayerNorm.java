package dev.holdfast.nn.layer;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.tensor.ParamMeta.Role;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * Every row's last dimension to mean 0 and variance 1, then scaled and shifted (Ba et al., Layer Normalization, arXiv
 * 1607.06450); sites {@code name.weight} and {@code name.bias}.
 */
public final class LayerNorm implements Layer {
    private final long width;
    private final double eps;
    private final Site weight;
    private final Site bias;

    public LayerNorm(String name, long width, double eps, Fresh fresh) {
        this(
                width,
                eps,
                fresh.constant(name + ".weight", Role.NORM, 1, width),
                fresh.constant(name + ".bias", Role.NORM, 0, width));
    }

    private LayerNorm(long width, double eps, Site weight, Site bias) {
        this.width = width;
        this.eps = eps;
        this.weight = weight;
        this.bias = bias;
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        return torch.layer_norm(
                x,
                new long[] {width},
                new TensorOptional(weight.weight(pass)),
                new TensorOptional(bias.weight(pass)),
                eps,
                false);
    }

    @Override
    public void describe(Inventory into) {
        into.add(weight);
        into.add(bias);
    }

    @Override
    public LayerNorm copy(Copier c) {
        return new LayerNorm(width, eps, c.site(weight), c.site(bias));
    }
}
