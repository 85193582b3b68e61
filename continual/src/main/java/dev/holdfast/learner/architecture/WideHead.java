package dev.holdfast.learner.architecture;

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
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A linear head that grows in both directions: columns, as every head does, and features. Sites {@code head} [columns, D]
 * and {@code head.bias}.
 */
final class WideHead implements Head {
    private static final String NAME = "head";
    private static final Init INIT = Init.KAIMING_UNIFORM;

    private final Site weight;
    private final Site bias;
    private ClassIndex columns;

    /** Without columns, for features of that width. */
    WideHead(long width, ScalarType dtype) {
        Fresh empty = new Fresh(Rng.of(0), dtype, INIT, ParamMeta.Role.HEAD, 0);
        this.weight = empty.weight(NAME, Geometry.linear(0, width), 0, Map.of());
        this.bias = empty.bias(NAME + ".bias", width, 0);
        this.columns = ClassIndex.EMPTY;
    }

    private WideHead(Site weight, Site bias, ClassIndex columns) {
        this.weight = weight;
        this.bias = bias;
        this.columns = columns;
    }

    long width() {
        return weight.geometry().shape().get(1);
    }

    /** The weight [columns, D] now. */
    Tensor weight() {
        return weight.source().toDense();
    }

    /** More features behind those that there are, with fresh weights; the optimizer must begin anew. */
    void widen(long more, Rng rng) {
        try (Scope s = Scope.open()) {
            Tensor old = weight();
            long width = old.size(1) + more;
            Tensor fresh = INIT.weight(
                    width, columns.size(), rng.child(NAME), old.scalar_type().intern(), columns.size(), more);
            weights(Tensors.cat(1, old, fresh));
        }
    }

    /** Other weights for as many columns; the optimizer must begin anew. */
    void weights(Tensor numbers) {
        ParamMeta m = weight.meta();
        Geometry g = Geometry.linear(numbers.size(0), numbers.size(1));
        weight.resize(
                g,
                new Dense(
                        new ParamMeta(
                                NAME + ".weight", m.role(), numbers.size(1), numbers.size(0), m.decay(), m.depth()),
                        numbers));
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        return weight.apply(x, bias, pass);
    }

    @Override
    public String name() {
        return NAME;
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
        if (added.isEmpty()) {
            return List.of();
        }
        ClassIndex all = columns.plus(added);
        try (Scope s = Scope.open()) {
            Tensor old = weight();
            ScalarType dtype = old.scalar_type().intern();
            Rng draws = rng.child(NAME, columns.size());
            Tensor rows = INIT.weight(width(), all.size(), draws, dtype, added.size(), width());
            Tensor more = INIT.bias(width(), draws.child("bias"), dtype, added.size());
            List<Resized> grown = List.of(
                    Dense.resize(weight, Tensors.cat(0, old, rows)),
                    Dense.resize(bias, Tensors.cat(0, bias.source().toDense(), more)));
            columns = all;
            return grown;
        }
    }

    @Override
    public void adopt(ClassIndex saved) {
        if (saved.size() != columns.size()) {
            try (Scope s = Scope.open()) {
                Tensor old = weight();
                Dense.resize(weight, Tensors.zerosLike(old, saved.size(), old.size(1)));
                Dense.resize(bias, Tensors.zerosLike(old, saved.size()));
            }
        }
        columns = saved;
    }

    @Override
    public void describe(Inventory into) {
        into.add(this);
        into.add(weight);
        into.add(bias);
    }

    @Override
    public WideHead copy(Copier c) {
        return new WideHead(c.site(weight), c.site(bias), columns);
    }
}
