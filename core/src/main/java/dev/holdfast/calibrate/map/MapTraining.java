package dev.holdfast.calibrate.map;

import dev.holdfast.calibrate.HeldOut;
import dev.holdfast.calibrate.objective.HObjective;
import dev.holdfast.calibrate.objective.Objective;
import dev.holdfast.config.Doc;
import dev.holdfast.evaluate.calibration.CalibrationMetric;
import dev.holdfast.evaluate.calibration.LabelledProbabilities;
import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.run.RunContext;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Fits a learnable map: Adam, the rate halved when ECE stands still, an end when it stood still for long, and of all
 * epochs the one kept that the chosen metric likes best. All of it looks at the calibration rows only.
 */
public final class MapTraining {
    private MapTraining() {}

    /** What the probabilities are for, which says what decides between epochs and between maps. */
    public enum SelectFor {
        /** How sure the named class is: dECE. */
        TOP(CalibrationMetric.D_ECE),
        /** Every class's probability: class-wise ECE. */
        CLASS(CalibrationMetric.CWECE),
        /** A proper score: NLL. */
        SCORE(CalibrationMetric.NLL);

        private final CalibrationMetric metric;

        SelectFor(CalibrationMetric metric) {
            this.metric = metric;
        }

        public CalibrationMetric metric() {
            return metric;
        }
    }

    /** How a map is trained; {@link #DEFAULTS} are the paper's. */
    public record Config(
            @Doc("what decides between epochs and maps: TOP dECE, CLASS class-wise ECE, SCORE NLL") SelectFor selectFor,
            @Doc("Adam's rate") double learningRate,
            @Doc("rows a step; all where there are fewer") int batchSize,
            @Doc("passes over the rows at most") int epochs,
            @Doc("passes without a better ECE after which the rate is halved") int patience,
            @Doc("passes without a better ECE after which it ends") int stopAfter) {
        public static final Config DEFAULTS = new Config(SelectFor.TOP, 5e-3, 5000, 2000, 20, 160);

        public Config {
            if (!(learningRate > 0) || Double.isInfinite(learningRate)) {
                throw new IllegalArgumentException(
                        "A map's learning rate must be finite and > 0 but is " + learningRate + ".");
            }
            if (batchSize < 1 || epochs < 1 || patience < 1 || stopAfter < 1) {
                throw new IllegalArgumentException(
                        "A map's batchSize, epochs, patience and stopAfter must be >= 1 but are " + batchSize + ", "
                                + epochs + ", " + patience + " and " + stopAfter + ".");
            }
        }

        public Config withSelectFor(SelectFor s) {
            return new Config(s, learningRate, batchSize, epochs, patience, stopAfter);
        }

        public Config withEpochs(int n) {
            return new Config(selectFor, learningRate, batchSize, n, patience, stopAfter);
        }
    }

    /** How good the kept epoch is by the chosen metric on the calibration rows, and which it was; 0 = as it began. */
    public record Fitted(double selected, int epoch) {}

    /** Trains {@code map} in place. */
    public static Fitted fit(
            Config c,
            Objective objective,
            HObjective.Config h,
            LearnableMap map,
            HeldOut rows,
            RunContext context,
            Rng rng) {
        int n = rows.label().length;
        Adam rule = new Adam(map.parameters(), 0.9, 0.999, 1e-8);
        double rate = c.learningRate;
        double best = Double.POSITIVE_INFINITY;
        double bestEce = Double.POSITIVE_INFINITY;
        int bestEpoch = 0;
        int lastBetter = 0;
        int lastCut = 0;
        long step = 0;
        ParamVector kept = map.parameters().copy();
        for (int epoch = 0; epoch <= c.epochs && !context.cancelled(); epoch++) {
            context.progress(epoch, c.epochs, "calibrate");
            try (Scope s = Scope.open()) {
                boolean whole = n <= c.batchSize;
                Tensor p = whole ? map.forward(rows.logits()) : map.probabilities(rows.logits());
                LabelledProbabilities now = LabelledProbabilities.of(p.detach(), rows.label());
                double ece = CalibrationMetric.ECE.of(now);
                double chosen = c.selectFor.metric.of(now);
                if (chosen < best) {
                    best = chosen;
                    bestEpoch = epoch;
                    close(kept);
                    kept = map.parameters().copy();
                }
                if (ece < bestEce) {
                    bestEce = ece;
                    lastBetter = epoch;
                } else if (epoch - lastBetter >= c.stopAfter) {
                    break;
                } else if (epoch - Math.max(lastBetter, lastCut) > c.patience) {
                    rate /= 2;
                    lastCut = epoch;
                }
                if (epoch == c.epochs) {
                    break;
                }
                if (whole) {
                    move(map, rule, rate, step++, objective.loss(h, p, rows.label()));
                    continue;
                }
                int[] order = rng.child("epoch", epoch).permutation(n);
                for (int from = 0; from < n; from += c.batchSize) {
                    int[] some = Arrays.copyOfRange(order, from, Math.min(n, from + c.batchSize));
                    try (Scope one = Scope.open()) {
                        int[] label =
                                Arrays.stream(some).map(i -> rows.label()[i]).toArray();
                        Tensor q = map.forward(Tensors.rows(rows.logits(), some));
                        move(map, rule, rate, step++, objective.loss(h, q, label));
                    }
                }
            }
        }
        map.parameters().assign(kept);
        close(kept);
        return new Fitted(best, bestEpoch);
    }

    private static void move(LearnableMap map, Adam rule, double rate, long step, Tensor loss) {
        ParamVector g = Autograd.grad(loss, map.parameters(), false);
        if (!g.finite()) {
            throw new IllegalArgumentException("The gradient of the calibration is not finite after " + step
                    + " steps.\nMaybe choose a smaller learning rate.");
        }
        map.parameters().add(-rate, rule.direction(g, new StepContext(step, map.parameters(), Map.of(), null)));
    }

    private static void close(ParamVector v) {
        for (int i = 0; i < v.size(); i++) {
            v.get(i).close();
        }
    }
}
