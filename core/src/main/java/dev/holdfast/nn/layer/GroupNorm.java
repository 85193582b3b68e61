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
 * Every row's groups of channels to mean 0 and variance 1, then scaled and shifted a channel (Wu and He, Group
 * Normalization, arXiv 1803.08494); x [n,channels,...]; sites {@code name.weight} and {@code name.bias}.
 */
public final class GroupNorm implements Layer {
    private static final double EPS = 1e-5;
    private final long groups;
    private final Site weight;
    private final Site bias;

    public GroupNorm(String name, long channels, long groups, Fresh fresh) {
        this(
                groups,
                fresh.constant(name + ".weight", Role.NORM, 1, channels),
                fresh.constant(name + ".bias", Role.NORM, 0, channels));
        if (groups < 1 || channels % groups != 0) {
            throw new IllegalArgumentException(
                    channels + " channels of '" + name + "' cannot be split into " + groups + " groups.");
        }
    }

    private GroupNorm(long groups, Site weight, Site bias) {
        this.groups = groups;
        this.weight = weight;
        this.bias = bias;
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        return torch.group_norm(
                x, groups, new TensorOptional(weight.weight(pass)), new TensorOptional(bias.weight(pass)), EPS, false);
    }

    @Override
    public void describe(Inventory into) {
        into.add(weight);
        into.add(bias);
    }

    @Override
    public GroupNorm copy(Copier c) {
        return new GroupNorm(groups, c.site(weight), c.site(bias));
    }
}
