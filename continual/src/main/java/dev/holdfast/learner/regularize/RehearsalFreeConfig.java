package dev.holdfast.learner.regularize;

import dev.holdfast.config.Doc;
import dev.holdfast.config.Records;
import dev.holdfast.learner.NetConfig;

/**
 * The combination that {@link RehearsalFree} learns with. Distillation has the form of the classification: sigmoids with
 * BCE, else a softmax at T = 2.
 *
 * @param featKdStages hold the output of every block ({@code block.0}, {@code block.1}, ... of a transformer,
 *     {@code stage.0.0}, ... of a ResNet) instead of the features that the head sees alone; a network without blocks has
 *     one stage, the features
 * @param ewcRows rows that EWC's importance is measured on; 0 = all
 * @param ewcBatch 0 = the mean square of every row's gradient; else the square of the mean gradient of so many rows,
 *     which is quicker and smaller
 * @param restart a fresh optimizer for every part
 * @param anchorToPretrained in the first part a network that was trained elsewhere is held by l2, too
 */
public record RehearsalFreeConfig(
        NetConfig net,
        @Doc("what classification means") Classification classification,
        @Doc("weight of the distillation of answers on old classes") double predKd,
        @Doc("weight of the distillation of features") double featKd,
        @Doc("hold the output of every block, not the last features alone") boolean featKdStages,
        @Doc("weight of the squared distance to the weights before") double l2,
        @Doc("weight of that distance times the Fisher information") double ewc,
        @Doc("which weights l2 and ewc hold") Anchor anchor,
        @Doc("rows that the Fisher information is measured on; 0 = all") int ewcRows,
        @Doc("rows whose mean gradient is squared for the Fisher information; 0 = each row's own") int ewcBatch,
        @Doc("begin every part with a fresh optimizer") boolean restart,
        @Doc("hold pretrained weights in the first part already") boolean anchorToPretrained,
        @Doc("running statistics of batch norms after the first part") Statistics statistics,
        @Doc("what to do with a class of an earlier part") Returning returning) {
    /** What classification means. */
    public enum Classification {
        /** One sigmoid for each class of the part, summed over them. */
        BCE,
        /** A softmax over all classes seen. */
        SOFTMAX_ALL,
        /** A softmax over the classes of the part. */
        SOFTMAX_NEW
    }

    /** Which weights are anchored. */
    public enum Anchor {
        ALL,
        NO_HEAD,
        /** Queries, keys and values of attention; everything else below the head is frozen. */
        ATTENTION_QKV,
        /** All weights of attention; everything else below the head is frozen. */
        ATTENTION_ALL;

        /** Whether a weight of this name is anchored. */
        public boolean holds(String name) {
            return switch (this) {
                case ALL -> true;
                case NO_HEAD -> !isHead(name);
                case ATTENTION_QKV -> name.contains(".attn.qkv.");
                case ATTENTION_ALL -> name.contains(".attn.");
            };
        }

        boolean trains(String name) {
            return this == ALL || this == NO_HEAD || isHead(name) || holds(name);
        }

        static boolean isHead(String name) {
            return name.startsWith("head.");
        }
    }

    /** What to do with a class of an earlier part. */
    public enum Returning {
        /** It is one of the part's classes: learnt, and not held to former answers. */
        LEARN,
        /** The method assumes disjoint parts. */
        REFUSE
    }

    /** What becomes of the running statistics of batch norms. */
    public enum Statistics {
        /** FREEZE for a network that began with weights trained elsewhere, else MOVE. */
        AUTO,
        /** Every part moves them, and rows are normalised by their batch. */
        MOVE,
        /** From the second part on the network learns as it predicts: with the statistics that the first left. */
        FREEZE
    }

    public RehearsalFreeConfig {
        requireWeight("predKd", predKd);
        requireWeight("featKd", featKd);
        requireWeight("l2", l2);
        requireWeight("ewc", ewc);
        if (ewcRows < 0 || ewcBatch < 0) {
            throw new IllegalArgumentException(
                    "ewcRows and ewcBatch must be >= 0 but are " + ewcRows + " and " + ewcBatch + ".");
        }
        if (net.allClassesFromStart()) {
            throw new IllegalArgumentException("net.allClassesFromStart=true gives classes to come a row of the head"
                    + " that l2 and ewc would hold to its random start; expected false.");
        }
    }

    private static void requireWeight(String name, double w) {
        if (!(w >= 0) || Double.isInfinite(w)) {
            throw new IllegalArgumentException(name + " must be finite and >= 0 but is " + w + ".");
        }
    }

    /** The combination with these weights, one sigmoid a class. */
    public static RehearsalFreeConfig of(NetConfig net, double predKd, double featKd, double l2, double ewc) {
        return new RehearsalFreeConfig(
                net,
                Classification.BCE,
                predKd,
                featKd,
                false,
                l2,
                ewc,
                Anchor.ALL,
                0,
                0,
                true,
                true,
                Statistics.AUTO,
                Returning.LEARN);
    }

    public RehearsalFreeConfig with(Classification c) {
        return Records.with(this, "classification", c);
    }

    public RehearsalFreeConfig with(Anchor a) {
        return Records.with(this, "anchor", a);
    }

    public RehearsalFreeConfig with(Statistics s) {
        return Records.with(this, "statistics", s);
    }

    public RehearsalFreeConfig with(Returning r) {
        return Records.with(this, "returning", r);
    }

    /** The same with or without a fresh optimizer for every part. */
    public RehearsalFreeConfig withRestart(boolean fresh) {
        return Records.with(this, "restart", fresh);
    }

    /** The same with the Fisher information of batches, see {@code ewcBatch}. */
    public RehearsalFreeConfig withEwcBatch(int rows) {
        return Records.with(this, "ewcBatch", rows);
    }

    /** The same with features held at every block, see {@code featKdStages}. */
    public RehearsalFreeConfig withFeatKdStages() {
        return Records.with(this, "featKdStages", true);
    }
}
