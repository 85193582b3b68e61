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
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One logit a column, x W^T + b, for a softmax over all columns or a sigmoid each: x [n,D] to [n,columns]; sites {@code
 * name} [columns,D] and {@code name.bias}.
 */
public final class LinearHead implements Head {
    /** What the logits are for. */
    public enum Use {
        SOFTMAX,
        SIGMOID
    }

    /**
     * @param use what the logits are for
     * @param bias whether each column has an offset
     * @param init how rows start, those of a fresh head and those that grow
     */
    public record Spec(Use use, boolean bias, Init init) implements HeadSpec {
        @Override
        public LinearHead build(String name, long width, ClassIndex columns, Rng rng, ScalarType dtype) {
            return new LinearHead(name, this, width, columns, rng, dtype);
        }
    }

    private final String name;
    private final Spec spec;
    private final Site weight;
    private final Site bias;
    private ClassIndex columns;

    private LinearHead(String name, Spec spec, long width, ClassIndex columns, Rng rng, ScalarType dtype) {
        // starts empty and grows, so that fresh rows and grown rows come from one place
        Fresh empty = new Fresh(rng, dtype, spec.init, Role.HEAD, 0);
        this.name = name;
        this.spec = spec;
        this.weight = empty.weight(name, Geometry.linear(0, width), 0, Map.of());
        this.bias = spec.bias ? empty.bias(name + ".bias", width, 0) : null;
        this.columns = ClassIndex.EMPTY;
        grow(columns.columns(), rng);
    }

    private LinearHead(String name, Spec spec, Site weight, Site bias, ClassIndex columns) {
        this.name = name;
        this.spec = spec;
        this.weight = weight;
        this.bias = bias;
        this.columns = columns;
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        return weight.apply(x, bias, pass);
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
        return spec.use == Use.SOFTMAX ? Prediction.Kind.LOGITS : Prediction.Kind.SIGMOID_LOGITS;
    }

    @Override
    public List<Resized> grow(List<ClassIndex.Column> added, Rng rng) {
        ClassIndex all = columns.plus(added);
        List<Resized> grown = new ArrayList<>();
        if (!added.isEmpty()) {
            requireDense();
            try (Scope s = Scope.open()) {
                Tensor old = weight.source().toDense();
                long width = old.size(1);
                // keyed by the present count: growing twice from one stream gives different rows
                Rng draws = rng.child(name, columns.size());
                Tensor rows = spec.init.weight(
                        width, all.size(), draws, old.scalar_type().intern(), added.size(), width);
                grown.add(Dense.resize(weight, Tensors.cat(0, old, rows)));
                if (bias != null) {
                    Tensor more = spec.init.bias(
                            width, draws.child("bias"), old.scalar_type().intern(), added.size());
                    grown.add(Dense.resize(bias, Tensors.cat(0, bias.source().toDense(), more)));
                }
            }
            columns = all;
        }
        return grown;
    }

    /** Both or neither change. */
    private void requireDense() {
        Dense.require(weight);
        if (bias != null) {
            Dense.require(bias);
        }
    }

    @Override
    public void adopt(ClassIndex saved) {
        if (saved.size() != columns.size()) {
            requireDense();
            try (Scope s = Scope.open()) {
                Tensor old = weight.source().toDense();
                Dense.resize(weight, Tensors.zerosLike(old, saved.size(), old.size(1)));
                if (bias != null) {
                    Dense.resize(bias, Tensors.zerosLike(old, saved.size()));
                }
            }
        }
        columns = saved;
    }

    @Override
    public void describe(Inventory into) {
        into.add(this);
        into.add(weight);
        if (bias != null) {
            into.add(bias);
        }
    }

    @Override
    public LinearHead copy(Copier c) {
        return new LinearHead(name, spec, c.site(weight), c.site(bias), columns);
    }
}
