package dev.holdfast.studies.training;

import dev.holdfast.bilevel.BoRep;
import dev.holdfast.bilevel.BoRepConfig;
import dev.holdfast.bilevel.HyperCleaningProblem;
import dev.holdfast.bilevel.InverseHvp;
import dev.holdfast.bilevel.RowWeighting;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.WithTruth;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.corrupt.LabelNoise;
import dev.holdfast.data.corrupt.NoiseTruth;
import dev.holdfast.data.source.Splits;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.Comparator;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * Images of which 40 % have a label drawn uniformly, once; 500 (or fewer) trusted ones; as many to choose settings by; and a
 * test set. The network is softmax regression on pixels with ridge 0.01.
 */
final class CleaningBed {
    private static final double RIDGE = 0.01;
    private static final int BATCH = 128;
    private static final double NOISE = 0.4;
    /** Newton steps of an exact solution, and products of each. */
    private static final int NEWTON = 8;

    private static final InverseHvp SOLVER = new InverseHvp.ConjugateGradient(1e-3, 60, 0);

    private final Images noisy;
    private final Images trusted;
    private final Images choice;
    private final Images test;
    private final boolean[] wrong;
    private final int classes;

    /** Pixels in [0, 1] with a column of ones, and columns of classes. */
    private record Images(Tensor x, int[] y) {
        static Images of(Dataset d) {
            SignalBeds.Pixels p = SignalBeds.Pixels.of(d);
            Tensor ones = Tensors.zerosLike(p.x(), p.x().size(0), 1).add_(Tensors.scalar(1));
            return new Images(
                    Scope.own(Tensors.cat(1, p.x(), ones)),
                    Arrays.stream(p.labels()).mapToInt(Math::toIntExact).toArray());
        }

        double accuracy(Tensor w) {
            try (Scope s = Scope.open()) {
                int[] said = Tensors.ints(x.matmul(w.t()).argmax(new LongOptional(-1), false));
                return IntStream.range(0, y.length).filter(i -> said[i] == y[i]).count() / (double) y.length;
            }
        }
    }

    /** Draws rows by seed; the noise of a row stays what it is. */
    CleaningBed(DataPair data, int rows, int others, int tests, long seed) {
        Rng rng = Rng.of(seed).child("hyper-cleaning");
        long[] ids = data.train().classIds();
        int[] all = Splits.sample(ids, rows + 2 * others, rng.child("rows"));
        rng.child("deal").shuffle(all);
        WithTruth<NoiseTruth> spoilt =
                LabelNoise.symmetric(NOISE).apply(data.train().subset(Arrays.copyOf(all, rows)), rng.child("noise"));
        try (Scope s = Scope.open()) {
            noisy = Images.of(spoilt.data());
            trusted = Images.of(data.train().subset(Arrays.copyOfRange(all, rows, rows + others)));
            choice = Images.of(data.train().subset(Arrays.copyOfRange(all, rows + others, all.length)));
            int n = (int) Math.min(tests, data.test().size());
            test = Images.of(data.test().subset(IntStream.range(0, n).toArray()));
        }
        wrong = spoilt.truth().wrong();
        classes = data.train().schema().classes().size();
    }

    /** The problem afresh. */
    HyperCleaningProblem problem() {
        return new HyperCleaningProblem(
                noisy.x, noisy.y, trusted.x, trusted.y, classes, BATCH, RIDGE, HyperCleaningProblem.Decay.SQUARED);
    }

    /**
     * What a run came to.
     *
     * @param accuracy on test rows, of the network that minimises the lower loss at the weights found
     * @param choice the same on the rows that settings are chosen by
     * @param trained on test rows, of the network as the run left it
     * @param auc area under the ROC curve of finding wrong labels by low weight
     * @param value the upper loss of the network that minimises the lower loss
     * @param target oracle calls until the network of the run was as good as asked; -1 = never
     */
    record Outcome(
            double accuracy,
            double choice,
            double trained,
            double auc,
            double value,
            long calls,
            long target,
            boolean diverged) {}

    /**
     * Runs until so many batch gradients and products are spent, or so many outer steps are made.
     *
     * @param wanted test accuracy to be reached
     */
    Outcome run(BoRepConfig config, long calls, long outerSteps, double wanted, long seed, BooleanSupplier cancelled) {
        HyperCleaningProblem p = problem();
        BoRep<int[]> run = new BoRep<>(p, config, Rng.of(seed).child("run"));
        long target = -1;
        long looked = 0;
        boolean diverged = false;
        try {
            for (long t = 0; t < outerSteps && spent(run) < calls && !cancelled.getAsBoolean(); t++) {
                run.advance();
                if (target < 0 && spent(run) - looked >= calls / 20) {
                    looked = spent(run);
                    target = test.accuracy(p.lower().get(0).detach()) >= wanted ? looked : -1;
                }
            }
        } catch (IllegalStateException e) {
            // a series that grows, or a gradient that is not finite: the method ends here
            diverged = true;
        }
        try (Scope s = Scope.open()) {
            Tensor lambda = p.upper().get(0).detach();
            diverged |=
                    !Tensors.finite(lambda) || !Tensors.finite(p.lower().get(0).detach());
            if (diverged) {
                return new Outcome(1.0 / classes, 0, 1.0 / classes, 0.5, Math.log(classes), spent(run), -1, true);
            }
            Tensor best = best(lambda, p.lower().get(0).detach());
            return new Outcome(
                    test.accuracy(best),
                    choice.accuracy(best),
                    test.accuracy(p.lower().get(0).detach()),
                    auc(Tensors.doubles(lambda)),
                    weighting().trustedLoss(best),
                    spent(run),
                    target,
                    false);
        }
    }

    private static long spent(BoRep<?> run) {
        return run.gradients() + run.products();
    }

    /** Length of the first hypergradient that a plain method sees. */
    double firstLength(BoRepConfig config) {
        return new BoRep<>(problem(), config, Rng.of(0)).advance().hypergradientNorm();
    }

    private RowWeighting weighting() {
        return new RowWeighting(noisy.x, noisy.y, trusted.x, trusted.y, classes, RIDGE);
    }

    private Tensor best(Tensor lambda, Tensor start) {
        return solved(weighting(), lambda, start);
    }

    private static Tensor solved(RowWeighting w, Tensor lambda, Tensor start) {
        Tensor now = start;
        for (int k = 0; k < NEWTON; k++) {
            now = w.newton(lambda, now, SOLVER);
        }
        return now;
    }

    /** Squared distance of the network from the lower minimum, mean over every tenth of the first outer steps. */
    double residual(BoRepConfig config, int outerSteps, long seed) {
        HyperCleaningProblem p = problem();
        BoRep<int[]> run = new BoRep<>(p, config, Rng.of(seed).child("run"));
        double sum = 0;
        int looks = 0;
        try (Scope all = Scope.open()) {
            RowWeighting w = weighting();
            Tensor best = Tensors.copy(p.lower().get(0));
            for (int t = 0; t < outerSteps; t++) {
                Tensor lambda = Tensors.copy(p.upper().get(0));
                run.advance();
                if (t % 10 == 0) {
                    // y was trained at the x before the move
                    best = solved(w, lambda, best);
                    sum += Tensors.item(
                            p.lower().get(0).detach().sub(best).square().sum());
                    looks++;
                }
            }
        }
        return sum / looks;
    }

    /** How good training on which rows is, without bilevel tuning. */
    enum Plain {
        NO_CLEANING,
        TRUSTED_ONLY,
        CLEAN_ORACLE
    }

    /**
     * Exact training at one common weight: on all rows, on the trusted ones, or on the rows whose label is right.
     *
     * @return accuracy on test rows, and on the rows that settings are chosen by
     */
    double[] plain(Plain which, double weight) {
        try (Scope s = Scope.open()) {
            RowWeighting w = which == Plain.TRUSTED_ONLY
                    ? new RowWeighting(trusted.x, trusted.y, trusted.x, trusted.y, classes, RIDGE)
                    : weighting();
            int n = which == Plain.TRUSTED_ONLY ? trusted.y.length : noisy.y.length;
            double logit = Math.log(weight / (1 - weight));
            double[] lambda = new double[n];
            for (int i = 0; i < n; i++) {
                lambda[i] = which == Plain.CLEAN_ORACLE && wrong[i] ? -30 : logit;
            }
            Tensor best = solved(
                    w,
                    Tensors.of(lambda, n).to(noisy.x.scalar_type()),
                    Tensors.zerosLike(noisy.x, classes, noisy.x.size(1)));
            return new double[] {test.accuracy(best), choice.accuracy(best)};
        }
    }

    /** Chance that a wrong row's logit is below a right row's. */
    private double auc(double[] lambda) {
        Integer[] order = IntStream.range(0, lambda.length).boxed().toArray(Integer[]::new);
        Arrays.sort(order, Comparator.comparingDouble(i -> lambda[i]));
        long below = 0;
        double pairs = 0;
        for (int i : order) {
            if (wrong[i]) {
                below++;
            } else {
                pairs += below;
            }
        }
        return pairs / ((double) below * (lambda.length - below));
    }
}
