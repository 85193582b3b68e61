package dev.holdfast.optim.config;

import dev.holdfast.config.Doc;
import dev.holdfast.config.Records;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.ParamGroup;
import dev.holdfast.optim.ParamGroup.Decay;
import dev.holdfast.optim.Schedule;
import dev.holdfast.optim.UpdateRule;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.rule.AdamReset;
import dev.holdfast.optim.rule.Sgd;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.schedule.Cosine;
import dev.holdfast.optim.transform.AdaptiveClip;
import dev.holdfast.optim.transform.AdaptiveNorm;
import dev.holdfast.optim.transform.Clip;
import dev.holdfast.optim.transform.PerpendicularGradient;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * The usual optimizers as a value that fits into a learner's configuration.
 *
 * @param kind SGD and ADAM decay by L2, ADAMW and STABLE_SPAM decouple decay from the gradient
 * @param rate peak learning rate, > 0
 * @param momentum of SGD, in [0, 1)
 * @param nesterov of SGD
 * @param beta1 of Adam, in [0, 1)
 * @param beta2 of Adam, in [0, 1)
 * @param epsilon of Adam, > 0
 * @param weightDecay >= 0
 * @param clipNorm largest Euclidean norm of a gradient, 0 = no clipping
 * @param cosineSteps updates over which the rate falls to 0 by half a cosine, and stays there; 0 = constant rate
 * @param guard what is done to gradients so that training does not blow up or freeze; part of STABLE_SPAM already
 * @param resetSteps updates between resets of STABLE_SPAM's moments, 0 = never
 */
public record OptimizerConfig(
        Kind kind,
        double rate,
        double momentum,
        boolean nesterov,
        double beta1,
        double beta2,
        double epsilon,
        double weightDecay,
        double clipNorm,
        @Doc("updates over which the rate falls to 0 by half a cosine; 0 = constant") long cosineSteps,
        @Doc("what is done to gradients so that training does not blow up or freeze") Guard guard,
        @Doc("updates between resets of STABLE_SPAM's momentum; 0 = never") long resetSteps) {
    /** What is done to gradients before clipping. */
    public enum Guard {
        NONE,
        /** What points along the weights is taken out, so that logits cannot just grow: {@link PerpendicularGradient}. */
        PERPENDICULAR,
        /**
         * Entries that exceed a running average of the largest are brought down to it, and each tensor's gradient is scaled to a
         * length near 1: {@link AdaptiveClip}, {@link AdaptiveNorm}.
         */
        ADAPTIVE
    }

    /** Which update rule, and how its weight decay acts. */
    public enum Kind {
        SGD,
        ADAM,
        ADAMW,
        /** Adam for spiky gradients and few bits: {@link StableSpam} with these betas and epsilon. */
        STABLE_SPAM
    }

    private static final long RESET_STEPS = 1000;

    public OptimizerConfig {
        if (!(rate > 0) || Double.isInfinite(rate)) {
            throw new IllegalArgumentException("The learning rate must be finite and > 0 but is " + rate + ".");
        }
        if (!(momentum >= 0 && momentum < 1)) {
            throw new IllegalArgumentException("Momentum must be in [0, 1) but is " + momentum + ".");
        }
        if (nesterov && momentum == 0) {
            throw new IllegalArgumentException("Nesterov needs momentum > 0.");
        }
        requireAdam(beta1, beta2, epsilon);
        if (!(weightDecay >= 0) || Double.isInfinite(weightDecay)) {
            throw new IllegalArgumentException("Weight decay must be finite and >= 0 but is " + weightDecay + ".");
        }
        if (!(clipNorm >= 0)) {
            throw new IllegalArgumentException("The clipping norm must be >= 0 (0 = none) but is " + clipNorm + ".");
        }
        if (cosineSteps < 0) {
            throw new IllegalArgumentException(
                    "The updates of a falling rate must be >= 0 (0 = constant) but are " + cosineSteps + ".");
        }
        if (resetSteps < 0) {
            throw new IllegalArgumentException(
                    "The updates between two resets must be >= 0 (0 = never) but are " + resetSteps + ".");
        }
        if (kind == Kind.STABLE_SPAM && guard != Guard.NONE) {
            throw new IllegalArgumentException("STABLE_SPAM guards gradients itself, so that the guard " + guard
                    + " has no place.\nMaybe kind=ADAM with that guard is meant.");
        }
    }

    static void requireAdam(double beta1, double beta2, double epsilon) {
        if (!(beta1 >= 0 && beta1 < 1) || !(beta2 >= 0 && beta2 < 1)) {
            throw new IllegalArgumentException(
                    "Adam's beta1 and beta2 must be in [0, 1) but are " + beta1 + " and " + beta2 + ".");
        }
        if (!(epsilon > 0)) {
            throw new IllegalArgumentException("Adam's epsilon must be > 0 but is " + epsilon + ".");
        }
    }

    /** With a constant rate. */
    public OptimizerConfig(
            Kind kind,
            double rate,
            double momentum,
            boolean nesterov,
            double beta1,
            double beta2,
            double epsilon,
            double weightDecay,
            double clipNorm) {
        this(kind, rate, momentum, nesterov, beta1, beta2, epsilon, weightDecay, clipNorm, 0, Guard.NONE, RESET_STEPS);
    }

    /** Plain SGD. */
    public static OptimizerConfig sgd(double rate) {
        return sgd(rate, 0);
    }

    /** SGD with momentum. */
    public static OptimizerConfig sgd(double rate, double momentum) {
        return new OptimizerConfig(Kind.SGD, rate, momentum, false, 0.9, 0.999, 1e-8, 0, 0, 0, Guard.NONE, RESET_STEPS);
    }

    /** Adam with the paper's constants. */
    public static OptimizerConfig adam(double rate) {
        return new OptimizerConfig(Kind.ADAM, rate, 0, false, 0.9, 0.999, 1e-8, 0, 0, 0, Guard.NONE, RESET_STEPS);
    }

    /** AdamW with the paper's constants. */
    public static OptimizerConfig adamW(double rate, double weightDecay) {
        return new OptimizerConfig(
                Kind.ADAMW, rate, 0, false, 0.9, 0.999, 1e-8, weightDecay, 0, 0, Guard.NONE, RESET_STEPS);
    }

    /** Stable-SPAM with the paper's constants. */
    public static OptimizerConfig stableSpam(double rate) {
        return new OptimizerConfig(
                Kind.STABLE_SPAM, rate, 0, false, 0.9, 0.999, 1e-8, 0, 0, 0, Guard.NONE, RESET_STEPS);
    }

    public OptimizerConfig withRate(double newRate) {
        return Records.with(this, "rate", newRate);
    }

    public OptimizerConfig withWeightDecay(double newDecay) {
        return Records.with(this, "weightDecay", newDecay);
    }

    public OptimizerConfig withClipNorm(double newNorm) {
        return Records.with(this, "clipNorm", newNorm);
    }

    public OptimizerConfig withGuard(Guard newGuard) {
        return Records.with(this, "guard", newGuard);
    }

    /** The same, with a rate that falls to 0 over so many updates. */
    public OptimizerConfig withCosine(long updates) {
        return Records.with(this, "cosineSteps", updates);
    }

    /** The same with so many updates between resets of STABLE_SPAM's moments; 0 = never. */
    public OptimizerConfig withResetSteps(long updates) {
        return Records.with(this, "resetSteps", updates);
    }

    /** A fresh optimizer with a constant rate, or one that falls by half a cosine. */
    public ChainOptimizer build(Parameters parameters) {
        return build(parameters, cosineSteps == 0 ? Constant.ONE : new Cosine(cosineSteps));
    }

    /** A fresh optimizer; {@code first} act before the guard and the clipping, if any. */
    public ChainOptimizer build(Parameters parameters, Schedule factor, GradientTransform... first) {
        return new ChainOptimizer(
                parameters,
                transforms(first),
                rule(parameters),
                List.of(ParamGroup.all(rate, factor, weightDecay, decay())));
    }

    /** The usual one with a factor of its own on the rate of every leaf; leaves with a factor of 0 stand still. */
    public ChainOptimizer build(Parameters parameters, ToDoubleFunction<ParamMeta> times) {
        Schedule factor = cosineSteps == 0 ? Constant.ONE : new Cosine(cosineSteps);
        List<ParamGroup> groups = parameters.meta().stream()
                .mapToDouble(times)
                .distinct()
                .mapToObj(f -> new ParamGroup(m -> times.applyAsDouble(m) == f, rate * f, factor, weightDecay, decay()))
                .toList();
        return new ChainOptimizer(parameters, transforms(), rule(parameters), groups);
    }

    private List<GradientTransform> transforms(GradientTransform... first) {
        List<GradientTransform> all = new ArrayList<>(List.of(first));
        if (kind == Kind.STABLE_SPAM) {
            all.addAll(spam().transforms());
        } else if (guard == Guard.PERPENDICULAR) {
            all.add(new PerpendicularGradient());
        } else if (guard == Guard.ADAPTIVE) {
            all.add(new AdaptiveClip());
            all.add(new AdaptiveNorm());
        }
        if (clipNorm > 0) {
            all.add(Clip.norm(clipNorm));
        }
        return all;
    }

    private StableSpam spam() {
        return new StableSpam(
                beta1, beta2, epsilon, 0.7, 0.9, 0.999, resetSteps, AdamReset.Reset.PAPER, 0, 0.5, true, true, 0);
    }

    private Decay decay() {
        return weightDecay == 0
                ? Decay.NONE
                : kind == Kind.ADAMW || kind == Kind.STABLE_SPAM ? Decay.LR_COUPLED : Decay.L2;
    }

    private UpdateRule rule(Parameters parameters) {
        return switch (kind) {
            case SGD -> new Sgd(parameters, momentum, 0, nesterov);
            case ADAM, ADAMW -> new Adam(parameters, beta1, beta2, epsilon);
            case STABLE_SPAM -> spam().rule(parameters);
        };
    }
}
