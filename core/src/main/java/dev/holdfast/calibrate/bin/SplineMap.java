package dev.holdfast.calibrate.bin;

import dev.holdfast.calibrate.HeldOut;
import dev.holdfast.calibrate.ProbabilityMap;
import dev.holdfast.evaluate.calibration.LabelledProbabilities;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.hipparchus.linear.Array2DRowRealMatrix;
import org.hipparchus.linear.ArrayRealVector;
import org.hipparchus.linear.SingularValueDecomposition;

/**
 * The top probability through the slope of a spline: of the hits cumulated by rising confidence a natural cubic spline is
 * fitted over the rank by least squares, whose derivative is the accuracy at that rank. The other classes share the rest
 * in their proportions.
 *
 * <p>Gupta et al.: <i>Calibration of Neural Networks using Splines</i>, arXiv 2006.12800.
 */
final class SplineMap implements ProbabilityMap {
    /** Confidences, rising, and the accuracy at each. */
    private Tensor confidence;

    private Tensor accuracy;

    static SplineMap fit(HeldOut rows, int knots) {
        LabelledProbabilities x = LabelledProbabilities.ofLogits(rows.logits(), rows.label());
        int n = x.size();
        int[] order = IntStream.range(0, n)
                .boxed()
                .sorted(Comparator.comparingDouble(x::confidence))
                .mapToInt(Integer::intValue)
                .toArray();
        int terms = Math.min(knots, n);
        double[][] basis = new double[n][];
        double[] hits = new double[n];
        double sum = 0;
        for (int i = 0; i < n; i++) {
            sum += x.correct(order[i]) ? 1.0 / n : 0;
            hits[i] = sum;
            basis[i] = basis((i + 1.0) / n, terms, false);
        }
        double[] w = new SingularValueDecomposition(new Array2DRowRealMatrix(basis, false))
                .getSolver()
                .solve(new ArrayRealVector(hits, false))
                .toArray();
        double[] c = new double[n];
        double[] a = new double[n];
        int used = 0;
        for (int i = 0; i < n; i++) {
            double[] slope = basis((i + 0.5) / n, terms, true);
            double value = 0;
            for (int t = 0; t < slope.length; t++) {
                value += w[t] * slope[t];
            }
            value = Math.min(1, Math.max(0, value));
            double at = x.confidence(order[i]);
            if (used > 0 && c[used - 1] == at) {
                a[used - 1] = value;
            } else {
                c[used] = at;
                a[used++] = value;
            }
        }
        SplineMap m = new SplineMap();
        m.confidence = Scope.own(Tensors.of(Arrays.copyOf(c, used), used));
        m.accuracy = Scope.own(Tensors.of(Arrays.copyOf(a, used), used));
        return m;
    }

    /** Natural cubic splines over [0, 1] with evenly spaced knots, or their derivatives: 1, u, and truncated cubes. */
    static double[] basis(double u, int knots, boolean derivative) {
        double[] b = new double[Math.max(2, knots)];
        b[0] = derivative ? 0 : 1;
        b[1] = derivative ? 1 : u;
        double last = cube(u, knots - 2, knots, derivative);
        for (int k = 0; k < knots - 2; k++) {
            b[k + 2] = cube(u, k, knots, derivative) - last;
        }
        return b;
    }

    private static double cube(double u, int k, int knots, boolean derivative) {
        if (knots < 2) {
            return 0;
        }
        double at = (double) k / (knots - 1);
        double below = Math.max(0, u - at);
        double end = Math.max(0, u - 1);
        return derivative
                ? 3 * (below * below - end * end) / (1 - at)
                : (below * below * below - end * end * end) / (1 - at);
    }

    @Override
    public Tensor probabilities(Tensor logits) {
        Tensor p = logits.softmax(1);
        LongOptional columns = new LongOptional(1);
        Tensor best = p.argmax(columns, true);
        Tensor top = p.gather(1, best);
        long n = confidence.size(0);
        Tensor said = top;
        if (n > 1) {
            // between the two nearest confidences linearly, beyond the ends as at the ends
            Tensor high = torch.bucketize(top.contiguous(), confidence)
                    .clamp_min(Tensors.scalar(1))
                    .clamp_max(Tensors.scalar(n - 1))
                    .to(ScalarType.Long);
            Tensor low = high.sub(Tensors.scalar(1)).to(ScalarType.Long);
            Tensor c0 = confidence.index_select(0, low.reshape(-1)).reshape(top.shape());
            Tensor c1 = confidence.index_select(0, high.reshape(-1)).reshape(top.shape());
            Tensor a0 = accuracy.index_select(0, low.reshape(-1)).reshape(top.shape());
            Tensor a1 = accuracy.index_select(0, high.reshape(-1)).reshape(top.shape());
            Tensor share =
                    top.sub(c0).div(c1.sub(c0)).clamp_min(Tensors.scalar(0)).clamp_max(Tensors.scalar(1));
            said = a0.add(a1.sub(a0).mul(share));
        } else {
            said = accuracy.expand(top.shape());
        }
        Tensor rest = p.scatter(1, best, Tensors.scalar(0));
        Tensor shares = StepMap.normalised(
                rest,
                p.mul(Tensors.scalar(0))
                        .add(Tensors.scalar(1.0 / (p.size(1) - 1)))
                        .scatter(1, best, Tensors.scalar(0)));
        return shares.mul(said.neg().add(Tensors.scalar(1))).scatter(1, best, said);
    }

    @Override
    public boolean keepsOrder() {
        return false;
    }

    @Override
    public State state() {
        return new State().put("confidence", confidence).put("accuracy", accuracy);
    }

    @Override
    public void load(State saved) {
        Tensor c = saved.tensor("confidence");
        Tensor a = saved.tensor("accuracy");
        Tensors.requireShape("saved confidences", c, -1);
        Tensors.requireShape("saved accuracies", a, c.size(0));
        Tensors.requireFinite("Saved confidences", c);
        Tensors.requireFinite("Saved accuracies", a);
        try (Scope s = Scope.open()) {
            confidence = Scope.own(Tensors.copy(c));
            accuracy = Scope.own(Tensors.copy(a));
        }
    }
}
