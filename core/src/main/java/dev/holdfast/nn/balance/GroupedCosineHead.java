package dev.holdfast.nn.balance;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Head;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.head.HeadSpec;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.weight.Dense;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One logit a label from the cosines of its weight with the feature, in groups of channels, {@code z = (scale / G) sum_k w_k
 * . f_k / ((|w_k| + eta) |f_k|)}; and the direction in which features have been moving, along which frequent labels lie.
 *
 * <p>{@link #biased} takes that direction off the feature or adds more of it: {@code f^ + coefficient cos(f, e) e^}. Zhang
 * et al., arXiv 2304.10539, section 3.3; Tang et al.: <i>Long-Tailed Classification by Keeping the Good and Removing the
 * Bad Momentum Causal Effect</i>, arXiv 2009.12991. Sites {@code name} [columns, D]; buffer {@code name.direction} [D].
 */
public final class GroupedCosineHead implements Head {
    /** Coefficient of the head logits. */
    public static final double HEAD = -1;

    /** Coefficient of the tail logits. */
    public static final double TAIL = 2;

    /**
     * @param scale factor of the cosines, > 0
     * @param eta added to the norms of weights, >= 0
     * @param groups groups of channels; divides the width of the features
     * @param momentum share of the old direction, in [0, 1)
     */
    public record Spec(double scale, double eta, int groups, double momentum) implements HeadSpec {
        public Spec {
            if (!(scale > 0 && eta >= 0) || Double.isInfinite(scale + eta) || groups < 1) {
                throw new IllegalArgumentException("Expected scale > 0, eta >= 0 and groups >= 1 but got " + scale
                        + ", " + eta + " and " + groups + ".");
            }
            if (!(momentum >= 0 && momentum < 1)) {
                throw new IllegalArgumentException("momentum must be in [0, 1) but is " + momentum + ".");
            }
        }

        /** scale 16, eta 1/32, one group, momentum 0.9. */
        public Spec() {
            this(16, 1.0 / 32, 1, 0.9);
        }

        @Override
        public GroupedCosineHead build(String name, long width, ClassIndex columns, Rng rng, ScalarType dtype) {
            return new GroupedCosineHead(name, this, width, columns, rng, dtype);
        }
    }

    private static final double EPS = 1e-12;
    private final String name;
    private final Spec spec;
    private final Site weight;
    private final Tensor direction;
    private ClassIndex columns;

    private GroupedCosineHead(String name, Spec spec, long width, ClassIndex columns, Rng rng, ScalarType dtype) {
        if (width % spec.groups != 0) {
            throw new IllegalArgumentException(
                    "Features of width " + width + " cannot be split into " + spec.groups + " groups of equal width.");
        }
        Fresh empty = new Fresh(rng, dtype, Init.KAIMING_UNIFORM, Role.HEAD, 0);
        this.name = name;
        this.spec = spec;
        this.weight = empty.weight(name, Geometry.linear(0, width), 0, Map.of());
        this.direction = Scope.own(Tensors.zeros(dtype, width));
        this.columns = ClassIndex.EMPTY;
        grow(columns.columns(), rng);
    }

    private GroupedCosineHead(String name, Spec spec, Site weight, Tensor direction, ClassIndex columns) {
        this.name = name;
        this.spec = spec;
        this.weight = weight;
        this.direction = direction;
        this.columns = columns;
    }

    /** Logits [n, columns] of features x [n, D]. */
    @Override
    public Tensor forward(Tensor x, Pass pass) {
        return logits(unit(grouped(x)), pass);
    }

    /** Logits [n, columns] of features x [n, D] of which so much of the direction was added. */
    public Tensor biased(Tensor x, double coefficient, Pass pass) {
        Tensor f = unit(grouped(x));
        Tensor e = unit(grouped(direction.unsqueeze(0)));
        Tensor cosine = f.mul(e).sum(new long[] {-1}, true, new ScalarTypeOptional());
        return logits(f.add(cosine.mul(e), Tensors.scalar(coefficient)), pass);
    }

    private Tensor logits(Tensor f, Pass pass) {
        Tensor w = grouped(weight.weight(pass));
        Tensor norm = norm(w).add(Tensors.scalar(spec.eta));
        Tensor v = w.div(norm).reshape(w.size(0), -1);
        return f.reshape(f.size(0), -1).matmul(v.t()).mul(Tensors.scalar(spec.scale / spec.groups));
    }

    /** Moves the direction by the mean of features [n, D] of a training step: {@code e := momentum e + mean}. */
    public void follow(Tensor x) {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            direction.mul_(Tensors.scalar(spec.momentum)).add_(x.detach().mean(new long[] {0}));
        }
    }

    /** The direction [D]; shares memory with the head. */
    public Tensor direction() {
        return direction;
    }

    private Tensor grouped(Tensor rows) {
        return rows.reshape(rows.size(0), spec.groups, -1);
    }

    private static Tensor norm(Tensor t) {
        // the bound is set before the root, whose slope at 0 is infinite
        return t.mul(t)
                .sum(new long[] {-1}, true, new ScalarTypeOptional())
                .clamp_min(Tensors.scalar(EPS * EPS))
                .sqrt();
    }

    private static Tensor unit(Tensor t) {
        return t.div(norm(t));
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public ClassIndex columns() {
        return columns;
    }

    @Override
    public Prediction.Kind kind() {
        return Prediction.Kind.SIGMOID_LOGITS;
    }

    @Override
    public List<Resized> grow(List<ClassIndex.Column> added, Rng rng) {
        if (added.isEmpty()) {
            return List.of();
        }
        ClassIndex all = columns.plus(added);
        try (Scope s = Scope.open()) {
            Tensor old = weight.source().toDense();
            long width = old.size(1);
            Tensor rows = Init.KAIMING_UNIFORM.weight(
                    width,
                    all.size(),
                    rng.child(name, columns.size()),
                    old.scalar_type().intern(),
                    added.size(),
                    width);
            Resized grown = Dense.resize(weight, Tensors.cat(0, old, rows));
            columns = all;
            return List.of(grown);
        }
    }

    /** Overwrites the weights of all columns [columns, D]. */
    public void assign(Tensor rows) {
        Dense.require(weight);
        Tensors.requireShape(
                "weights of head '" + name + "'", rows, weight.geometry().sizes());
        try (var mode = Autograd.noGrad()) {
            weight.source().leaves().get(0).value().copy_(rows);
        }
    }

    @Override
    public void adopt(ClassIndex saved) {
        if (saved.size() != columns.size()) {
            try (Scope s = Scope.open()) {
                Tensor old = weight.source().toDense();
                Dense.resize(weight, Tensors.zerosLike(old, saved.size(), old.size(1)));
            }
        }
        columns = saved;
    }

    @Override
    public void describe(Inventory into) {
        into.add(this);
        into.add(weight);
        into.buffer(name + ".direction", direction);
    }

    @Override
    public GroupedCosineHead copy(Copier c) {
        return new GroupedCosineHead(name, spec, c.site(weight), c.leaf(direction), columns);
    }
}
