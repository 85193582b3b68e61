package dev.holdfast.diagnose.valley;

import dev.holdfast.nn.lm.TokenLoss;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Which tokens gain from a falling rate: the change of the loss by how uncertain the model is about the next token, in thirds.
 * Tokens that are nearly certain are flat directions, where the loss falls with the sum of the rates; uncertain ones are the
 * hills that a fall comes down from. Wen et al., arXiv 2410.05192. One thread.
 */
public final class TokenTerciles {
    private final List<double[]> entropies = new ArrayList<>();
    private final List<double[]> before = new ArrayList<>();
    private final List<double[]> after = new ArrayList<>();

    /**
     * One third.
     *
     * @param from lowest entropy in it, in nats
     * @param to highest entropy in it
     * @param before mean loss in nats before the fall
     * @param after the same after it
     */
    public record Tercile(double from, double to, long tokens, double before, double after) {
        /** Loss after less loss before. */
        public double change() {
            return after - before;
        }
    }

    /**
     * Takes in a batch.
     *
     * @param before logits [B,T,V] before the fall
     * @param after logits [B,T,V] after it, whose entropy tells how uncertain a token is
     * @param labels int64 [B,T], aligned with the ids; {@link TokenLoss#IGNORED} does not count
     */
    public TokenTerciles add(Tensor before, Tensor after, Tensor labels) {
        try (Scope s = Scope.open()) {
            long t = labels.size(1);
            Tensor counted = Tensors.slice(labels, 1, 1, t).ne(Tensors.scalar(TokenLoss.IGNORED));
            Tensor ids = labels.masked_fill(labels.lt(Tensors.scalar(0)), Tensors.scalar(0));
            Tensor log = Tensors.slice(after, 1, 0, t - 1).log_softmax(-1);
            Tensor entropy = log.exp().mul(log).sum(-1).neg();
            this.entropies.add(Tensors.doubles(entropy.masked_select(counted)));
            this.before.add(Tensors.doubles(
                    TokenLoss.logProbabilities(before, ids).neg().masked_select(counted)));
            this.after.add(
                    Tensors.doubles(TokenLoss.logProbabilities(after, ids).neg().masked_select(counted)));
        }
        return this;
    }

    /** The thirds, the most certain tokens first; of all tokens so far. */
    public List<Tercile> report() {
        double[] h = flat(entropies);
        double[] b = flat(before);
        double[] a = flat(after);
        if (h.length < 3) {
            throw new IllegalArgumentException("Thirds need at least 3 tokens but there are " + h.length + ".");
        }
        int[] order = IntStream.range(0, h.length)
                .boxed()
                .sorted(Comparator.comparingDouble(i -> h[i]))
                .mapToInt(i -> i)
                .toArray();
        List<Tercile> thirds = new ArrayList<>();
        for (int k = 0; k < 3; k++) {
            int[] in =
                    Arrays.copyOfRange(order, (int) ((long) h.length * k / 3), (int) ((long) h.length * (k + 1) / 3));
            thirds.add(new Tercile(h[in[0]], h[in[in.length - 1]], in.length, mean(b, in), mean(a, in)));
        }
        return thirds;
    }

    private static double mean(double[] v, int[] at) {
        return Arrays.stream(at).mapToDouble(i -> v[i]).average().orElseThrow();
    }

    private static double[] flat(List<double[]> parts) {
        return parts.stream().flatMapToDouble(Arrays::stream).toArray();
    }
}
