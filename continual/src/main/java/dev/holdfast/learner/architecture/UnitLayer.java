package dev.holdfast.learner.architecture;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.weight.Dense;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A fully connected layer with ReLU whose units know in which part of the stream they were born: x [n,in] to [n,units].
 * A unit reads units of its own part and of earlier ones only. Beside the weights that move there are those that finished
 * parts left, for these parts to be predicted with. Weights and biases are kept together, [units, in + 1].
 */
final class UnitLayer implements Layer {
    private final String name;
    private Site moving;
    private Tensor still;
    private Tensor birth;

    private UnitLayer(String name, Site moving, Tensor still, Tensor birth) {
        this.name = name;
        this.moving = moving;
        this.still = still;
        this.birth = birth;
    }

    /** Fresh units of the first part. */
    static UnitLayer of(String name, long in, long units, Fresh fresh) {
        try (Scope s = Scope.open()) {
            Tensor w = rows(units, in, fresh);
            return new UnitLayer(
                    name,
                    site(name, w, fresh.depth()),
                    Scope.own(w.clone()),
                    Scope.own(Tensors.zeros(ScalarType.Long, units)));
        }
    }

    /** A layer of that shape whose numbers are to be loaded. */
    static UnitLayer empty(String name, long in, long units, ScalarType dtype, int depth) {
        try (Scope s = Scope.open()) {
            Tensor w = Tensors.zeros(dtype, units, in + 1);
            return new UnitLayer(
                    name, site(name, w, depth), Scope.own(w.clone()), Scope.own(Tensors.zeros(ScalarType.Long, units)));
        }
    }

    private static Site site(String name, Tensor w, int depth) {
        long in = w.size(1);
        ParamMeta m = new ParamMeta(name, ParamMeta.Role.HIDDEN, in, w.size(0), true, depth);
        return Dense.at(m, Geometry.linear(w.size(0), in), w);
    }

    /** Weights and biases [units, in + 1] as those of a fresh linear layer. */
    private static Tensor rows(long units, long in, Fresh fresh) {
        Rng draws = fresh.rng();
        return Tensors.cat(
                1,
                fresh.init().weight(in, units, draws.child("weight"), fresh.dtype(), units, in),
                fresh.init().bias(in, draws.child("bias"), fresh.dtype(), units).unsqueeze(1));
    }

    long units() {
        return moving.geometry().shape().get(0);
    }

    /** Weights and biases that move, [units, in + 1]. */
    Tensor weights() {
        return moving.source().toDense();
    }

    /** Weights and biases that finished parts left, [units, in + 1]. */
    Tensor still() {
        return still;
    }

    /** Part in which each unit was born. */
    long[] births() {
        return Tensors.longs(birth);
    }

    /**
     * Units of a part, later ones at zero.
     *
     * @param x outputs of the layer before
     * @param readable births of the inputs, or null where all units may read them
     * @param part whose units are wanted
     * @param live true: with the weights that move
     */
    Tensor forward(Tensor x, Tensor readable, int part, boolean live, Pass pass) {
        Tensor w = live ? moving.weight(pass) : still;
        long in = w.size(1) - 1;
        Tensor weight = Tensors.slice(w, 1, 0, in);
        if (readable != null) {
            weight = weight.mul(birth.unsqueeze(1).ge(readable.unsqueeze(0)));
        }
        Tensor z = x.mm(weight.t()).add(w.select(1, in));
        return z.relu().mul(birth.le(Tensors.scalar(part)));
    }

    Tensor birth() {
        return birth;
    }

    /** Distance of each unit's weights and bias from those that finished parts left, [units], with graph. */
    Tensor drift(Pass pass) {
        return moving.weight(pass).sub(still).square().sum(1);
    }

    /** More units of a part, and zeros for so many more inputs of the present ones. */
    void add(long moreUnits, long moreInputs, int part, Fresh fresh) {
        try (Scope s = Scope.open()) {
            long in = weights().size(1) - 1 + moreInputs;
            Tensor rows = rows(moreUnits, in, fresh);
            replace(
                    Tensors.cat(0, widened(weights(), moreInputs), rows),
                    Tensors.cat(0, widened(still, moreInputs), rows),
                    Tensors.cat(
                            0, birth, Tensors.zeros(ScalarType.Long, moreUnits).fill_(Tensors.scalar(part))));
        }
    }

    private static Tensor widened(Tensor w, long more) {
        long in = w.size(1) - 1;
        return Tensors.cat(
                1, Tensors.slice(w, 1, 0, in), Tensors.zerosLike(w, w.size(0), more), Tensors.slice(w, 1, in, in + 1));
    }

    /** The part is over: what it has learnt is what its units are from now on. */
    void settle() {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            still.copy_(moving.source().toDense());
        }
    }

    /** Name of the leaf of weights and biases. */
    String leaf() {
        return moving.source().leaves().get(0).meta().name();
    }

    /** Takes over other units altogether; what is trained next needs a fresh optimizer. */
    void replace(Tensor newMoving, Tensor newStill, Tensor newBirth) {
        moving = site(name, newMoving, moving.meta().depth());
        still = Scope.own(newStill.detach().clone());
        birth = Scope.own(newBirth.detach().clone());
    }

    /**
     * Soft threshold of the groups that are the weights and bias of each unit: {@code w max(0, 1 - amount/||w||)}.
     *
     * @param units which units; others stay
     */
    void shrink(boolean[] units, double amount) {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            int[] at = IntStream.range(0, units.length).filter(i -> units[i]).toArray();
            if (at.length > 0) {
                Tensor i = Tensors.ids(at);
                Tensor w = moving.source().leaves().get(0).value();
                w.index_copy_(0, i, softThreshold(w.index_select(0, i), amount));
            }
        }
    }

    /** Rows [n, d] whose Euclidean norm is reduced by {@code amount}, at most to 0. */
    static Tensor softThreshold(Tensor rows, double amount) {
        Tensor norm = rows.square().sum(1).sqrt();
        // a row of zeros stays what it is instead of becoming 0/0
        Tensor factor = norm.sub(Tensors.scalar(amount)).relu().div(norm.add(norm.eq(Tensors.scalar(0))));
        return rows.mul(factor.unsqueeze(1));
    }

    /** Units whose weights and bias are all zero. */
    boolean[] zero() {
        try (Scope s = Scope.open()) {
            double[] norms = Tensors.doubles(weights().abs().sum(1));
            boolean[] zero = new boolean[norms.length];
            for (int i = 0; i < zero.length; i++) {
                zero[i] = norms[i] == 0;
            }
            return zero;
        }
    }

    /** Keeps these units and reads these inputs. */
    void select(int[] units, int[] inputs) {
        try (Scope s = Scope.open()) {
            int[] columns = Arrays.copyOf(inputs, inputs.length + 1);
            columns[inputs.length] = (int) weights().size(1) - 1;
            Tensor r = Tensors.ids(units);
            Tensor c = Tensors.ids(columns);
            replace(
                    weights().index_select(0, r).index_select(1, c),
                    still.index_select(0, r).index_select(1, c),
                    birth.index_select(0, r));
        }
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        return forward(x, null, Integer.MAX_VALUE, true, pass);
    }

    @Override
    public void describe(Inventory into) {
        into.add(moving);
        into.buffer(name + ".still", still);
        into.buffer(name + ".birth", birth);
    }

    @Override
    public UnitLayer copy(Copier c) {
        return new UnitLayer(name, c.site(moving), c.leaf(still), c.leaf(birth));
    }
}
