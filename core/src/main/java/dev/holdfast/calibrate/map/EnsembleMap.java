package dev.holdfast.calibrate.map;

import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A mixture of temperatures: sum over t of wbar_t softmax(|a_t| log p), wbar = |w| / sum |w|.
 *
 * <p>Zhang, Kailkhura, Han: <i>Mix-n-Match</i>, arXiv 2003.07329, with as many learnt temperatures as asked for; map
 * "linear" of arXiv 2506.17968.
 */
public final class EnsembleMap implements LearnableMap {
    private final Parameters parameters;

    /** Drawn as linear layers are: uniform in +-1 / sqrt(numbers that enter). */
    public EnsembleMap(int temperatures, Rng rng) {
        this(
                draw(temperatures, 1, rng.child("inverse-temperatures")),
                draw(temperatures, temperatures, rng.child("weights")));
    }

    public EnsembleMap(double[] inverseTemperatures, double[] weights) {
        if (weights.length < 1 || weights.length != inverseTemperatures.length) {
            throw new IllegalArgumentException(
                    "A mixture of temperatures needs as many weights as temperatures, at least" + " one, but has "
                            + weights.length + " and " + inverseTemperatures.length + ".");
        }
        parameters = LearnableMap.leaves(
                List.of("inverse-temperatures", "weights"),
                List.of(Tensors.of(inverseTemperatures, weights.length), Tensors.of(weights, weights.length)));
    }

    private static double[] draw(int n, int fanIn, Rng rng) {
        if (n < 1) {
            throw new IllegalArgumentException("A mixture needs at least one temperature but has " + n + ".");
        }
        Tensor u = rng.uniform(ScalarType.Double, n);
        return Tensors.doubles(u.mul(Tensors.scalar(2)).sub(Tensors.scalar(1)).div(Tensors.scalar(Math.sqrt(fanIn))));
    }

    @Override
    public Parameters parameters() {
        return parameters;
    }

    @Override
    public Tensor forward(Tensor logits) {
        Tensor a = parameters.get(0).abs();
        Tensor w = parameters.get(1).abs();
        Tensor x = logits.log_softmax(1);
        // [n, T, C] over classes, then the weighted sum over T
        Tensor each = x.unsqueeze(1).mul(a.unsqueeze(1)).softmax(2);
        return each.mul(w.div(w.sum()).unsqueeze(1)).sum(1);
    }
}
