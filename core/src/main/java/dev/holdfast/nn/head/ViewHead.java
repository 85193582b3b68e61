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
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Scaled cosines to M weights a class, one for each of M views that change what an image shows (Song et al., arXiv
 * 2304.00426): row y M + m of site {@code name} [M columns,D] is the m-th view of the y-th class. With M = 1 it is a {@link
 * CosineHead} of fixed scale.
 */
public final class ViewHead implements Head {
    /**
     * @param scale factor of the cosines
     * @param views M >= 1
     */
    public record Spec(double scale, int views) implements HeadSpec {
        public Spec {
            new CosineHead.Spec(scale, false);
            if (views < 1) {
                throw new IllegalArgumentException("A class needs at least one view but has " + views + ".");
            }
        }

        @Override
        public ViewHead build(String name, long width, ClassIndex columns, Rng rng, ScalarType dtype) {
            Fresh empty = new Fresh(rng, dtype, Init.KAIMING_UNIFORM, Role.HEAD, 0);
            Site weight = empty.weight(name, Geometry.linear(0, width), 0, Map.of());
            ViewHead head = new ViewHead(name, this, weight, ClassIndex.EMPTY);
            head.grow(columns.columns(), rng);
            return head;
        }
    }

    private final String name;
    private final Spec spec;
    private final Site weight;
    private ClassIndex columns;

    private ViewHead(String name, Spec spec, Site weight, ClassIndex columns) {
        this.name = name;
        this.spec = spec;
        this.weight = weight;
        this.columns = columns;
    }

    /** Logits of rows that are shown untouched [n,columns]: those of the first view of every class. */
    @Override
    public Tensor forward(Tensor x, Pass pass) {
        Tensor all = joint(x, pass);
        return spec.views == 1
                ? all
                : all.reshape(x.size(0), columns.size(), spec.views).select(2, 0);
    }

    /** Logits of all views of all classes [n,M columns]. */
    public Tensor joint(Tensor x, Pass pass) {
        return logits(x, weight.weight(pass));
    }

    /** Logits of features [n,D] for other weights [rows,D]: the scale times cosines. */
    public Tensor logits(Tensor x, Tensor rows) {
        return CosineHead.unit(x).matmul(CosineHead.unit(rows).t()).mul(Tensors.scalar(spec.scale));
    }

    /** Overwrites all weights [M columns,D]. */
    public void assign(Tensor rows) {
        Dense.require(weight);
        Tensors.requireShape(
                "weights of head '" + name + "'", rows, weight.geometry().sizes());
        try (var mode = Autograd.noGrad()) {
            weight.source().leaves().get(0).value().copy_(rows);
        }
    }

    /** The weights [M columns,D] as they are now, without graph. */
    public Tensor rows() {
        return weight.source().toDense();
    }

    /** M. */
    public int views() {
        return spec.views;
    }

    /** D, the width of the features. */
    public long width() {
        return weight.geometry().sizes()[1];
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
                    (long) all.size() * spec.views,
                    rng.child(name, columns.size()),
                    old.scalar_type().intern(),
                    (long) added.size() * spec.views,
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
                Dense.resize(weight, Tensors.zerosLike(old, (long) saved.size() * spec.views, old.size(1)));
            }
        }
        columns = saved;
    }

    @Override
    public void describe(Inventory into) {
        into.add(this);
        into.add(weight);
    }

    @Override
    public ViewHead copy(Copier c) {
        return new ViewHead(name, spec, c.site(weight), columns);
    }
}
