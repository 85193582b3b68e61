package dev.holdfast.tensor.linalg;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * A subspace of R^d with an orthonormal basis M [d, rank] that grows by the main directions of new vectors.
 *
 * <p>Saha, Garg, Roy: <i>Gradient Projection Memory for Continual Learning</i>, arXiv 2103.09762, equations 8 and 9. One
 * writer.
 */
public final class Subspace implements Stateful {
    private final long dimension;
    private Tensor basis;

    /** The subspace {0} of R^d. */
    public Subspace(long dimension) {
        if (dimension < 1) {
            throw new IllegalArgumentException("A subspace needs a dimension >= 1 but got " + dimension + ".");
        }
        this.dimension = dimension;
    }

    public long dimension() {
        return dimension;
    }

    public int rank() {
        return basis == null ? 0 : (int) basis.size(1);
    }

    /** M [d, rank], or null at rank 0; lives as long as this subspace does not grow. */
    public Tensor basis() {
        return basis;
    }

    /**
     * Adds the fewest directions with which the subspace holds at least {@code share} of the vectors' energy {@code
     * ||R||_F^2}; returns how many were added.
     *
     * @param vectors R [d, n], one vector a column, finite
     * @param share in (0, 1]
     */
    public int extend(Tensor vectors, double share) {
        Tensors.requireShape("vectors of a subspace", vectors, dimension, -1);
        if (!(share > 0 && share <= 1)) {
            throw new IllegalArgumentException("The share of energy to keep must be in (0, 1] but is " + share + ".");
        }
        Tensors.requireFinite("vectors of a subspace", vectors);
        try (Scope s = Scope.open()) {
            Tensor rest = vectors.detach();
            double total = squares(rest);
            if (basis != null) {
                rest = rest.sub(basis.mm(basis.t().mm(rest)));
            }
            double kept = total - squares(rest);
            LinearAlgebra.Svd svd = LinearAlgebra.svd(rest);
            double[] sigma = Tensors.doubles(svd.s());
            int room = (int) dimension - rank();
            int add = 0;
            while (add < Math.min(sigma.length, room)
                    && kept < share * total
                    && sigma[add] * sigma[add] > 1e-14 * total) {
                kept += sigma[add] * sigma[add];
                add++;
            }
            if (add > 0) {
                Tensor fresh = Tensors.slice(svd.u(), 1, 0, add);
                if (basis != null) {
                    // rounding lets old directions leak into new ones: one more pass keeps the basis orthonormal
                    fresh = LinearAlgebra.orthonormal(
                            fresh.sub(basis.mm(basis.t().mm(fresh))));
                }
                Tensor old = basis;
                basis = Scope.own(old == null ? fresh.contiguous().clone() : Tensors.cat(1, old, fresh));
                if (old != null) {
                    old.close();
                }
            }
            return add;
        }
    }

    private static double squares(Tensor t) {
        return t.mul(t).sum().item_double();
    }

    /** {@code x - x M M'} for rows x [n, d]: what lies outside. */
    public Tensor reject(Tensor x) {
        Tensors.requireShape("rows to project", x, -1, dimension);
        return basis == null ? x : x.sub(x.mm(basis).mm(basis.t()));
    }

    /** M M' [d, d]. */
    public Tensor projector() {
        return basis == null
                ? Tensors.zeros(org.bytedeco.pytorch.global.torch.ScalarType.Double, dimension, dimension)
                : basis.mm(basis.t());
    }

    @Override
    public State state() {
        return new State().put("basis", basis);
    }

    @Override
    public void load(State saved) {
        Tensor t = saved.tensors().get("basis");
        if (t == null) {
            basis = null;
            return;
        }
        Tensors.requireShape("saved basis", t, dimension, -1);
        try (Scope s = Scope.open()) {
            basis = Scope.own(Tensors.copy(t));
        }
    }
}
