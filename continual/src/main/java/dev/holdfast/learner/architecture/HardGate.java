package dev.holdfast.learner.architecture;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.weight.Dense;
import dev.holdfast.optim.transform.UnitGates;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Multiplies the outputs of units (or channels) by the gates of the pass's part: x [n,units,...] to the same shape. In
 * training s follows the pass's progress, else it is at its maximum; a pass for no part goes through as it is. Site {@code
 * name} holds an embedding a part and unit, buffer {@code name.used} how far finished parts use each unit.
 */
final class HardGate implements Layer {
    private final String name;
    private final double sMax;
    private final Site embedding;
    private final Tensor used;

    /** Embeddings start from a standard normal distribution. */
    HardGate(String name, int parts, long units, double sMax, Rng rng, ScalarType dtype) {
        this.name = name;
        this.sMax = sMax;
        try (Scope s = Scope.open()) {
            Geometry g = Geometry.embedding(parts, units);
            ParamMeta m = new ParamMeta(name, ParamMeta.Role.OTHER, units, units, false, 0);
            this.embedding = Dense.at(m, g, rng.child(name).normal(dtype, parts, units));
            this.used = Scope.own(Tensors.zeros(dtype, units));
        }
    }

    private HardGate(String name, double sMax, Site embedding, Tensor used) {
        this.name = name;
        this.sMax = sMax;
        this.embedding = embedding;
        this.used = used;
    }

    /** The annealed s of a pass. */
    static double s(Pass pass, double sMax) {
        return pass.training() ? UnitGates.annealed(pass.progress(), sMax) : sMax;
    }

    /** Gates [units] of the pass's part, with graph. */
    Tensor gates(Pass pass) {
        return UnitGates.gates(embedding.weight(pass).select(0, pass.task()), s(pass, sMax));
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        if (pass.task() < 0) {
            return x;
        }
        Tensor a = pass.memo(this, () -> gates(pass));
        long[] shape = new long[(int) x.dim()];
        Arrays.fill(shape, 1);
        shape[1] = x.size(1);
        return x.mul(a.reshape(shape));
    }

    /** How far finished parts use each unit [units], in [0, 1]. */
    Tensor used() {
        return used;
    }

    Tensor embedding() {
        return embedding.source().leaves().get(0).value();
    }

    String leaf() {
        return embedding.source().leaves().get(0).meta().name();
    }

    /** Keeps |e| below the bound. */
    void bound(double most) {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            Scalar b = Tensors.scalar(most);
            embedding().clamp_(new ScalarOptional(Tensors.scalar(-most)), new ScalarOptional(b));
        }
    }

    /** The part is over: its units count as used from now on. */
    void finish(int part) {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            used.copy_(used.maximum(gates(Pass.eval().withTask(part))));
        }
    }

    @Override
    public void describe(Inventory into) {
        into.add(embedding);
        into.buffer(name + ".used", used);
    }

    @Override
    public HardGate copy(Copier c) {
        return new HardGate(name, sMax, c.site(embedding), c.leaf(used));
    }
}
