package dev.holdfast.calibrate.bin;

import dev.holdfast.calibrate.ProbabilityMap;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * Each class's probability through sigmoid(a log p - b log(1 - p) + c) with a, b >= 0, then rows made to sum to 1.
 *
 * <p>Kull, Silva Filho, Flach: <i>Beta calibration</i>, AISTATS 2017.
 */
final class BetaMap implements ProbabilityMap {
    private static final double LEAST = 1e-12;
    /** a, b, c of each class [C, 3]. */
    private Tensor parameters;

    BetaMap() {}

    BetaMap(double[][] abc) {
        parameters = Scope.own(Tensors.of(abc));
    }

    /** a, b, c of one class; the identity for one that does not occur. */
    static double[] fit(OneVsRest x) {
        if (!x.occurs()) {
            return new double[] {1, 1, 0};
        }
        double[] p = Arrays.stream(x.p())
                .map(v -> Math.min(1 - LEAST, Math.max(LEAST, v)))
                .toArray();
        double[] up = Arrays.stream(p).map(Math::log).toArray();
        double[] down = Arrays.stream(p).map(v -> -Math.log1p(-v)).toArray();
        double[] w = StepFits.logistic(new double[][] {up, down}, x.hit(), new double[] {1, 1, 0});
        if (w[0] >= 0 && w[1] >= 0) {
            return w;
        }
        boolean keepUp = w[1] < 0;
        double[] one = StepFits.logistic(new double[][] {keepUp ? up : down}, x.hit(), new double[] {1, 0});
        double slope = Math.max(0, one[0]);
        return new double[] {keepUp ? slope : 0, keepUp ? 0 : slope, one[1]};
    }

    @Override
    public Tensor probabilities(Tensor logits) {
        Tensor p = logits.softmax(1);
        Tensor q = p.clamp(
                new org.bytedeco.pytorch.ScalarOptional(Tensors.scalar(LEAST)),
                new org.bytedeco.pytorch.ScalarOptional(Tensors.scalar(1 - LEAST)));
        Tensor z = q.log()
                .mul(parameters.select(1, 0))
                .sub(q.neg().log1p().mul(parameters.select(1, 1)))
                .add(parameters.select(1, 2));
        return StepMap.normalised(z.sigmoid(), p);
    }

    @Override
    public boolean keepsOrder() {
        return false;
    }

    @Override
    public State state() {
        return new State().put("parameters", parameters);
    }

    @Override
    public void load(State saved) {
        Tensor t = saved.tensor("parameters");
        Tensors.requireShape("saved parameters", t, -1, 3);
        Tensors.requireFinite("The saved parameters", t);
        try (Scope s = Scope.open()) {
            parameters = Scope.own(Tensors.copy(t));
        }
    }
}
