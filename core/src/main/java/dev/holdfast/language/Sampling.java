package dev.holdfast.language;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * How a token is drawn from logits: divide by the temperature, keep the {@code topK} most likely, of these the smallest
 * set with a mass of at least {@code topP} (nucleus, Holtzman et al., arXiv 1904.09751), renormalise, draw. Of equally
 * likely tokens the one with the lower id comes first.
 *
 * @param temperature 0 = always the most likely token
 * @param topK 0 = all
 * @param topP in (0, 1]
 */
public record Sampling(double temperature, int topK, double topP) {
    public Sampling {
        if (!(temperature >= 0) || Double.isInfinite(temperature)) {
            throw new IllegalArgumentException("A temperature must be >= 0 but is " + temperature + ".");
        }
        if (topK < 0) {
            throw new IllegalArgumentException("topK must be >= 0 (0 = all) but is " + topK + ".");
        }
        if (!(topP > 0 && topP <= 1)) {
            throw new IllegalArgumentException("topP must be in (0, 1] but is " + topP + ".");
        }
    }

    /** The most likely token. */
    public static Sampling greedy() {
        return new Sampling(0, 0, 1);
    }

    /** From the whole distribution at a temperature. */
    public static Sampling at(double temperature) {
        return new Sampling(temperature, 0, 1);
    }

    /**
     * Drawn ids [B] (int64) and their log-probabilities [B] (float64) in the distribution that they were drawn from, which
     * is not the model's unless the temperature is 1 and nothing was cut.
     */
    public record Drawn(Tensor ids, Tensor logProbabilities) {}

    /**
     * Draws one token a row.
     *
     * @param logits [B,V], finite or minus infinity
     * @param u uniform draws in [0,1), one a row; unused when greedy
     */
    public Drawn draw(Tensor logits, double... u) {
        long rows = logits.size(0);
        Tensor z = logits.detach().to(ScalarType.Double);
        if (temperature == 0) {
            // the first of equal maxima
            return new Drawn(z.argmax(new LongOptional(1), false), Tensors.zeros(ScalarType.Double, rows));
        }
        if (u.length != rows) {
            throw new IllegalArgumentException(
                    "There are " + rows + " rows of logits but " + u.length + " uniform draws.");
        }
        T_TensorTensor_T sorted = z.div(Tensors.scalar(temperature)).sort(new BoolOptional(true), 1, true);
        Tensor logit = sorted.get0();
        if (topK > 0 && topK < logit.size(1)) {
            logit = Tensors.slice(logit, 1, 0, topK);
        }
        if (topP < 1) {
            Tensor p = logit.softmax(1);
            // kept while the mass before a token has not reached topP
            Tensor enough = p.cumsum(1).sub(p).ge(Tensors.scalar(topP));
            logit = logit.masked_fill(enough, Tensors.scalar(Double.NEGATIVE_INFINITY));
        }
        Tensor logp = logit.log_softmax(1);
        Tensor p = logp.exp();
        Tensor below = p.cumsum(1).le(Tensors.of(u, rows, 1)).sum(new long[] {1}, true, new ScalarTypeOptional());
        // rounding may leave the last sum below u
        Tensor last = p.gt(Tensors.scalar(0))
                .sum(new long[] {1}, true, new ScalarTypeOptional())
                .sub(Tensors.scalar(1))
                .to(ScalarType.Long);
        Tensor at = below.minimum(last);
        return new Drawn(
                sorted.get1().gather(1, at).squeeze(1), logp.gather(1, at).squeeze(1));
    }
}
