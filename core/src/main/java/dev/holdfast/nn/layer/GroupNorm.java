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
        Tensor scale = weight.weight(pass);
        Tensor shift = bias.weight(pass);
        if (x.is_contiguous()) {
            return torch.group_norm(x, groups, new TensorOptional(scale), new TensorOptional(shift), EPS, false);
        }
        // libtorch's backward pass over channels-last images writes the gradient of x even where nobody asked for it
        // (only
        // norms adapt), into no memory; with scale and shift outside it is not called then
        Tensor unit = torch.group_norm(x, groups, new TensorOptional(), new TensorOptional(), EPS, false);
        long[] perChannel = new long[(int) x.dim()];
        java.util.Arrays.fill(perChannel, 1);
        perChannel[1] = x.size(1);
        return unit.mul(scale.view(perChannel)).add(shift.view(perChannel));
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
