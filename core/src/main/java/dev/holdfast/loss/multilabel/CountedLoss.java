package dev.holdfast.loss.multilabel;

import dev.holdfast.loss.Columns;
import dev.holdfast.loss.LabelMatrix;
import dev.holdfast.loss.LossInput;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;

/**
 * Counts that a loss weighs labels by: given from outside, or of the rows that were observed so far. Only ratios matter to
 * the class factor, so rows may come again and again.
 */
final class CountedLoss implements Stateful {
    private final boolean given;
    private final LabelCounts counts;

    /** Counts what is observed. */
    CountedLoss() {
        this.given = false;
        this.counts = new LabelCounts(0);
    }

    /** These counts, whatever is observed. */
    CountedLoss(LabelCounts counts) {
        this.given = true;
        this.counts = counts;
    }

    void observe(String loss, LossInput in) {
        if (!given && in.training()) {
            // columns that take no part now have counts all the same
            LossInput all =
                    new LossInput(in.scores(), in.target(), in.rows(), in.columns(), in.side(), in.training(), null);
            counts.add(LabelMatrix.of(loss, all).labels());
        }
    }

    /** The counts of the columns that take part. */
    LabelCounts of(LossInput in) {
        return counts.over(in.scores().size(1), in.among() == null ? null : Columns.kept(in));
    }

    @Override
    public State state() {
        return counts.state();
    }

    @Override
    public void load(State saved) {
        counts.load(saved);
    }
}
