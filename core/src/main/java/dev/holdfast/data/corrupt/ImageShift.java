package dev.holdfast.data.corrupt;

import dev.holdfast.data.Corruption;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Schema;
import dev.holdfast.data.WithTruth;
import dev.holdfast.data.augment.ImageOps;
import dev.holdfast.data.source.TransformedDataset;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * Changes of inputs that leave the classes as they are: noise, contrast and blur of images, noise and scaling of vectors.
 * A changed data set is a view, made batch by batch; what a row becomes is a function of (row, its id, seed), in whatever
 * batch it comes. What is returned besides are the clean rows.
 *
 * <p>Bytes become fractions of 255 first. Immutable; safe from any thread.
 */
public sealed interface ImageShift extends Corruption<Dataset> {
    /** The changed rows x [n, ...]; {@code draws} are those that {@link #draws} makes. */
    Tensor apply(Tensor x, Tensor draws);

    /** Standard normal numbers for rows of these ids and this shape, or null for a change without chance. */
    default Tensor draws(long[] ids, long[] rowShape, Rng rng) {
        return null;
    }

    @Override
    default WithTruth<Dataset> apply(Dataset clean, Rng rng) {
        if (clean.schema().inputs().size() != 1) {
            throw new IllegalArgumentException("A shift changes one input field but there are "
                    + clean.schema().inputs().size() + ".");
        }
        Schema.Field f = clean.schema().inputs().get(0);
        boolean image = f.kind() == Schema.Field.Kind.IMAGE;
        if (!image && f.kind() != Schema.Field.Kind.VECTOR) {
            throw new IllegalArgumentException("A shift changes images or vectors but field '" + f.name() + "' is a "
                    + f.kind() + ".\nMaybe texts are to be encoded first.");
        }
        if (this instanceof Blur && !image) {
            throw new IllegalArgumentException("Only images can be blurred but field '" + f.name() + "' is a "
                    + f.kind() + ".\nMaybe noise or scaling is meant.");
        }
        // draws are keyed by row id, so a row is shifted alike in every batch and subset
        String how = this + "-" + Long.toHexString(rng.key());
        return new WithTruth<>(
                new TransformedDataset(
                        clean,
                        b -> {
                            Tensor x = b.inputs().x();
                            Tensor draws = draws(b.rows().ids(), rowShape(x), rng);
                            return b.withInputs(b.inputs().with(f.name(), apply(x, draws)));
                        },
                        how),
                clean);
    }

    /** As it is, but as fractions. */
    record None() implements ImageShift {
        @Override
        public Tensor apply(Tensor x, Tensor draws) {
            return x;
        }
    }

    /**
     * x + sd z with z standard normal, drawn for every row by its id.
     *
     * @param sd standard deviation, >= 0
     * @param clamp whether the result is cut to [0, 1], as pixels are
     */
    record Noise(double sd, boolean clamp) implements ImageShift {
        public Noise {
            requireFinite("standard deviation of noise", sd);
            if (sd < 0) {
                throw new IllegalArgumentException("The standard deviation of noise must be >= 0 but is " + sd + ".");
            }
        }

        @Override
        public Tensor draws(long[] ids, long[] rowShape, Rng rng) {
            int width = Math.toIntExact(Tensors.count(rowShape));
            float[] z = new float[Math.multiplyExact(ids.length, width)];
            for (int i = 0; i < ids.length; i++) {
                Rng row = rng.child("noise", ids[i]);
                for (int k = 0; k < width; k++) {
                    z[i * width + k] = (float) row.nextGaussian();
                }
            }
            long[] shape = new long[rowShape.length + 1];
            shape[0] = ids.length;
            System.arraycopy(rowShape, 0, shape, 1, rowShape.length);
            return Tensors.of(z, shape);
        }

        @Override
        public Tensor apply(Tensor x, Tensor draws) {
            Tensor y = x.add(draws.to(x.scalar_type()), Tensors.scalar(sd));
            return clamp ? y.clamp(new ScalarOptional(new Scalar(0)), new ScalarOptional(new Scalar(1))) : y;
        }
    }

    /** factor x + offset. */
    record Contrast(double factor, double offset) implements ImageShift {
        public Contrast {
            requireFinite("factor of a contrast", factor);
            requireFinite("offset of a contrast", offset);
        }

        @Override
        public Tensor apply(Tensor x, Tensor draws) {
            return x.mul(Tensors.scalar(factor)).add(Tensors.scalar(offset));
        }
    }

    /** Mean over 3x3 pixels. */
    record Blur() implements ImageShift {
        @Override
        public Tensor apply(Tensor x, Tensor draws) {
            return ImageOps.blur(x);
        }
    }

    /**
     * Every entry of a row times its own factor e^(spread z), the same factors for all rows.
     *
     * @param spread standard deviation of the factors' logarithms, >= 0
     */
    record Scaling(double spread) implements ImageShift {
        public Scaling {
            requireFinite("spread of a scaling", spread);
            if (spread < 0) {
                throw new IllegalArgumentException("The spread of a scaling must be >= 0 but is " + spread + ".");
            }
        }

        @Override
        public Tensor draws(long[] ids, long[] rowShape, Rng rng) {
            long[] shape = new long[rowShape.length + 1];
            shape[0] = 1;
            System.arraycopy(rowShape, 0, shape, 1, rowShape.length);
            return rng.child("scaling").normal(shape);
        }

        @Override
        public Tensor apply(Tensor x, Tensor draws) {
            return x.mul(draws.to(x.scalar_type()).mul(Tensors.scalar(spread)).exp());
        }
    }

    /** Pixels with Gaussian noise, cut to [0, 1]. */
    static ImageShift noise(double sd) {
        return new Noise(sd, true);
    }

    /** Vectors with Gaussian noise. */
    static ImageShift featureNoise(double sd) {
        return new Noise(sd, false);
    }

    private static void requireFinite(String what, double v) {
        if (!Double.isFinite(v)) {
            throw new IllegalArgumentException("The " + what + " must be finite but is " + v + ".");
        }
    }

    /** Shape of one row of x [n, ...]. */
    static long[] rowShape(Tensor x) {
        long[] shape = x.shape();
        return Arrays.copyOfRange(shape, 1, shape.length);
    }
}
