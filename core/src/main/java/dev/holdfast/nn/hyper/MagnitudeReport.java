package dev.holdfast.nn.hyper;

import dev.holdfast.nn.Part;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Taps;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/**
 * How large everything is as a function of the condition, the diagnosis of arXiv 2304.07645, section 3: where weights,
 * activations and gradients grow with gamma, training is slow or diverges.
 *
 * @param points one entry a condition
 * @param gradientVariance mean squared distance of the gradients of the conditions from their mean: what one condition a
 *     batch adds to the noise of a step
 * @param thetaVariance mean over weights of the variance over conditions; 0 = the condition is ignored
 */
public record MagnitudeReport(List<Point> points, double gradientVariance, double thetaVariance) {
    /**
     * Norms at one condition.
     *
     * @param theta Euclidean norm of all generated weights
     * @param activations norm of what leaves each site of the main network, by site
     * @param gradient norm of the gradient of all parameters
     */
    public record Point(
            List<Double> condition, double loss, double theta, Map<String, Double> activations, double gradient) {}

    public MagnitudeReport {
        points = List.copyOf(points);
    }

    /**
     * Measures a net at single conditions, in evaluation mode; changes nothing.
     *
     * @param net with generated weights
     * @param conditions [k,d], at least one
     * @param loss of one forward pass
     */
    public static MagnitudeReport of(Part net, Tensor conditions, Function<Pass, Tensor> loss) {
        Tensors.requireShape("conditions", conditions, -1, -1);
        if (conditions.size(0) == 0) {
            throw new IllegalArgumentException("A report needs at least one condition.");
        }
        Parameters parameters = net.parameters();
        List<Point> points = new ArrayList<>();
        List<double[]> gradients = new ArrayList<>();
        List<double[]> thetas = new ArrayList<>();
        for (int k = 0; k < conditions.size(0); k++) {
            try (Scope s = Scope.open()) {
                Taps taps =
                        Taps.where(n -> n.startsWith("site:") && n.endsWith(".out") && !n.startsWith("site:hyper."));
                Tensor gamma = Tensors.rows(conditions, k);
                Pass pass = Pass.eval().withCondition(gamma).withTaps(taps);
                Tensor value = loss.apply(pass);
                ParamVector g = Autograd.grad(value, parameters, false);
                Map<String, Double> activations = new LinkedHashMap<>();
                for (String n : taps.names()) {
                    activations.put(
                            n.substring("site:".length(), n.length() - ".out".length()),
                            taps.get(n).norm().item_double());
                }
                Tensor theta = Tensors.cat(
                        0,
                        Hypernet.weights(net, Pass.eval().withCondition(gamma)).values().stream()
                                .map(t -> t.detach().reshape(-1))
                                .toArray(Tensor[]::new));
                points.add(new Point(
                        java.util.Arrays.stream(Tensors.doubles(gamma)).boxed().toList(),
                        value.item_double(),
                        theta.norm().item_double(),
                        activations,
                        g.norm()));
                gradients.add(Tensors.doubles(g.flat()));
                thetas.add(Tensors.doubles(theta));
            }
        }
        return new MagnitudeReport(points, spread(gradients), spread(thetas) / thetas.get(0).length);
    }

    /** Mean over vectors of the squared distance from their mean. */
    private static double spread(List<double[]> vectors) {
        int n = vectors.get(0).length;
        double sum = 0;
        for (int i = 0; i < n; i++) {
            double mean = 0;
            for (double[] v : vectors) {
                mean += v[i] / vectors.size();
            }
            for (double[] v : vectors) {
                sum += (v[i] - mean) * (v[i] - mean) / vectors.size();
            }
        }
        return sum;
    }
}
