package dev.holdfast.diagnose.scaling;

import dev.holdfast.language.train.TokenBatch;
import dev.holdfast.language.train.TokenObjective;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Taps;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.TokenLoss;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * What goes on inside a decoder on one batch, in evaluation mode: the numbers that say which instability is on its way. Sizes
 * are root mean squares of entries. For comparisons take the same batch.
 *
 * <p>Wortsman et al.: <i>Small-scale proxies for large-scale Transformer training instabilities</i>, arXiv 2309.14322,
 * sections 3.1 and 3.4.
 *
 * @param loss mean cross-entropy, nats
 * @param logZMean mean over positions of log sum exp of the output logits
 * @param logZLargest the one farthest from 0, with its sign
 * @param meanLogit mean output logit; far below 0 where output logits drift off
 */
public record InternalStatistics(
        double loss, double logZMean, double logZLargest, double meanLogit, List<Layer> layers, List<Leaf> leaves) {
    /**
     * One block.
     *
     * @param largestAttentionLogit magnitude, before mask and softmax, over entries that are seen
     * @param entropy of the attention weights in nats, mean over queries, for each head
     * @param stream size of the residual stream behind the block
     * @param attention size of what attention adds
     * @param feedForward size of what the feed-forward layers add
     */
    public record Layer(
            int index,
            double largestAttentionLogit,
            List<Double> entropy,
            double stream,
            double attention,
            double feedForward) {}

    /**
     * One leaf.
     *
     * @param count of its numbers
     * @param weight size of its numbers
     * @param largest largest magnitude of a number of it
     * @param gradient size of its gradient, before clipping
     * @param update size of the move that the optimizer would make now, over its rate: near 1 for Adam
     */
    public record Leaf(ParamMeta meta, long count, double weight, double largest, double gradient, double update) {}

    public InternalStatistics {
        layers = List.copyOf(layers);
        leaves = List.copyOf(leaves);
    }

    /** Looks at a model between two steps; changes nothing. */
    public static InternalStatistics of(
            Decoder model, ChainOptimizer optimizer, TokenBatch batch, TokenObjective objective) {
        try (Scope s = Scope.open();
                var mode = Autograd.withGrad()) {
            Taps taps = Taps.where(n -> n.startsWith("model.layers."));
            Pass pass = batch.mask() == null ? Pass.eval() : Pass.eval().withMask(batch.mask());
            Tensor logits = model.forward(batch.ids(), pass.withTaps(taps));
            Parameters p = optimizer.parameters();
            ParamVector g = Autograd.grad(objective.of(logits, batch.labels()), p, false);
            ParamVector move = optimizer.peek(g);
            try (var still = Autograd.noGrad()) {
                Tensor logZ = logits.logsumexp(new long[] {-1});
                double low = Tensors.item(logZ.min());
                double high = Tensors.item(logZ.max());
                return new InternalStatistics(
                        Tensors.item(TokenLoss.mean(logits, batch.labels())),
                        Tensors.item(logZ.mean()),
                        -low > high ? low : high,
                        Tensors.item(logits.mean()),
                        layers(taps, model.config().layers()),
                        leaves(optimizer, p, g, move));
            }
        }
    }

    private static List<Layer> layers(Taps taps, int count) {
        List<Layer> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String name = "model.layers." + i;
            Tensor entropy = entropy(taps.get(name + ".self_attn.weights")).mean(0, 2);
            all.add(new Layer(
                    i,
                    Tensors.item(largestSeen(taps.get(name + ".self_attn.logits"))),
                    Arrays.stream(Tensors.doubles(entropy)).boxed().toList(),
                    size(taps.get(name)),
                    size(taps.get(name + ".self_attn")),
                    size(taps.get(name + ".mlp"))));
        }
        return all;
    }

    private static List<Leaf> leaves(ChainOptimizer optimizer, Parameters p, ParamVector g, ParamVector move) {
        List<Leaf> all = new ArrayList<>();
        for (int i = 0; i < p.size(); i++) {
            boolean reached = g.get(i) != null;
            all.add(new Leaf(
                    p.meta().get(i),
                    p.get(i).numel(),
                    size(p.get(i)),
                    Tensors.item(p.get(i).abs().max()),
                    reached ? size(g.get(i)) : 0,
                    reached ? size(move.get(i)) / optimizer.rate(i) : 0));
        }
        return all;
    }

    /** Largest magnitude of attention logits that are minus infinity where nothing is seen, a scalar. */
    public static Tensor largestSeen(Tensor logits) {
        return logits.masked_fill(logits.isneginf(), Tensors.scalar(0)).abs().max();
    }

    /** Entropy in nats of attention weights [...,S]: [...]. */
    public static Tensor entropy(Tensor weights) {
        return torch.special_entr(weights).sum(-1);
    }

    private static double size(Tensor t) {
        return Tensors.item(t.norm()) / Math.sqrt(t.numel());
    }

    /** Over all blocks. */
    public double largestAttentionLogit() {
        return layers.stream().mapToDouble(Layer::largestAttentionLogit).reduce(0, Math::max);
    }

    /** Mean over blocks and heads, nats. */
    public double attentionEntropy() {
        return layers.stream()
                .flatMap(l -> l.entropy.stream())
                .mapToDouble(e -> e)
                .average()
                .orElse(Double.NaN);
    }

    /** Size of the gradient over all leaves. */
    public double gradient() {
        double squares = 0;
        long n = 0;
        for (Leaf l : leaves) {
            squares += l.count * l.gradient * l.gradient;
            n += l.count;
        }
        return Math.sqrt(squares / n);
    }

    /**
     * What no attention logit of this model can exceed where queries and keys are normed, sqrt(head size) times the largest
     * scales; over the block where it is nearest, the logit as a share of it. NaN without such norms.
     */
    public double attentionLogitOverBound(int headSize) {
        double most = Double.NaN;
        for (Layer l : layers) {
            double bound = Math.sqrt(headSize);
            for (String norm : new String[] {"q_norm", "k_norm"}) {
                String name = "model.layers." + l.index + ".self_attn." + norm + ".weight";
                bound *= leaves.stream()
                        .filter(f -> f.meta.name().equals(name))
                        .mapToDouble(Leaf::largest)
                        .findFirst()
                        .orElse(Double.NaN);
            }
            double share = l.largestAttentionLogit / bound;
            most = Double.isNaN(most) ? share : Math.max(most, share);
        }
        return most;
    }

    /** Smallest share that Adam's epsilon leaves of an update, over leaves with a gradient r: r / (r + epsilon). */
    public double leastUpdateShare(double epsilon) {
        return leaves.stream()
                .filter(l -> l.gradient > 0)
                .mapToDouble(l -> l.gradient / (l.gradient + epsilon))
                .min()
                .orElse(Double.NaN);
    }

    /** Gradient size over epsilon, of all leaves together. */
    public double gradientOverEpsilon(double epsilon) {
        return gradient() / epsilon;
    }

    /** True if all of the loss, output logits and attention logits are finite. */
    public boolean finite() {
        return Double.isFinite(loss) && Double.isFinite(logZLargest) && Double.isFinite(largestAttentionLogit());
    }
}
