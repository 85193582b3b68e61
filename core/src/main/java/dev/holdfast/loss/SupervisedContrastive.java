package dev.holdfast.loss;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * Supervised contrastive loss in its two published forms, which give different values: rows of one class are drawn together
 * on the unit sphere, all others apart. Pure; safe from any thread.
 *
 * <p>Khosla et al., <i>Supervised Contrastive Learning</i>, arXiv 2004.11362, eq. 2 (batch form); Song et al., <i>Learning
 * with Fantasy: Semantic-Aware Virtual Contrastive Constraint</i>, arXiv 2304.00426 (queue form).
 */
public final class SupervisedContrastive {
    private static final double EPS = 1e-12;

    /** Logit of what takes no part; finite, so that its gradient is a number. */
    private static final double NONE = -1e30;

    private SupervisedContrastive() {}

    /** Which of the two forms. */
    public enum Form {
        /** Among the views of a batch; the denominator holds every other view. */
        BATCH,
        /** Against keys of a slow copy of the network and a queue of earlier ones; the denominator holds negatives only. */
        QUEUE
    }

    /** Rows of length 1; a row of zeros stays. */
    public static Tensor unit(Tensor rows) {
        // the bound is set before the root, whose slope at 0 is infinite
        return rows.div(rows.mul(rows)
                .sum(new long[] {-1}, true, new ScalarTypeOptional())
                .clamp_min(Tensors.scalar(EPS * EPS))
                .sqrt());
    }

    /**
     * Batch form: mean over anchors of {@code -(1/|P|) sum_p log(exp(z.p/T) / sum_a exp(z.a/T))}, where a runs over all rows
     * but the anchor. An anchor without another row of its label contributes 0 but counts.
     *
     * @param z [n, d]; brought to length 1
     * @param label of every row (views of a row have its label)
     * @param temperature T > 0
     */
    public static Tensor batch(Tensor z, int[] label, double temperature) {
        return batch(z, label, temperature, temperature);
    }

    /** The same times T / baseTemperature. */
    public static Tensor batch(Tensor z, int[] label, double temperature, double baseTemperature) {
        Tensors.requireShape("embeddings", z, label.length, -1);
        requireTemperature(temperature);
        requireTemperature(baseTemperature);
        long n = label.length;
        if (n < 2) {
            // nothing to compare with; the graph is kept
            return z.sum().mul(Tensors.scalar(0));
        }
        Tensor u = unit(z);
        Tensor self = Tensors.zerosLike(u.detach(), n, n).fill_diagonal_(Tensors.scalar(1));
        Tensor ids = Tensors.ids(label);
        Tensor positive =
                ids.unsqueeze(1).eq(ids.unsqueeze(0)).to(u.scalar_type()).sub(self);
        Tensor s = u.matmul(u.t()).div(Tensors.scalar(temperature));
        Tensor others = s.masked_fill(self.ne(Tensors.scalar(0)), Tensors.scalar(NONE));
        Tensor logShare = s.sub(others.logsumexp(new long[] {1}, true));
        Tensor count = positive.sum(1);
        Tensor each = logShare.mul(positive).sum(1).div(count.clamp_min(Tensors.scalar(1)));
        return each.mean().mul(Tensors.scalar(-temperature / baseTemperature));
    }

    /**
     * Queue form from logits: mean over rows of the mean over its positives p of {@code log(1 + sum_neg exp(s_neg - s_p))}.
     *
     * @param logits s [n, m], already divided by T
     * @param positive [n, m], 1 = the same class, 0 = another; at least one a row
     */
    public static Tensor queue(Tensor logits, Tensor positive) {
        Tensors.requireShape("positives", positive, logits.shape());
        Tensor p = positive.to(logits.scalar_type());
        // log(1 + e^(N - s)) with N = log sum of the negatives: softplus, safe for any size; without negatives 0
        Tensor n = logits.masked_fill(p.ne(Tensors.scalar(0)), Tensors.scalar(NONE))
                .logsumexp(new long[] {1}, true);
        Tensor x = n.sub(logits);
        Tensor softplus = x.clamp_min(Tensors.scalar(0)).add(x.abs().neg().exp().log1p());
        return softplus.mul(p).sum(1).div(p.sum(1).clamp_min(Tensors.scalar(1))).mean();
    }

    /** Logits of the queue form [n, 1 + m]: the own key first, then the queue; all rows are brought to length 1. */
    public static Tensor logits(Tensor query, Tensor key, Tensor queue, double temperature) {
        requireTemperature(temperature);
        Tensors.requireShape("keys", key, query.shape());
        Tensors.requireShape("the queue", queue, -1, query.size(1));
        Tensor q = unit(query);
        Tensor own = q.mul(unit(key.detach())).sum(new long[] {1}, true, new ScalarTypeOptional());
        return Tensors.cat(1, own, q.matmul(unit(queue.detach()).t())).div(Tensors.scalar(temperature));
    }

    /** Positives of these logits [n, 1 + m]: the own key, and queued rows of the same label. */
    public static Tensor positives(int[] label, int[] queued, Tensor like) {
        Tensor same = Tensors.ids(label)
                .unsqueeze(1)
                .eq(Tensors.ids(queued).unsqueeze(0))
                .to(like.scalar_type());
        Tensor own = Tensors.zerosLike(like.detach(), label.length, 1).fill_(Tensors.scalar(1));
        return Tensors.cat(1, own, same);
    }

    private static void requireTemperature(double t) {
        if (!(t > 0) || Double.isInfinite(t)) {
            throw new IllegalArgumentException(
                    "The temperature of a contrastive loss must be finite and > 0 but is " + t + ".");
        }
    }
}
