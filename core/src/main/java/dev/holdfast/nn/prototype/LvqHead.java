package dev.holdfast.nn.prototype;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Head;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.head.HeadSpec;
import dev.holdfast.nn.weight.Dense;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Rows [B, n] to the negative distance to the nearest prototype of every class [B, C]. Sites {@code name} [C, P, n] and,
 * where prototypes are affine subspaces, {@code name.tangents} [C, P, n, r].
 */
public final class LvqHead implements Head {
    /**
     * @param perClass prototypes of a class
     * @param tangentRank dimensions of the affine subspace that a prototype is; 0 = a point
     * @param distanceEps added under the square root of distances
     * @param centre mean entry of a prototype at the start
     * @param spread half the range of entries at the start
     */
    public record Spec(int perClass, int tangentRank, double distanceEps, double centre, double spread)
            implements HeadSpec {
        public Spec {
            if (perClass < 1 || tangentRank < 0 || !(distanceEps >= 0) || !Double.isFinite(centre) || !(spread > 0)) {
                throw new IllegalArgumentException(
                        "Prototypes need perClass >= 1, tangentRank >= 0, distanceEps >= 0, a"
                                + " finite centre and spread > 0 but have " + perClass + ", " + tangentRank + ", "
                                + distanceEps
                                + ", " + centre + " and " + spread + ".");
            }
        }

        @Override
        public LvqHead build(String name, long width, ClassIndex columns, Rng rng, ScalarType dtype) {
            return new LvqHead(name, this, width, columns, rng, dtype);
        }
    }

    private final String name;
    private final Spec spec;
    private final long width;
    private final Site prototypes;
    private final Site tangents;
    private ClassIndex columns = ClassIndex.EMPTY;

    private LvqHead(String name, Spec spec, long width, ClassIndex start, Rng rng, ScalarType dtype) {
        if (spec.tangentRank >= width) {
            throw new IllegalArgumentException("A tangent rank of " + spec.tangentRank + " leaves nothing of rows of "
                    + width + " numbers; expected less than that.");
        }
        this.name = name;
        this.spec = spec;
        this.width = width;
        try (Scope s = Scope.open()) {
            prototypes = empty(name, Tensors.zeros(dtype, 0, spec.perClass, width));
            tangents = spec.tangentRank == 0
                    ? null
                    : empty(name + ".tangents", Tensors.zeros(dtype, 0, spec.perClass, width, spec.tangentRank));
        }
        grow(start.columns(), rng);
    }

    private LvqHead(String name, Spec spec, long width, Site prototypes, Site tangents, ClassIndex columns) {
        this.name = name;
        this.spec = spec;
        this.width = width;
        this.prototypes = prototypes;
        this.tangents = tangents;
        this.columns = columns;
    }

    private static Site empty(String name, Tensor none) {
        ParamMeta m = new ParamMeta(name, Role.HEAD, none.size(2), 0, false, 0);
        return Dense.at(m, Geometry.vector(none.shape()), none);
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        int classes = columns.size();
        if (classes == 0) {
            return Tensors.zerosLike(x, x.size(0), 0);
        }
        Tensor points = prototypes.weight(pass).reshape(-1, width);
        Tensor squared = tangents == null
                ? Distances.squared(x, points)
                : Distances.tangentSquared(x, points, tangents.weight(pass).reshape(-1, width, spec.tangentRank));
        Tensor distance = Distances.root(squared, spec.distanceEps);
        return (spec.perClass == 1
                        ? distance
                        : distance.reshape(-1, classes, spec.perClass).amin(new long[] {2}, false))
                .neg();
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
        return Prediction.Kind.SCORES;
    }

    @Override
    public List<Resized> grow(List<ClassIndex.Column> added, Rng rng) {
        ClassIndex all = columns.plus(added);
        if (added.isEmpty()) {
            return List.of();
        }
        List<Resized> grown = new ArrayList<>();
        try (Scope s = Scope.open()) {
            Rng draws = rng.child(name, columns.size());
            Tensor old = prototypes.source().toDense();
            ScalarType dtype = old.scalar_type().intern();
            Tensor rows = draws.uniform(dtype, added.size(), spec.perClass, width)
                    .sub(Tensors.scalar(0.5))
                    .mul(Tensors.scalar(2 * spec.spread))
                    .add(Tensors.scalar(spec.centre));
            grown.add(Dense.resize(prototypes, Tensors.cat(0, old, rows)));
            if (tangents != null) {
                Tensor frames = Components.frames(
                                draws.child("tangents"),
                                dtype,
                                (long) added.size() * spec.perClass,
                                width,
                                spec.tangentRank)
                        .reshape(added.size(), spec.perClass, width, spec.tangentRank);
                grown.add(
                        Dense.resize(tangents, Tensors.cat(0, tangents.source().toDense(), frames)));
            }
            columns = all;
        }
        return grown;
    }

    @Override
    public void adopt(ClassIndex saved) {
        if (saved.size() != columns.size()) {
            try (Scope s = Scope.open()) {
                Tensor old = prototypes.source().toDense();
                Dense.resize(prototypes, Tensors.zerosLike(old, saved.size(), spec.perClass, width));
                if (tangents != null) {
                    Dense.resize(
                            tangents, Tensors.zerosLike(old, saved.size(), spec.perClass, width, spec.tangentRank));
                }
            }
        }
        columns = saved;
    }

    @Override
    public void describe(Inventory into) {
        into.add(this);
        into.add(prototypes);
        if (tangents != null) {
            into.add(tangents);
        }
    }

    @Override
    public LvqHead copy(Copier c) {
        return new LvqHead(name, spec, width, c.site(prototypes), c.site(tangents), columns);
    }
}
