package dev.holdfast.learner.prototype;

import dev.holdfast.adapt.EntropyFilter;
import dev.holdfast.adapt.ModelRecovery;
import dev.holdfast.config.Doc;
import dev.holdfast.optim.transform.SharpnessAware;
import dev.holdfast.optim.transform.SurrogateGap;

/**
 * How a model adapts its norms to rows without labels.
 *
 * @param rate learning rate of SGD for batches of {@code fullBatch} rows or more; smaller batches have a rate in
 *     proportion to their rows; 0 = no adaptation at all
 * @param fullBatch rows from which on the rate is the full one
 * @param momentum of SGD, in [0, 1)
 * @param rho radius of the perturbation; 0 = none (entropy minimisation)
 * @param gap strength of the surrogate gap's term; 0 = none (SAR)
 * @param filter rows with an entropy below this share of ln C are trusted; 0 = all are
 * @param recovery the model is put back when the running mean of its entropies falls below this share of ln C; 0 = never
 * @param frozenBlocks norms of so many last blocks, by position, stay as they are
 * @param batchStatistics batch norms use the statistics of the batch while they adapt
 */
public record AdaptationConfig(
        @Doc("learning rate; 0 = no adaptation") double rate,
        @Doc("rows from which on the rate is the full one") int fullBatch,
        @Doc("momentum of SGD") double momentum,
        @Doc("radius of the perturbation; 0 = plain entropy minimisation") double rho,
        @Doc("strength of the surrogate gap's term; 0 = SAR") double gap,
        @Doc("share of the largest entropy below which rows are trusted; 0 = all") double filter,
        @Doc("share of the largest entropy below which the model has collapsed; 0 = never") double recovery,
        @Doc("norms of so many last blocks stay as they are") int frozenBlocks,
        @Doc("batch norms use the statistics of the batch while they adapt") boolean batchStatistics) {
    public AdaptationConfig {
        if (!(rate >= 0) || Double.isInfinite(rate)) {
            throw new IllegalArgumentException("The rate of adaptation must be finite and >= 0 but is " + rate + ".");
        }
        if (fullBatch < 1 || frozenBlocks < 0) {
            throw new IllegalArgumentException(
                    "fullBatch must be >= 1 and frozenBlocks >= 0 but are " + fullBatch + " and " + frozenBlocks + ".");
        }
        if (!(momentum >= 0 && momentum < 1)) {
            throw new IllegalArgumentException("Momentum must be in [0, 1) but is " + momentum + ".");
        }
        SharpnessAware.requireRadius(rho);
        new SurrogateGap(gap);
        new EntropyFilter(filter);
        ModelRecovery.requireShare(recovery);
    }

    /** All parts: rho 0.05, gap 0.4, filter 0.4, the published recovery; all blocks but the last; rate 0.001. */
    public static AdaptationConfig defaults() {
        return new AdaptationConfig(1e-3, 32, 0.9, 0.05, 0.4, 0.4, ModelRecovery.SHARE, 1, false);
    }

    /** Sharpness-aware and reliable, without the term of the surrogate gap (Niu et al., SAR, arXiv 2302.12400). */
    public AdaptationConfig sar() {
        return new AdaptationConfig(rate, fullBatch, momentum, rho, 0, filter, recovery, frozenBlocks, batchStatistics);
    }

    /** Entropy minimisation on all rows, without recovery (Wang et al., TENT, arXiv 2006.10726). */
    public AdaptationConfig tent() {
        return new AdaptationConfig(rate, fullBatch, momentum, 0, 0, 0, 0, frozenBlocks, batchStatistics);
    }

    /** No adaptation. */
    public AdaptationConfig frozen() {
        return withRate(0);
    }

    public AdaptationConfig withRate(double newRate) {
        return new AdaptationConfig(
                newRate, fullBatch, momentum, rho, gap, filter, recovery, frozenBlocks, batchStatistics);
    }

    public AdaptationConfig withFilter(double newFilter) {
        return new AdaptationConfig(
                rate, fullBatch, momentum, rho, gap, newFilter, recovery, frozenBlocks, batchStatistics);
    }

    public AdaptationConfig withRecovery(double newRecovery) {
        return new AdaptationConfig(
                rate, fullBatch, momentum, rho, gap, filter, newRecovery, frozenBlocks, batchStatistics);
    }

    public AdaptationConfig withFrozenBlocks(int newFrozenBlocks) {
        return new AdaptationConfig(
                rate, fullBatch, momentum, rho, gap, filter, recovery, newFrozenBlocks, batchStatistics);
    }
}
