package dev.holdfast.penalty;

/** How much each weight matters for a finished task; every one is >= 0. */
public enum Importance {
    /** 1 for every weight: plain L2 to the anchor. */
    UNIFORM,
    /** Empirical Fisher: mean over rows of (d ln p(y|x) / d theta)^2 with the true labels. Kirkpatrick, arXiv 1612.00796. */
    FISHER,
    /** Fisher in expectation over the model's own labels. */
    FISHER_EXPECTED,
    /** The square of each mini-batch's mean gradient, mean over batches: cheaper, and smaller in value. */
    FISHER_PER_BATCH,
    /** Empirical Fisher with each row weighted by the model's probability of its label (code of arXiv 2004.07211). */
    FISHER_PROB_WEIGHTED,
    /** Mean over rows of |d ||f(x)||^2 / d theta|; needs no labels. Aljundi et al., arXiv 1711.09601, eq. 2. */
    OUTPUT_NORM
}
