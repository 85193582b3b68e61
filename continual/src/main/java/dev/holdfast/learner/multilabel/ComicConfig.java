package dev.holdfast.learner.multilabel;

import dev.holdfast.config.Doc;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.loss.multilabel.LabelCorrector;
import dev.holdfast.loss.multilabel.MultiFocal;
import dev.holdfast.nn.balance.GroupedCosineHead;

/**
 * Settings of {@link Comic}, with the switches of its ablations.
 *
 * @param net of each network
 * @param variant the paper's total loss, or what the authors' main script does
 * @param focal the multi-focal loss
 * @param corrector the label corrector
 * @param correction weight of the corrector's loss, >= 0
 * @param alpha power of the losses in the balancer's weights, >= 0
 * @param correct false: labels are not corrected
 * @param modify false: binary cross entropy instead of the multi-focal loss
 * @param balance false: one network alone
 * @param cosine the heads
 * @param headRate factor on the learning rate of the heads, > 0; the authors' is 0.1
 * @param dropout share of the attention weights that are dropped, in [0, 1)
 */
public record ComicConfig(
        NetConfig net,
        @Doc("the paper's total loss, or what the authors' main script does") Variant variant,
        MultiFocal.Config focal,
        LabelCorrector.Config corrector,
        @Doc("weight of the corrector's loss") double correction,
        @Doc("power of the losses in the balancer's weights") double alpha,
        @Doc("recall missing labels") boolean correct,
        @Doc("multi-focal loss instead of binary cross entropy") boolean modify,
        @Doc("three networks instead of one") boolean balance,
        GroupedCosineHead.Spec cosine,
        @Doc("factor on the learning rate of the heads; the authors' is 0.1") double headRate,
        @Doc("share of the attention weights that are dropped") double dropout) {
    /** Whose total loss. */
    public enum Variant {
        /** Equation 1. */
        PAPER,
        /** The authors' main script: no balancer, three ways to sample, features fused in prediction only. */
        RELEASED
    }

    public ComicConfig {
        if (!(correction >= 0 && alpha >= 0 && headRate > 0) || Double.isInfinite(correction + alpha + headRate)) {
            throw new IllegalArgumentException("Expected finite correction >= 0, alpha >= 0 and headRate > 0 but got "
                    + correction + ", " + alpha + " and " + headRate + ".");
        }
        if (!(dropout >= 0 && dropout < 1) || variant == null) {
            throw new IllegalArgumentException(
                    "Expected a variant and dropout in [0, 1) but got " + variant + " and " + dropout + ".");
        }
    }

    /** The paper's loss on these networks, its parts as released. */
    public static ComicConfig of(NetConfig net) {
        return new ComicConfig(
                net,
                Variant.PAPER,
                new MultiFocal.Config(),
                LabelCorrector.Config.released(),
                0.2,
                2,
                true,
                true,
                true,
                new GroupedCosineHead.Spec(),
                1,
                0.1);
    }

    public ComicConfig with(Variant other) {
        return new ComicConfig(
                net, other, focal, corrector, correction, alpha, correct, modify, balance, cosine, headRate, dropout);
    }

    /** The same with some of its three parts switched off. */
    public ComicConfig with(boolean newCorrect, boolean newModify, boolean newBalance) {
        return new ComicConfig(
                net,
                variant,
                focal,
                corrector,
                correction,
                alpha,
                newCorrect,
                newModify,
                newBalance,
                cosine,
                headRate,
                dropout);
    }

    /** The loss on labels as they are recorded. */
    MultiFocal.Config effectiveFocal() {
        return modify ? focal : MultiFocal.Config.binaryCrossEntropy();
    }

    LabelCorrector.Config effectiveCorrector() {
        return modify ? corrector : corrector.with(MultiFocal.Config.binaryCrossEntropy());
    }

    boolean fusesInTraining() {
        return balance && variant == Variant.PAPER;
    }

    boolean agrees() {
        return balance && variant == Variant.PAPER;
    }

    /** Share of the attended features in prediction. */
    double fusion() {
        return variant == Variant.PAPER ? 1 : 0.1;
    }
}
