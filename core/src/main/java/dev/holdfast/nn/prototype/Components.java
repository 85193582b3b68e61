package dev.holdfast.nn.prototype;

import dev.holdfast.config.Doc;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.weight.Dense;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.LinearAlgebra;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Detects K learned components in rows: {@code d_k(x) = exp(-dist(x, w_k) / sigma_k)} in (0, 1]. Sites {@code components}
 * [K, n], {@code sigma} [K] or [1], and, where components are affine subspaces, {@code tangents} [K, n, r].
 *
 * <p>A Robust Prototype-Based Network with Interpretable RBF Classifier Foundations, arXiv 2412.15499.
 */
public final class Components implements Layer {
    /** Added to |sigma|, so that it stays positive. */
    private static final double LEAST = 1e-7;

    /**
     * How components are shaped and compared.
     *
     * @param count K
     * @param squared whether squared distances are used
     * @param tangentRank dimensions of the affine subspace that a component is; 0 = a point
     * @param sigma width of detection at the start; 0 = the square root of the row's width
     * @param sharedSigma one width for all components
     * @param distanceEps added under the square root of distances
     * @param centre mean of the components at the start
     * @param spread half the range around it that their entries are drawn from
     */
    public record Config(
            @Doc("learned components; with a backbone, its channels are the components") int count,
            @Doc("compare by squared distance") boolean squared,
            @Doc("dimensions in which a component may bend without cost (tangent distance); 0 = none") int tangentRank,
            @Doc("distance at which detection has fallen to 1/e, at the start; 0 = root of the row's width")
                    double sigma,
            @Doc("one width of detection for all components") boolean sharedSigma,
            @Doc("added under the root of a distance") double distanceEps,
            @Doc("mean entry of a component at the start") double centre,
            @Doc("half the range of entries at the start") double spread) {
        public Config {
            if (count < 1) {
                throw new IllegalArgumentException("A network needs at least 1 component but count is " + count + ".");
            }
            if (tangentRank < 0) {
                throw new IllegalArgumentException(
                        "The tangent rank must be >= 0 (0 = points) but is " + tangentRank + ".");
            }
            if (!(sigma >= 0) || Double.isInfinite(sigma)) {
                throw new IllegalArgumentException(
                        "The width sigma must be > 0 (0 = by the row's width) but is " + sigma + ".");
            }
            if (!(distanceEps >= 0) || Double.isInfinite(distanceEps)) {
                throw new IllegalArgumentException("distanceEps must be >= 0 but is " + distanceEps + ".");
            }
            if (!Double.isFinite(centre) || !(spread > 0) || Double.isInfinite(spread)) {
                throw new IllegalArgumentException("Components start within centre +- spread, finite and spread > 0,"
                        + " but these are " + centre + " and " + spread + ".");
            }
        }

        /** Twenty points around grey 1/2, a width for each, Euclidean distance. */
        public static Config defaults() {
            return new Config(20, false, 0, 0, false, 1e-7, 0.5, 0.05);
        }

        /** The same with another width at the start. */
        public Config withSigma(double newSigma) {
            return new Config(count, squared, tangentRank, newSigma, sharedSigma, distanceEps, centre, spread);
        }

        /** The same with affine subspaces of this rank. */
        public Config withTangents(int rank) {
            return new Config(count, squared, rank, sigma, sharedSigma, distanceEps, centre, spread);
        }
    }

    private final Config config;
    private final long width;
    private final Site points;
    private final Site sigma;
    private final Site tangents;

    /** Fresh components for rows of {@code width} numbers. */
    public Components(Config config, long width, Rng rng, ScalarType dtype) {
        if (config.tangentRank >= width) {
            throw new IllegalArgumentException("A tangent rank of " + config.tangentRank + " leaves nothing of rows of "
                    + width + " numbers; expected less than that.");
        }
        this.config = config;
        this.width = width;
        try (Scope s = Scope.open()) {
            Tensor w = rng.child("components")
                    .uniform(dtype, config.count, width)
                    .sub(Tensors.scalar(0.5))
                    .mul(Tensors.scalar(2 * config.spread))
                    .add(Tensors.scalar(config.centre));
            points = site("components", w, width);
            double start = config.sigma > 0 ? config.sigma : Math.sqrt(width);
            sigma = site(
                    "sigma",
                    Tensors.zeros(dtype, config.sharedSigma ? 1 : config.count).fill_(Tensors.scalar(start)),
                    1);
            tangents = config.tangentRank == 0
                    ? null
                    : site(
                            "tangents",
                            frames(rng.child("tangents"), dtype, config.count, width, config.tangentRank),
                            width);
        }
    }

    private Components(Config config, long width, Site points, Site sigma, Site tangents) {
        this.config = config;
        this.width = width;
        this.points = points;
        this.sigma = sigma;
        this.tangents = tangents;
    }

    private static Site site(String name, Tensor numbers, long fanIn) {
        ParamMeta m = new ParamMeta(name, Role.OTHER, fanIn, numbers.size(0), false, 0);
        return Dense.at(m, Geometry.vector(numbers.shape()), numbers);
    }

    /** Random orthonormal columns [count, n, r]. */
    static Tensor frames(Rng rng, ScalarType dtype, long count, long n, long r) {
        Tensor[] each = LongStream.range(0, count)
                .mapToObj(k ->
                        LinearAlgebra.orthonormal(rng.child("frame", (int) k).normal(dtype, n, r)))
                .toArray(Tensor[]::new);
        return torch.stack(new TensorVector(each), 0);
    }

    public Config config() {
        return config;
    }

    /** K. */
    public int count() {
        return config.count;
    }

    /** n, the width of the rows. */
    public long width() {
        return width;
    }

    /** The components [K, n] with graph. */
    public Tensor points(Pass pass) {
        return points.weight(pass);
    }

    /** Widths of detection [K] or [1], positive, with graph. */
    public Tensor sigma(Pass pass) {
        return sigma.weight(pass).abs().add(Tensors.scalar(LEAST));
    }

    /** Squared distances [B, K] of rows [B, n]. */
    public Tensor squaredDistances(Tensor x, Pass pass) {
        return tangents == null
                ? Distances.squared(x, points.weight(pass))
                : Distances.tangentSquared(x, points.weight(pass), tangents.weight(pass));
    }

    /** Detections [B, K] from squared distances. */
    public Tensor detect(Tensor squared, Pass pass) {
        Tensor distance = config.squared ? squared : Distances.root(squared, config.distanceEps);
        return distance.div(sigma(pass)).neg().exp();
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        return detect(squaredDistances(x, pass), pass);
    }

    @Override
    public void describe(Inventory into) {
        into.add(points);
        into.add(sigma);
        if (tangents != null) {
            into.add(tangents);
        }
    }

    @Override
    public Components copy(Copier c) {
        return new Components(config, width, c.site(points), c.site(sigma), c.site(tangents));
    }
}
