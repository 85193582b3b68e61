package dev.holdfast.nn.head;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Head;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
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
 * Logits scale * cos(x, w_c), so that old and new classes compete at equal weight norms (Hou et al., Learning a Unified
 * Classifier Incrementally via Rebalancing, CVPR 2019, eq. 4); sites {@code name} [columns,D] and, if learnt, {@code
 * name.scale}.
 */
public final class CosineHead implements Head {
    /**
     * @param scale factor of the cosines, at the start if it is learnt
     * @param learnScale whether the factor is trained
     */
    public record Spec(double scale, boolean learnScale) implements HeadSpec {
        public Spec {
            if (!(scale > 0) || Double.isInfinite(scale)) {
                throw new IllegalArgumentException("The scale of a cosine head must be > 0 but is " + scale + ".");
            }
        }

        @Override
        public CosineHead build(String name, long width, ClassIndex columns, Rng rng, ScalarType dtype) {
            return new CosineHead(name, this, width, columns, rng, dtype);
        }
    }

    private static final double EPS = 1e-12;
    private final String name;
    private final Site weight;
    private final Site scale;
    private final Tensor fixedScale;
    private ClassIndex columns;

    private CosineHead(String name, Spec spec, long width, ClassIndex columns, Rng rng, ScalarType dtype) {
        Fresh empty = new Fresh(rng, dtype, Init.KAIMING_UNIFORM, Role.HEAD, 0);
        this.name = name;
        this.weight = empty.weight(name, Geometry.linear(0, width), 0, Map.of());
        this.scale = spec.learnScale ? empty.constant(name + ".scale", Role.OTHER, spec.scale) : null;
        this.fixedScale =
                spec.learnScale ? null : Scope.own(Tensors.zeros(dtype).fill_(Tensors.scalar(spec.scale)));
        this.columns = ClassIndex.EMPTY;
        grow(columns.columns(), rng);
    }

    private CosineHead(String name, Site weight, Site scale, Tensor fixedScale, ClassIndex columns) {
        this.name = name;
        this.weight = weight;
        this.scale = scale;
        this.fixedScale = fixedScale;
        this.columns = columns;
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        Tensor cosines = weight.geometry().apply(unit(x), unit(weight.weight(pass)), null);
        return cosines.mul(scale == null ? fixedScale : scale.weight(pass));
    }

    /** Rows of length 1; a row of zeros stays. */
    static Tensor unit(Tensor rows) {
        // the bound is set before the root, whose slope at 0 is infinite
        Tensor norm = rows.mul(rows)
                .sum(new long[] {-1}, true, new ScalarTypeOptional())
                .clamp_min(Tensors.scalar(EPS * EPS))
                .sqrt();
        return rows.div(norm);
    }

    /** Overwrites the weights of all columns [columns,D], for example by class means. */
    public void assign(Tensor rows) {
        Dense.require(weight);
        Tensors.requireShape(
                "weights of head '" + name + "'", rows, weight.geometry().sizes());
        try (var mode = Autograd.noGrad()) {
            weight.source().leaves().get(0).value().copy_(rows);
        }
    }

    /** D, the width of the features. */
    public long width() {
        return weight.geometry().sizes()[1];
    }

    /** Factor of the cosines. */
    public double scale() {
        return (scale == null ? fixedScale : scale.source().toDense()).item_double();
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
        return Prediction.Kind.LOGITS;
    }

    @Override
    public List<Resized> grow(List<ClassIndex.Column> added, Rng rng) {
        ClassIndex all = columns.plus(added);
        if (added.isEmpty()) {
            return List.of();
        }
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
        if (scale != null) {
            into.add(scale);
        } else {
            into.buffer(name + ".scale", fixedScale);
        }
    }

    @Override
    public CosineHead copy(Copier c) {
        return new CosineHead(name, c.site(weight), c.site(scale), c.leaf(fixedScale), columns);
    }
}
