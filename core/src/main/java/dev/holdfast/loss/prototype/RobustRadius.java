package dev.holdfast.loss.prototype;

import dev.holdfast.data.Prediction;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.nn.prototype.ComponentNet;
import dev.holdfast.nn.prototype.Reasoning;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * By how much the certified radius of a row's true class falls short of a target: {@code relu(target - radius)}; with target 0
 * the negative radius itself. The radius needs more than scores: see {@link #side}. 0 where there is only one class.
 *
 * <p>A Robust Prototype-Based Network with Interpretable RBF Classifier Foundations, arXiv 2412.15499. Pure; safe from any
 * thread.
 *
 * @param target radius aimed at, in units of the input; 0 = as large as it gets
 */
public record RobustRadius(double target) implements Loss, Stateless {
    private static final String DETECTIONS = "detections";
    private static final String POSITIVE = "positive";
    private static final String NEGATIVE = "negative";
    private static final String OWNER = "owner";
    private static final String SIGMA = "sigma";
    private static final String LARGEST = "largest";
    private static final String FACTOR = "factor";

    public RobustRadius {
        if (!(target >= 0) || Double.isInfinite(target)) {
            throw new IllegalArgumentException(
                    "The target radius must be >= 0 (0 = as large as it gets) but is " + target + ".");
        }
    }

    /** What this loss reads beside scores: the detections of a pass, and the tables. */
    public static Map<String, Tensor> side(ComponentNet.Detected detected, Reasoning tables) {
        Map<String, Tensor> side = new LinkedHashMap<>();
        side.put(DETECTIONS, detected.detections());
        side.put(POSITIVE, tables.positive());
        side.put(NEGATIVE, tables.negative());
        side.put(OWNER, Tensors.ids(tables.owner()));
        if (detected.sigma() != null) {
            side.put(SIGMA, detected.sigma());
        }
        if (detected.largest() != null) {
            side.put(LARGEST, detected.largest());
        }
        side.put(FACTOR, Tensors.scalarLike(detected.detections().detach(), detected.factor()));
        return side;
    }

    /** Losses [B] with graph from certified radii [B]. */
    public Tensor perSample(Tensor radius) {
        return target == 0
                ? radius.neg()
                : radius.neg().add(Tensors.scalar(target)).relu();
    }

    @Override
    public LossValue value(LossInput in) {
        int[] column = MarginLoss.columns("The loss of the certified radius", in);
        Map<String, Tensor> side = in.side();
        for (String needed : new String[] {DETECTIONS, POSITIVE, NEGATIVE, OWNER, SIGMA, FACTOR}) {
            if (!side.containsKey(needed)) {
                throw new IllegalArgumentException("The loss of the certified radius needs '" + needed
                        + "' beside the scores but got " + side.keySet()
                        + ".\nMaybe the network is deep, or RobustRadius.side(...) was left out.");
            }
        }
        if (in.among() != null) {
            throw new IllegalArgumentException(
                    "The certified radius compares all classes; a mask of columns was given: "
                            + Arrays.toString(in.among()) + ".");
        }
        Tensor detections = side.get(DETECTIONS);
        if (in.columns().size() < 2) {
            return new SampleLosses(
                    "robust radius", detections.sum(1).mul(Tensors.scalar(0)), LossValue.Reduction.MEAN);
        }
        Reasoning tables = new Reasoning(side.get(POSITIVE), side.get(NEGATIVE), Tensors.ints(side.get(OWNER)));
        Tensor radius = new ComponentNet.Detected(
                        detections,
                        side.get(SIGMA),
                        side.get(LARGEST),
                        side.get(FACTOR).item_double())
                .radius(tables, column);
        return new SampleLosses("robust radius", perSample(radius), LossValue.Reduction.MEAN);
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.SCORES;
    }
}
