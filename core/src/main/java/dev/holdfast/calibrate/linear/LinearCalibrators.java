package dev.holdfast.calibrate.linear;

import dev.holdfast.calibrate.Calibrated;
import dev.holdfast.calibrate.Calibrator;
import dev.holdfast.calibrate.HeldOut;
import dev.holdfast.calibrate.PostProcessor;
import dev.holdfast.calibrate.ProbabilityMap;
import dev.holdfast.calibrate.map.TemperatureMap;
import dev.holdfast.config.Doc;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Target;
import dev.holdfast.math.Lbfgs;
import dev.holdfast.registry.CalibratorPlugin;
import dev.holdfast.run.RunContext;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Calibrators that are affine in the logits, fitted by L-BFGS to the negative log-likelihood, which is convex in all of
 * them.
 *
 * <p>Guo et al.: <i>On Calibration of Modern Neural Networks</i>, arXiv 1706.04599, section 4; Kull et al.: <i>Beyond
 * temperature scaling</i>, arXiv 1910.12656.
 */
public final class LinearCalibrators {
    private static final double TOLERANCE = 1e-8;
    private static final int ROUNDS = 2000;
    private static final double ROUGH_TOLERANCE = 1e-5;
    private static final int ROUGH_ROUNDS = 200;
    /** A softer softmax than this is the uniform distribution. */
    private static final double SMALLEST_INVERSE = 1e-6;

    private static final int FOLDS = 3;

    private LinearCalibrators() {}

    /** No options. */
    public record None() {}

    /** What a Dirichlet calibrator's penalty falls on. */
    public enum Penalised {
        /** All entries of the matrix, and the intercepts. */
        ALL,
        /** The entries beside the diagonal, and the intercepts (ODIR). */
        OFF_DIAGONAL
    }

    /** Of a penalty times the sum of squares. */
    public record DirichletConfig(
            @Doc("penalties to choose from, by the likelihood on folds of the calibration rows; one is used as it is")
                    List<Double> l2,
            @Doc("what the penalty falls on") Penalised penalised) {
        public static final DirichletConfig DEFAULTS =
                new DirichletConfig(List.of(1e-5, 1e-4, 1e-3, 1e-2, 1e-1), Penalised.OFF_DIAGONAL);

        public DirichletConfig {
            l2 = List.copyOf(l2);
            if (l2.isEmpty() || l2.stream().anyMatch(x -> !(x >= 0) || Double.isInfinite(x))) {
                throw new IllegalArgumentException(
                        "A Dirichlet calibrator needs at least one penalty, finite and >= 0, but has " + l2 + ".");
            }
        }
    }

    /** Mean negative log-likelihood of softmax(Wx + b) plus penalty, and its gradient; diagonal: W as [C]. */
    private record Nll(Tensor x, Tensor hot, boolean diagonal, double l2, Penalised penalised) implements Lbfgs.Smooth {
        @Override
        public double at(double[] at, double[] gradient) {
            try (Scope s = Scope.open()) {
                int n = (int) x.size(0);
                int c = (int) x.size(1);
                int size = at.length - c;
                Tensor flat = Tensors.of(at, at.length);
                Tensor w = diagonal
                        ? Tensors.slice(flat, 0, c)
                        : Tensors.slice(flat, 0, size).reshape(c, c);
                Tensor log = AffineMap.scores(x, w, Tensors.slice(flat, size, at.length))
                        .log_softmax(1);
                Tensor error = log.exp().sub(hot).div(Tensors.scalar(n));
                Tensor slope = diagonal ? error.mul(x).sum(0) : error.t().matmul(x);
                double[] g = Tensors.doubles(Tensors.cat(0, slope.reshape(-1), error.sum(0)));
                System.arraycopy(g, 0, gradient, 0, g.length);
                double value = -Tensors.item(log.mul(hot).sum()) / n;
                for (int i = 0; l2 > 0 && i < at.length; i++) {
                    boolean spared = penalised == Penalised.OFF_DIAGONAL && i < size && i % (c + 1) == 0;
                    value += spared ? 0 : l2 * at[i] * at[i];
                    gradient[i] += spared ? 0 : 2 * l2 * at[i];
                }
                return value;
            }
        }
    }

    /** The identity: weights, then intercepts. */
    private static double[] identity(int c, boolean diagonal) {
        double[] start = new double[diagonal ? 2 * c : c * c + c];
        for (int k = 0; k < c; k++) {
            start[diagonal ? k : k * (c + 1)] = 1;
        }
        return start;
    }

    private static AffineMap affine(
            HeldOut rows, boolean logProbabilities, boolean diagonal, DirichletConfig d, Rng rng) {
        int c = rows.columns().size();
        Tensor x = AffineMap.features(rows.logits(), logProbabilities);
        Tensor hot = Tensors.oneHot(rows.label(), c, x);
        double l2 = d == null ? 0 : d.l2.size() == 1 ? d.l2.get(0) : chosen(d, x, hot, rng);
        double[] best = Lbfgs.minimise(
                new Nll(x, hot, diagonal, l2, d == null ? Penalised.ALL : d.penalised),
                identity(c, diagonal),
                TOLERANCE,
                ROUNDS);
        int size = best.length - c;
        double[] w = Arrays.copyOf(best, size);
        return new AffineMap(
                logProbabilities,
                diagonal ? Tensors.of(w, c) : Tensors.of(w, c, c),
                Tensors.of(Arrays.copyOfRange(best, size, best.length), c));
    }

    /** The penalty whose fits on two thirds of the rows are likeliest on the third. */
    private static double chosen(DirichletConfig d, Tensor x, Tensor hot, Rng rng) {
        int n = (int) x.size(0);
        if (n < FOLDS) {
            return d.l2.stream().mapToDouble(v -> v).max().orElseThrow();
        }
        int[] order = rng.child("folds").permutation(n);
        double[] l2 = d.l2.stream()
                .sorted(Comparator.reverseOrder())
                .mapToDouble(v -> v)
                .toArray();
        double[] nll = new double[l2.length];
        for (int f = 0; f < FOLDS; f++) {
            int fold = f;
            int[] in = IntStream.range(0, n)
                    .filter(i -> i % FOLDS != fold)
                    .map(i -> order[i])
                    .toArray();
            int[] out = IntStream.range(0, n)
                    .filter(i -> i % FOLDS == fold)
                    .map(i -> order[i])
                    .toArray();
            try (Scope s = Scope.open()) {
                Tensor xIn = Tensors.rows(x, in);
                Tensor hotIn = Tensors.rows(hot, in);
                Nll held = new Nll(Tensors.rows(x, out), Tensors.rows(hot, out), false, 0, d.penalised);
                double[] w = identity((int) x.size(1), false);
                for (int i = 0; i < l2.length; i++) {
                    // each begins where the stronger penalty ended; for a choice a rough minimum will do
                    w = Lbfgs.minimise(
                            new Nll(xIn, hotIn, false, l2[i], d.penalised), w, ROUGH_TOLERANCE, ROUGH_ROUNDS);
                    nll[i] += out.length * held.at(w, new double[w.length]);
                }
            }
        }
        int best = 0;
        for (int i = 1; i < l2.length; i++) {
            best = nll[i] < nll[best] ? i : best;
        }
        return l2[best];
    }

    private static TemperatureMap temperature(HeldOut rows) {
        Tensor hot = Tensors.oneHot(rows.label(), rows.columns().size(), rows.logits());
        double[] best = Lbfgs.minimise(
                (a, gradient) -> {
                    try (Scope s = Scope.open()) {
                        Tensor log = rows.logits().mul(Tensors.scalar(a[0])).log_softmax(1);
                        gradient[0] = Tensors.item(
                                        log.exp().sub(hot).mul(rows.logits()).sum())
                                / hot.size(0);
                        return -Tensors.item(log.mul(hot).sum()) / hot.size(0);
                    }
                },
                new double[] {1},
                TOLERANCE,
                ROUNDS);
        return new TemperatureMap(Math.max(SMALLEST_INVERSE, best[0]));
    }

    private record Linear(Calibrated.Fit<? extends ProbabilityMap> fit, Supplier<? extends ProbabilityMap> empty)
            implements Calibrator {
        @Override
        public PostProcessor fit(Prediction raw, Target labels, RunContext c) {
            return Calibrated.fit(raw, labels, c, fit);
        }

        @Override
        public PostProcessor unfitted() {
            return new Calibrated(empty.get(), 0);
        }
    }

    /** Divides logits by one temperature. */
    public static Calibrator temperature() {
        return new Linear((rows, c) -> temperature(rows), () -> new TemperatureMap(1));
    }

    /** A factor and an intercept for each class. */
    public static Calibrator vector() {
        return new Linear((rows, c) -> affine(rows, false, true, null, null), () -> new AffineMap(false));
    }

    /** A matrix and intercepts, without a penalty: for few classes and many rows. */
    public static Calibrator matrix() {
        return new Linear((rows, c) -> affine(rows, false, false, null, null), () -> new AffineMap(false));
    }

    /** A matrix on log-probabilities, and intercepts, with a penalty. */
    public static Calibrator dirichlet(DirichletConfig d) {
        return new Linear((rows, c) -> affine(rows, true, false, d, c.rng()), () -> new AffineMap(true));
    }

    /** {@code temperature}. */
    public static final class TemperaturePlugin implements CalibratorPlugin<None> {
        @Override
        public String name() {
            return "temperature";
        }

        @Override
        public String summary() {
            return "divides logits by one number; hard to beat; keeps the class";
        }

        @Override
        public String paper() {
            return "Guo et al. 2017, arXiv 1706.04599";
        }

        @Override
        public None defaults() {
            return new None();
        }

        @Override
        public Calibrator create(None c) {
            return temperature();
        }
    }

    /** {@code vector}. */
    public static final class VectorPlugin implements CalibratorPlugin<None> {
        @Override
        public String name() {
            return "vector";
        }

        @Override
        public String summary() {
            return "a factor and an intercept for the logit of each class";
        }

        @Override
        public String paper() {
            return "Guo et al. 2017, arXiv 1706.04599";
        }

        @Override
        public None defaults() {
            return new None();
        }

        @Override
        public Calibrator create(None c) {
            return vector();
        }
    }

    /** {@code matrix}. */
    public static final class MatrixPlugin implements CalibratorPlugin<None> {
        @Override
        public String name() {
            return "matrix";
        }

        @Override
        public String summary() {
            return "a matrix and intercepts on the logits; overfits with many classes";
        }

        @Override
        public String paper() {
            return "Guo et al. 2017, arXiv 1706.04599";
        }

        @Override
        public None defaults() {
            return new None();
        }

        @Override
        public Calibrator create(None c) {
            return matrix();
        }
    }

    /** {@code dirichlet}. */
    public static final class DirichletPlugin implements CalibratorPlugin<DirichletConfig> {
        @Override
        public String name() {
            return "dirichlet";
        }

        @Override
        public String summary() {
            return "a matrix and intercepts on log-probabilities, with a penalty";
        }

        @Override
        public String paper() {
            return "Kull et al. 2019, arXiv 1910.12656";
        }

        @Override
        public DirichletConfig defaults() {
            return DirichletConfig.DEFAULTS;
        }

        @Override
        public Calibrator create(DirichletConfig c) {
            return dirichlet(c);
        }
    }
}
