package dev.holdfast.optim.config;

import dev.holdfast.config.Records;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.ParamGroup;
import dev.holdfast.optim.ParamGroup.Decay;
import dev.holdfast.optim.Schedule;
import dev.holdfast.optim.rule.AdamReset;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.schedule.Cosine;
import dev.holdfast.optim.transform.AdaptiveClip;
import dev.holdfast.optim.transform.AdaptiveNorm;
import dev.holdfast.tensor.Parameters;
import java.util.ArrayList;
import java.util.List;

/**
 * Stable-SPAM: Adam that stands spikes in gradients and high rates. Weight decay first (decoupled), then {@link AdaptiveClip}, {@link
 * AdaptiveNorm}, and {@link AdamReset}, each of which can be left out; without any it is AdamW. gamma1 and beta1 may fall over
 * training by half a cosine.
 *
 * <p>Huang et al.: <i>Stable-SPAM: How to Train in 4-Bit More Stably than 16-Bit Adam</i>, arXiv 2502.17055.
 *
 * @param beta1 of Adam, in [0, 1)
 * @param beta2 of Adam, in [0, 1)
 * @param epsilon of Adam and of the norms, > 0
 * @param gamma1 share of the old average of lengths, in [0, 1); -1 = beta1
 * @param gamma2 share of the old average of squared lengths, in [0, 1)
 * @param gamma3 share of the old average of largest entries, in [0, 1)
 * @param resetEvery steps between resets of the moments, >= 0; 0 = never
 * @param reset what happens in the step of a reset. {@code AUTHORS} also starts the counts of clip and norm again
 * @param totalSteps over which gamma1 and beta1 fall, >= 0; 0 = they do not
 * @param floor factor to which they fall, in [0, 1]
 * @param clips whether spikes are brought down
 * @param norms whether gradients are scaled to a length near 1
 * @param maxSkipped gradients in a row that may be refused because a number is not finite before training is stopped; 0 = any
 */
public record StableSpam(
        double beta1,
        double beta2,
        double epsilon,
        double gamma1,
        double gamma2,
        double gamma3,
        long resetEvery,
        AdamReset.Reset reset,
        long totalSteps,
        double floor,
        boolean clips,
        boolean norms,
        long maxSkipped) {
    public StableSpam {
        OptimizerConfig.requireAdam(beta1, beta2, epsilon);
        requireShare("gamma1", gamma1 == -1 ? beta1 : gamma1);
        requireShare("gamma2", gamma2);
        requireShare("gamma3", gamma3);
        if (resetEvery < 0) {
            throw new IllegalArgumentException(
                    "The steps between two resets must be >= 0 (0 = never) but are " + resetEvery + ".");
        }
        if (totalSteps < 0 || !(floor >= 0 && floor <= 1)) {
            throw new IllegalArgumentException(
                    "Momentum falls over >= 0 steps (0 = never) to a factor in [0, 1] but is to fall over " + totalSteps
                            + " to " + floor + ".");
        }
        if (maxSkipped < 0) {
            throw new IllegalArgumentException(
                    "The gradients that may be refused in a row must be >= 0 (0 = any) but are " + maxSkipped + ".");
        }
    }

    private static void requireShare(String what, double share) {
        if (!(share >= 0 && share < 1)) {
            throw new IllegalArgumentException("Stable-SPAM's " + what + " must be in [0, 1) but is " + share + ".");
        }
    }

    /** The published defaults: gammas 0.7, 0.9 and 0.999, resets every 1000 steps, momentum that does not fall. */
    public StableSpam() {
        this(0.9, 0.999, 1e-8, 0.7, 0.9, 0.999, 1000, AdamReset.Reset.PAPER, 0, 0.5, true, true, 20);
    }

    /** The same with so many steps between resets; 0 = never. */
    public StableSpam withResetEvery(long steps) {
        return Records.with(this, "resetEvery", steps);
    }

    /** The same with momentum that falls over so many steps; 0 = it does not. */
    public StableSpam withTotalSteps(long steps) {
        return Records.with(this, "totalSteps", steps);
    }

    /** The same with or without {@link AdaptiveClip}. */
    public StableSpam withClips(boolean on) {
        return Records.with(this, "clips", on);
    }

    /** The same with or without {@link AdaptiveNorm}. */
    public StableSpam withNorms(boolean on) {
        return Records.with(this, "norms", on);
    }

    /** Fresh transforms in their order; they can stand before other rules too. */
    public List<GradientTransform> transforms() {
        long countFrom = reset == AdamReset.Reset.AUTHORS ? resetEvery : 0;
        List<GradientTransform> all = new ArrayList<>();
        if (clips) {
            all.add(new AdaptiveClip(gamma3, countFrom));
        }
        if (norms) {
            all.add(new AdaptiveNorm(gamma1 == -1 ? beta1 : gamma1, gamma2, epsilon, momentum(), countFrom));
        }
        return all;
    }

    /** A fresh rule. */
    public AdamReset rule(Parameters parameters) {
        return new AdamReset(parameters, beta1, beta2, epsilon, resetEvery, reset, momentum());
    }

    /** Factor of gamma1 and beta1. */
    private Schedule momentum() {
        return totalSteps == 0 ? Constant.ONE : new Cosine(totalSteps + 1, floor, 0);
    }

    /**
     * A fresh optimizer.
     *
     * @param rate peak learning rate
     * @param factor of the rate
     * @param weightDecay >= 0
     */
    public ChainOptimizer build(Parameters parameters, double rate, Schedule factor, double weightDecay) {
        Decay mode = weightDecay == 0 ? Decay.NONE : Decay.LR_COUPLED;
        return new ChainOptimizer(
                parameters,
                transforms(),
                rule(parameters),
                List.of(ParamGroup.all(rate, factor, weightDecay, mode)),
                maxSkipped);
    }
}
