package dev.holdfast.learner.stream.tree;

import dev.holdfast.config.Doc;
import dev.holdfast.config.Records;

/**
 * How a multi-label Hoeffding tree grows, predicts and forgets; the defaults are those of the authors' code of MLHAT.
 *
 * @param adaptive with drift detection, alternate subtrees and Poisson weights (MLHAT); false: a plain tree (MLHT)
 */
public record TreeConfig(
        @Doc("drift detection with alternate subtrees, and Poisson weights") boolean adaptive,
        @Doc("weight between two split attempts of a leaf") double grace,
        @Doc("confidence of a split") double delta,
        @Doc("bound below which ties are split") double tie,
        @Doc("candidate thresholds of a numeric column") int thresholds,
        @Doc("share of the majority label set above which a leaf does not split") double pure,
        @Doc("leaves that a tree may have") int maxLeaves,
        @Doc("which classifier a leaf predicts with") LeafRule leaf,
        @Doc("neighbours that vote") int neighbours,
        @Doc("rows that a leaf keeps") int window,
        @Doc("weight of a leaf up to which neighbours predict") double neighboursUntil,
        @Doc("entropy (bits) of a leaf below which neighbours predict") double neighboursBelow,
        @Doc("learning rate of the logistic units") double rate,
        @Doc("learning rate of their intercepts") double interceptRate,
        @Doc("confidence of the drift detectors") double driftDelta,
        @Doc("an alternate starts on any change, not only when the loss rose") boolean anyChange,
        @Doc("a Poisson draw of 0 skips the row, instead of leaving it weight 1") boolean skipZeroDraws) {

    public TreeConfig {
        require(grace > 0, "grace", grace, "a weight > 0");
        require(delta > 0 && delta < 1, "delta", delta, "a confidence in (0, 1)");
        require(tie >= 0, "tie", tie, "a bound >= 0");
        require(thresholds >= 1, "thresholds", thresholds, "at least 1");
        require(pure > 0 && pure <= 1, "pure", pure, "a share in (0, 1]");
        require(maxLeaves >= 1, "maxLeaves", maxLeaves, "at least 1");
        require(neighbours >= 1, "neighbours", neighbours, "at least 1");
        require(window >= neighbours, "window", window, "at least as many rows as neighbours");
        require(rate > 0, "rate", rate, "a rate > 0");
        require(interceptRate >= 0, "interceptRate", interceptRate, "a rate >= 0");
        require(driftDelta > 0 && driftDelta < 1, "driftDelta", driftDelta, "a confidence in (0, 1)");
        if (leaf == null) {
            throw new IllegalArgumentException("The tree needs a rule for its leaves but leaf is null.");
        }
    }

    private static void require(boolean fits, String name, double value, String expected) {
        if (!fits) {
            throw new IllegalArgumentException(
                    "Tree setting " + name + " is " + value + "; expected " + expected + ".");
        }
    }

    /** The adaptive tree, MLHAT. */
    public static TreeConfig adaptiveTree() {
        return new TreeConfig(
                true,
                200,
                1.66e-7,
                0.05,
                10,
                0.99,
                1000,
                LeafRule.ADAPTIVE,
                4,
                170,
                750,
                0.3,
                0.3,
                0.01,
                0.002,
                false,
                false);
    }

    /** The plain tree with majority leaves, MLHT. */
    public static TreeConfig plainTree() {
        return adaptiveTree().withAdaptive(false).withLeaf(LeafRule.MAJORITY);
    }

    public TreeConfig withAdaptive(boolean yes) {
        return Records.with(this, "adaptive", yes);
    }

    public TreeConfig withSplits(double everyWeight, double confidence) {
        return new TreeConfig(
                adaptive,
                everyWeight,
                confidence,
                tie,
                thresholds,
                pure,
                maxLeaves,
                leaf,
                neighbours,
                window,
                neighboursUntil,
                neighboursBelow,
                rate,
                interceptRate,
                driftDelta,
                anyChange,
                skipZeroDraws);
    }

    public TreeConfig withLeaf(LeafRule rule) {
        return Records.with(this, "leaf", rule);
    }

    /** Whether leaves keep rows. */
    public boolean keepsRows() {
        return leaf == LeafRule.ADAPTIVE || leaf == LeafRule.NEIGHBOURS;
    }

    boolean bags() {
        return leaf == LeafRule.ADAPTIVE || leaf == LeafRule.BAGGING;
    }
}
