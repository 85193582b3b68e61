package dev.holdfast.nn.prototype;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * Distances of rows to points and to affine subspaces, in the expanded form {@code |x|^2 - 2 x.w + |w|^2}, which needs no
 * row-by-point differences. Rounding may make a tiny square negative, so squares are cut at 0. Pure; safe from any thread.
 */
public final class Distances {
    private Distances() {}

    /**
     * Squared Euclidean distances [B, K].
     *
     * @param x [B, n]
     * @param points [K, n]
     */
    public static Tensor squared(Tensor x, Tensor points) {
        Tensors.requireShape("rows", x, -1, points.size(1));
        return expanded(x, points).relu();
    }

    /**
     * Squared distances [B, K] to the affine subspaces {@code b_k + span(W_k)}: {@code |(I - W W')(x - b)|^2}.
     *
     * @param x [B, n]
     * @param points the translations b [K, n]
     * @param tangents W [K, n, r] with orthonormal columns; r = 0 gives {@link #squared}
     */
    public static Tensor tangentSquared(Tensor x, Tensor points, Tensor tangents) {
        Tensors.requireShape("tangents", tangents, points.size(0), points.size(1), -1);
        long k = points.size(0);
        long r = tangents.size(2);
        if (r == 0) {
            return squared(x, points);
        }
        Tensors.requireShape("rows", x, -1, points.size(1));
        Tensor flat = tangents.permute(1, 0, 2).reshape(points.size(1), k * r);
        Tensor along = x.matmul(flat)
                .reshape(-1, k, r)
                .sub(points.unsqueeze(1).matmul(tangents).squeeze(1));
        return expanded(x, points).sub(along.mul(along).sum(2)).relu();
    }

    /** {@code sqrt(squared + eps)}; with eps > 0 the slope at 0 is finite. */
    public static Tensor root(Tensor squared, double eps) {
        return squared.add(Tensors.scalar(eps)).sqrt();
    }

    private static Tensor expanded(Tensor x, Tensor points) {
        Tensor cross = x.matmul(points.t()).mul(Tensors.scalar(-2));
        return cross.add(length(x, true)).add(length(points, false));
    }

    /** Squared lengths of rows, as a column [n, 1] or a line [n]. */
    private static Tensor length(Tensor rows, boolean column) {
        return rows.mul(rows).sum(new long[] {1}, column, new ScalarTypeOptional());
    }
}
