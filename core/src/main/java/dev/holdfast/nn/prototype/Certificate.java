package dev.holdfast.nn.prototype;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * What is proven about n rows: the column that each is predicted as, and a radius such that no change of the row with a
 * smaller Euclidean norm alters the prediction.
 *
 * <p>The radius is exact in real numbers; it is computed in the network's type, so read the last digits with care. arXiv
 * 2412.15499, robustness theorem: |dist(x + v, w) - dist(x, w)| <= |v| = eps keeps every detection within [d/s, d s], s =
 * exp(eps / sigma); in the worst case {@code p_i - p_j >= C/s - A s + B}.
 *
 * @param column predicted score column [n] int64
 * @param radius [n], >= 0, infinite where there is only one class
 * @param faint share of detections below 1e-6; over one half the widths sigma are too small to tell rows apart
 */
public record Certificate(Tensor column, Tensor radius, double faint) {
    private static final double LEAST = 1e-8;

    /** Refuses rows without a radius each. */
    public Certificate {
        Tensors.requireShape("predicted columns", column, -1);
        Tensors.requireShape("radii", radius, column.size(0));
    }

    /**
     * Certified radius [B] of rows that are taken to be of class {@code column}, for Euclidean distances: sigma ln(min over
     * reasonings j of other classes of max over reasonings i of this class of t_ij). Negative where another class is ahead.
     * Differentiable.
     *
     * @param detections [B, K]
     * @param sigma smallest width, one number
     * @param column class column of every row
     */
    public static Tensor radius(Tensor detections, Reasoning tables, Tensor sigma, int... column) {
        Tensors.requireShape("detections", detections, column.length, tables.components());
        Tensor own = Tensors.rows(tables.ownership(detections.detach()), column).gt(Tensors.scalar(0.5));
        Tensor present = detections.matmul(tables.positive().t());
        Tensor missed = detections.matmul(tables.negative().t());
        Tensor absent = tables.negative().sum(1);
        // dimension 1 is i, dimension 2 is j
        Tensor a = missed.unsqueeze(2).add(present.unsqueeze(1));
        Tensor c = present.unsqueeze(2).add(missed.unsqueeze(1));
        Tensor b = absent.unsqueeze(1).sub(absent.unsqueeze(0)).unsqueeze(0);
        Tensor root = b.mul(b)
                .add(a.mul(c).mul(Tensors.scalar(4)))
                .clamp_min(Tensors.scalar(LEAST))
                .sqrt();
        Tensor t = b.add(root).div(a.clamp_min(Tensors.scalar(LEAST)).mul(Tensors.scalar(2)));
        Tensor best = t.masked_fill(own.logical_not().unsqueeze(2), new Scalar(Double.NEGATIVE_INFINITY))
                .amax(new long[] {1}, false);
        Tensor least = best.masked_fill(own, new Scalar(Double.POSITIVE_INFINITY))
                .amin(new long[] {1}, false)
                .clamp_min(Tensors.scalar(LEAST));
        return least.log().mul(sigma);
    }

    /**
     * The radius of squared distances from that of {@link #radius}: the eps with {@code 3 eps^2 + 2 m eps = radius}. The
     * published form; {@code eps^2 + 2 m eps} would do, so it is on the safe side. Where negative it is scaled instead.
     *
     * @param largest m [B], distance to the farthest component
     * @param negativeWeight factor of negative radii
     */
    public static Tensor squared(Tensor radius, Tensor largest, double negativeWeight) {
        Tensor third = largest.div(Tensors.scalar(3));
        Tensor eps = third.mul(third)
                .add(radius.clamp_min(Tensors.scalar(0)).div(Tensors.scalar(3)))
                .add(Tensors.scalar(1e-24))
                .sqrt()
                .sub(third);
        Tensor positive = radius.gt(Tensors.scalar(0));
        return eps.where(positive, radius.mul(Tensors.scalar(negativeWeight)));
    }

    /**
     * Half the lead of the nearest prototype of the own class: [B] from distances [B, C] to the nearest prototype of every
     * class. Holds for every distance that moves by at most |v| when a row moves by v.
     */
    public static Tensor ofDistances(Tensor distances, int... column) {
        Tensor own = Tensors.oneHot(column, (int) distances.size(1), distances.detach())
                .gt(Tensors.scalar(0.5));
        Tensor infinity = distances.masked_fill(own.logical_not(), new Scalar(Double.POSITIVE_INFINITY));
        Tensor other = distances.masked_fill(own, new Scalar(Double.POSITIVE_INFINITY));
        return other.amin(new long[] {1}, false)
                .sub(infinity.amin(new long[] {1}, false))
                .div(Tensors.scalar(2));
    }
}
