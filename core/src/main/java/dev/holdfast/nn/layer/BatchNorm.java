package dev.holdfast.nn.layer;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/**
 * Every channel to mean 0 and variance 1 over the batch, then scaled and shifted (Ioffe and Szegedy, Batch
 * Normalization, arXiv 1502.03167); x [n,channels,...]. Evaluation uses running statistics, buffers {@code name.mean}
 * and {@code name.var}, which every training pass moves by a tenth towards those of its batch. Sites {@code
 * name.weight} and {@code name.bias}.
 */
public final class BatchNorm implements Layer {
    private static final double EPS = 1e-5;
    private static final double MOMENTUM = 0.1;
    private final String name;
    private final Site weight;
    private final Site bias;
    private final Tensor mean;
    private final Tensor var;

    public BatchNorm(String name, long channels, Fresh fresh) {
        this(
                name,
                fresh.constant(name + ".weight", Role.NORM, 1, channels),
                fresh.constant(name + ".bias", Role.NORM, 0, channels),
                Scope.own(Tensors.zeros(fresh.dtype(), channels)),
                Scope.own(Tensors.zeros(fresh.dtype(), channels).fill_(Tensors.scalar(1))));
    }

    private BatchNorm(String name, Site weight, Site bias, Tensor mean, Tensor var) {
        this.name = name;
        this.weight = weight;
        this.bias = bias;
        this.mean = mean;
        this.var = var;
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        if (pass.training() && x.numel() <= x.size(1)) {
            throw new IllegalArgumentException("Batch norm '" + name + "' needs more than one number a channel to train"
                    + " but got " + Arrays.toString(x.shape())
                    + ".\nMaybe use larger batches, or group norm.");
        }
        boolean untouched = pass.training() && pass.still();
        return torch.batch_norm(
                x,
                new TensorOptional(weight.weight(pass)),
                new TensorOptional(bias.weight(pass)),
                untouched ? new TensorOptional() : new TensorOptional(mean),
                untouched ? new TensorOptional() : new TensorOptional(var),
                pass.training(),
                MOMENTUM,
                EPS,
                false);
    }

    @Override
    public void describe(Inventory into) {
        into.add(weight);
        into.add(bias);
        into.buffer(name + ".mean", mean);
        into.buffer(name + ".var", var);
    }

    @Override
    public BatchNorm copy(Copier c) {
        return new BatchNorm(name, c.site(weight), c.site(bias), c.leaf(mean), c.leaf(var));
    }
}
