package dev.holdfast.data.augment;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Mixup: row i becomes {@code l x_i + (1 - l) x_j} with a random partner j of the batch, its target the same mix of
 * one-hot (or soft) targets. One l a batch, {@code max(l, 1 - l)} of a draw from Beta(alpha, alpha), so that a row stays
 * nearer to itself. {@code Rows.mix} says how the rows were mixed, for losses that keep something for every sample. A
 * batch of one row, and alpha = 0, stay as they are.
 *
 * <p>Zhang et al.: <i>mixup: Beyond Empirical Risk Minimization</i>, arXiv 1710.09412; the larger share for the own row
 * as in Liu et al., arXiv 2007.00151 (ELR+) and MixMatch. Pure; safe from any thread.
 *
 * @param alpha >= 0; 1 = l uniform, 0 = off
 * @param columns the score columns over which targets are written
 */
public record Mixup(double alpha, ClassIndex columns) implements BatchTransform {
    public Mixup {
        if (!(alpha >= 0) || Double.isInfinite(alpha)) {
            throw new IllegalArgumentException("Mixup needs a finite alpha >= 0 but has " + alpha + ".");
        }
    }

    @Override
    public Batch apply(Batch b, Rng rng) {
        if (alpha == 0 || b.size() < 2) {
            return b;
        }
        double l = beta(alpha, rng.child("share"));
        return apply(b, Math.max(l, 1 - l), rng.child("partner").permutation(b.size()));
    }

    /** The same with given draws: the share of the own row, in [0.5, 1], and the partner of each row. */
    public Batch apply(Batch b, double lambda, int[] partner) {
        if (!(lambda >= 0.5 && lambda <= 1)) {
            throw new IllegalArgumentException(
                    "The share of the own row in a mix must be in [0.5, 1] but is " + lambda + ".");
        }
        if (partner.length != b.size()) {
            throw new IllegalArgumentException(
                    "A batch of " + b.size() + " rows was given " + partner.length + " partners.");
        }
        if (b.rows().mix() != null) {
            throw new IllegalArgumentException("The rows are mixed already; they can be mixed once.");
        }
        if (b.size() < 2) {
            return b;
        }
        Map<String, Tensor> fields = new LinkedHashMap<>();
        for (String f : b.inputs().fields()) {
            Tensor t = b.inputs().fields().size() == 1
                    ? b.inputs().x()
                    : b.inputs().tensor(f);
            if (!t.is_floating_point()) {
                t = t.scalar_type().intern() == ScalarType.Byte
                        ? t.to(ScalarType.Float).mul_(Tensors.scalar(1 / 255.0))
                        : t.to(ScalarType.Float);
            }
            fields.put(f, mix(t, lambda, partner));
        }
        Tensor y = mix(target(b), lambda, partner);
        double[] shares = new double[b.size()];
        Arrays.fill(shares, lambda);
        Rows rows = new Rows(
                b.rows().ids(),
                b.rows().weights(),
                new Rows.Mix(Tensors.of(shares, shares.length), partner.clone()),
                b.rows().epoch(),
                b.rows().step());
        return new Batch(Inputs.of(fields), new Target.Soft(y), rows, b.task(), b.domain(), b.time(), b.group());
    }

    /** Refuses inputs that cannot be mixed: anything but images, vectors and sequences of numbers. */
    public static void requireMixable(Schema schema) {
        for (Schema.Field f : schema.inputs()) {
            switch (f.kind()) {
                case VECTOR, IMAGE, SEQUENCE -> {}
                default ->
                    throw new IllegalArgumentException("Field '" + f.name() + "' is of kind " + f.kind()
                            + " and cannot be mixed; expected numbers.\nMaybe turn mixup off.");
            }
        }
    }

    private Tensor target(Batch b) {
        if (b.target() instanceof Target.ClassIds hard) {
            int[] column = columns.columnsOf(Tensors.longs(hard.ids()));
            return Tensors.oneHot(column, columns.size(), Tensors.zeros(ScalarType.Double, 1));
        }
        if (b.target() instanceof Target.Soft soft) {
            return soft.p();
        }
        throw new IllegalArgumentException("Mixup mixes one class or one distribution a row but the target is "
                + b.target().getClass().getSimpleName() + ".");
    }

    private static Tensor mix(Tensor t, double lambda, int[] partner) {
        return t.mul(Tensors.scalar(lambda)).add(Tensors.rows(t, partner), Tensors.scalar(1 - lambda));
    }

    /** A draw from Beta(a, a) as a ratio of two gammas. */
    static double beta(double a, Rng rng) {
        double x = logGamma(a, rng);
        double y = logGamma(a, rng);
        // for small a both gammas may underflow; their logarithms do not
        return 1 / (1 + Math.exp(y - x));
    }

    /** Logarithm of a draw from Gamma(a, 1): Marsaglia and Tsang (2000), with their boost for a below 1. */
    private static double logGamma(double a, Rng rng) {
        double boost = 0;
        double shape = a;
        if (a < 1) {
            boost = Math.log(1 - rng.next()) / a;
            shape = a + 1;
        }
        double d = shape - 1.0 / 3;
        double c = 1 / Math.sqrt(9 * d);
        while (true) {
            double x = rng.nextGaussian();
            double v = 1 + c * x;
            if (v <= 0) {
                continue;
            }
            v = v * v * v;
            if (Math.log(1 - rng.next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) {
                return Math.log(d * v) + boost;
            }
        }
    }
}
