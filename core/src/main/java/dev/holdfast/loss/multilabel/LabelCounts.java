package dev.holdfast.loss.multilabel;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * How often each label was seen, and each pair of labels on one row. From these come the class factor, large for rare
 * labels, and the co-occurrence attention of a row, large for labels that go along with those that it has.
 *
 * <p>Zhang et al.: <i>Learning in Imperfect Environment</i> (COMIC), arXiv 2304.10539, section 3.2. One thread.
 */
public final class LabelCounts implements Stateful {
    private Tensor counts;
    private Tensor together;
    private long rows;

    /** Nothing seen of so many labels. */
    public LabelCounts(long labels) {
        this(
                Scope.own(Tensors.zeros(ScalarType.Double, labels)),
                Scope.own(Tensors.zeros(ScalarType.Double, labels, labels)),
                0);
    }

    private LabelCounts(Tensor counts, Tensor together, long rows) {
        this.counts = counts;
        this.together = together;
        this.rows = rows;
    }

    /** Counts of labels [L], co-occurrences [L, L], and the number of rows that they are from. */
    public static LabelCounts of(Tensor counts, Tensor together, long rows) {
        Tensors.requireShape("counts of labels", counts, -1);
        Tensors.requireShape("co-occurrences of labels", together, counts.size(0), counts.size(0));
        return new LabelCounts(
                Scope.own(Tensors.copy(counts.to(ScalarType.Double))),
                Scope.own(Tensors.copy(together.to(ScalarType.Double))),
                rows);
    }

    /** Counts of label sets [n, L]. */
    public static LabelCounts of(Tensor labels) {
        LabelCounts c = new LabelCounts(labels.size(1));
        c.add(labels);
        return c;
    }

    /** Counts more label sets [n, L]; columns that were not there before begin at 0. */
    public void add(Tensor labels) {
        try (Scope s = Scope.open()) {
            widen(labels.size(1));
            Tensor y = labels.detach().to(ScalarType.Double);
            counts.add_(y.sum(0));
            together.add_(y.t().matmul(y));
        }
        rows += labels.size(0);
    }

    private void widen(long labels) {
        long had = counts.size(0);
        if (labels == had) {
            return;
        }
        if (labels < had) {
            throw new IllegalArgumentException(
                    "There are counts of " + had + " labels but rows with " + labels + " came.");
        }
        LabelCounts more = wider(labels);
        counts = Scope.own(more.counts);
        together = Scope.own(more.together);
    }

    /** The same counts beside labels that were never seen, in the caller's scope. */
    private LabelCounts wider(long labels) {
        long had = counts.size(0);
        Tensor wider = Tensors.zeros(ScalarType.Double, labels);
        Tensor square = Tensors.zeros(ScalarType.Double, labels, labels);
        Tensors.slice(wider, 0, had).copy_(counts);
        Tensors.slice(Tensors.slice(square, 0, had), 1, 0, had).copy_(together);
        return new LabelCounts(wider, square, rows);
    }

    /** How often each label was seen [L], as numbers. */
    public double[] counts() {
        return Tensors.doubles(counts);
    }

    /** Rows counted. */
    public long rows() {
        return rows;
    }

    /** A copy that counts on for itself. */
    public LabelCounts copy() {
        return of(counts, together, rows);
    }

    /** The counts of some labels only, or of more than there are, the others at 0; in the caller's scope. */
    LabelCounts over(long width, int[] kept) {
        LabelCounts c = width > counts.size(0) ? wider(width) : this;
        if (kept == null) {
            return c;
        }
        Tensor at = Tensors.ids(kept);
        return new LabelCounts(
                c.counts.index_select(0, at), c.together.index_select(0, at).index_select(1, at), rows);
    }

    /** These counts and more of each label [L], in the caller's scope. */
    LabelCounts plus(Tensor more) {
        return new LabelCounts(counts.add(more), together, rows);
    }

    /** Counts [L] of the type of {@code like}; a label that was never seen counts as seen once. */
    Tensor atLeastOne(Tensor like) {
        return counts.clamp_min(Tensors.scalar(1)).to(like.scalar_type());
    }

    /**
     * Class factor [L], {@code (1 - ln(n_c / max n))^exponent}: 1 for the most frequent label, more for rarer ones. A label
     * that was never seen counts as seen once.
     */
    public Tensor factor(double exponent, Tensor like) {
        Tensor n = counts.clamp_min(Tensors.scalar(1));
        return n.div(n.max())
                .log()
                .neg()
                .add(Tensors.scalar(1))
                .pow(Tensors.scalar(exponent))
                .to(like.scalar_type());
    }

    /**
     * Co-occurrence attention [n, L]: for each row the mean over its labels c of how often c went with each label, made to
     * sum to 1; 0 for a row without labels.
     */
    public Tensor attention(Tensor labels) {
        Tensor tiny = Tensors.scalarLike(together, 1e-300);
        Tensor shares = together.div(torch.maximum(together.sum(0).unsqueeze(0), tiny));
        Tensor sum = labels.to(ScalarType.Double).matmul(shares);
        return sum.div(torch.maximum(sum.sum(1).unsqueeze(1), tiny)).to(labels.scalar_type());
    }

    @Override
    public State state() {
        return new State().put("rows", rows).put("counts", counts).put("together", together);
    }

    @Override
    public void load(State saved) {
        Tensor n = saved.tensor("counts");
        Tensor m = saved.tensor("together");
        Tensors.requireShape("saved counts of labels", n, -1);
        Tensors.requireShape("saved co-occurrences of labels", m, n.size(0), n.size(0));
        long newRows = saved.integer("rows");
        counts = Scope.own(Tensors.copy(n.to(ScalarType.Double)));
        together = Scope.own(Tensors.copy(m.to(ScalarType.Double)));
        rows = newRows;
    }
}
