package dev.holdfast.learner.fewshot;

import dev.holdfast.config.Doc;
import dev.holdfast.config.Records;
import dev.holdfast.data.augment.LabelViews;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.loss.SupervisedContrastive.Form;
import dev.holdfast.nn.head.ViewHead;
import dev.holdfast.nn.layer.Norm;

/**
 * The tricks of {@link FscilBag}, each with its switch. Tricks that turn images (views, rotation) have no effect on rows that
 * are no images.
 *
 * @param net the network and what trains the base; columns come with their classes
 * @param width trick 6: how many times as wide the network is
 * @param scale tau, factor of the cosines, > 0
 * @param augment random changes that keep the label
 * @param contrast trick 1
 * @param assigned trick 2
 * @param views trick 3: changes that make classes of their own
 * @param rotation trick 8: weight of telling by how much an image was turned; 0 = off
 * @param pretraining trick 7
 * @param tuning tricks 4 and 5
 * @param classifier what stands for a class after the base
 * @param trainBase false: the network stays as it was drawn, for comparison
 * @param returning what happens when an announced part names a class that is known
 */
public record BagConfig(
        NetConfig net,
        @Doc("trick 6: how many times as wide the network is") double width,
        @Doc("factor of the cosines") double scale,
        Augmentation augment,
        Contrast contrast,
        Assigned assigned,
        @Doc("trick 3: views of images that make classes of their own; no effect on other rows") LabelViews views,
        @Doc("trick 8: weight of telling by how much an image was turned; 0 = off, no effect on other rows")
                double rotation,
        Pretraining pretraining,
        Tuning tuning,
        @Doc("what stands for a class after the base") Classifier classifier,
        @Doc("false: the network stays as it was drawn") boolean trainBase,
        @Doc("REFUSE or UPDATE when an announced part names a known class") Returning returning) {
    /** What stands for a class. */
    public enum Classifier {
        /** The mean embedding of its rows. */
        MEAN,
        /** Its assigned prototype; few small steps do not bring features of new classes there. */
        ASSIGNED,
        /** The direction half-way between the two. */
        BLEND
    }

    /** What happens to classes that come again in a part of their own. */
    public enum Returning {
        REFUSE,
        /** Rows of later classes move their means; rows of base classes change nothing. */
        UPDATE
    }

    /**
     * Random changes that keep the label.
     *
     * @param shift pixels by which images are moved at most
     * @param flip whether left and right may be swapped
     * @param noise standard deviation added to rows that are no images, in contrastive views only
     * @param mixup largest share of another row in these views, in [0, 0.5]
     */
    public record Augmentation(
            @Doc("pixels by which images are moved at most") int shift,
            @Doc("whether left and right may be swapped") boolean flip,
            @Doc("noise on rows that are no images, in contrastive views") double noise,
            @Doc("largest share of another row in these views") double mixup) {
        public Augmentation {
            if (shift < 0 || !(noise >= 0) || Double.isInfinite(noise) || !(mixup >= 0 && mixup <= 0.5)) {
                throw new IllegalArgumentException("shift and noise must be >= 0 and mixup in [0, 0.5] but are " + shift
                        + ", " + noise + " and " + mixup + ".");
            }
        }
    }

    /**
     * Trick 1: a supervised contrastive loss on a projection of two views.
     *
     * @param weight 0 = off
     * @param form against the batch, or against a queue of keys
     * @param temperature T > 0
     * @param width of the projection
     * @param momentum share of the old key network in each update (QUEUE)
     * @param queue keys that are kept (QUEUE)
     */
    public record Contrast(
            @Doc("trick 1: weight of the supervised contrastive loss; 0 = off") double weight,
            @Doc("against the other rows of a batch, or a queue of keys") Form form,
            double temperature,
            @Doc("width of the projection") int width,
            @Doc("share of the old key network in each update (QUEUE)") double momentum,
            @Doc("keys that are kept (QUEUE)") int queue) {
        public Contrast {
            requireWeight("contrast", weight);
            requireTemperature(temperature);
            if (width < 1 || queue < 1 || !(momentum >= 0 && momentum <= 1)) {
                throw new IllegalArgumentException("width and queue must be >= 1 and momentum in [0, 1] but are "
                        + width + ", " + queue + " and " + momentum + ".");
            }
        }
    }

    /**
     * Trick 2: prototypes that are fixed before training, some for classes to come.
     *
     * @param use whether, and with which loss
     * @param weight of the dot regression
     * @param lengthCorrection rows of classes that fill the batch aim at a shorter length (DOT_REGRESSION)
     * @param classes for which prototypes are kept; 0 = all that are declared
     * @param grow make room when more classes come, instead of an error
     * @param projection width of a projection in front of the head where features have fewer dimensions than there are
     *     prototypes; 0 = none, prototypes are spread by descent then
     * @param steps of this descent
     */
    public record Assigned(
            @Doc("trick 2: OFF, or the loss towards prototypes fixed before training") Use use,
            @Doc("weight of the dot regression") double weight,
            @Doc("rows of frequent classes aim at a shorter length (DOT_REGRESSION)") boolean lengthCorrection,
            @Doc("classes for which prototypes are kept; 0 = all declared") int classes,
            @Doc("make room when more classes come, instead of an error") boolean grow,
            @Doc("width of a projection if features have too few dimensions; 0 = none, descent instead") int projection,
            @Doc("steps of the descent that spreads prototypes") int steps) {
        /** Whether prototypes are assigned, and the loss towards them. */
        public enum Use {
            OFF,
            /** Over cosine logits of all prototypes, reserved ones too. */
            CROSS_ENTROPY,
            DOT_REGRESSION
        }

        public Assigned {
            requireWeight("assigned", weight);
            if (classes < 0 || projection < 0 || projection == 1 || steps < 0) {
                throw new IllegalArgumentException("classes and steps must be >= 0 and projection 0 or >= 2 but are "
                        + classes + ", " + steps + " and " + projection + ".");
            }
        }
    }

    /**
     * Trick 7: training without labels before the base (SimCLR: the two views of an image belong together).
     *
     * @param on whether
     * @param epochs passes; 0 = twice those of the base
     * @param temperature T > 0
     * @param batchSize rows a batch, >= 2
     */
    public record Pretraining(
            @Doc("trick 7: train without labels first") boolean on,
            @Doc("passes; 0 = twice those of the base") int epochs,
            double temperature,
            @Doc("rows a batch") int batchSize) {
        public Pretraining {
            requireTemperature(temperature);
            if (epochs < 0 || batchSize < 2) {
                throw new IllegalArgumentException("Pre-training needs epochs >= 0 and batchSize >= 2 but has " + epochs
                        + " and " + batchSize + ".");
            }
        }
    }

    /**
     * Tricks 4 and 5: a few steps on the rows of a session.
     *
     * @param moves what moves beside the new weights; NOTHING = no steps at all
     * @param subnet trick 5: only the entries of each encoder weight with the smallest scores move
     * @param fraction rho, of these entries; none with 0, all but the largest with 1
     * @param score which entries are small
     * @param epochs steps, each over all rows of a batch
     * @param rate learning rate of the new weights
     * @param encoderRate that of the encoder, as a share of {@code rate}
     * @param rehearsal whether the mean embedding of every old class stands beside the new rows
     */
    public record Tuning(
            @Doc("trick 4: what moves beside the new weights; NOTHING = no steps at all") Moves moves,
            @Doc("trick 5: only entries with the smallest scores move") boolean subnet,
            @Doc("share of the encoder's entries that move") double fraction,
            @Doc("which entries are small") Score score,
            @Doc("steps on a session's rows") int epochs,
            @Doc("learning rate of the new weights") double rate,
            @Doc("rate of the encoder, as a share of it") double encoderRate,
            @Doc("old classes' mean embeddings stand beside the new rows") boolean rehearsal) {
        /** What moves beside the new weights. */
        public enum Moves {
            NOTHING,
            /** The last layers of the encoder. */
            LAST_STAGE,
            /** All of the encoder. */
            ENCODER,
            /** The encoder and the weights of old classes: full fine-tuning, for comparison. */
            EVERYTHING
        }

        /** By what entries are ranked. */
        public enum Score {
            /** Their size after the base. */
            MAGNITUDE,
            /** Scores learnt with a soft mask while the base is trained. */
            LEARNED,
            /** The squared gradient on the base. */
            FISHER
        }

        public Tuning {
            if (!(fraction >= 0 && fraction <= 1)) {
                throw new IllegalArgumentException(
                        "The share of the entries that may move must be in [0, 1] but is " + fraction + ".");
            }
            if (epochs < 1 || !(rate > 0) || Double.isInfinite(rate) || !(encoderRate >= 0) || encoderRate > 1e6) {
                throw new IllegalArgumentException(
                        "Tuning needs epochs >= 1, a finite rate > 0 and encoderRate >= 0 but" + " has " + epochs + ", "
                                + rate + " and " + encoderRate + ".");
            }
        }

        /** Trick 4 as published for small images: the new weights, and the last stage at a fiftieth of their rate. */
        public static Tuning lastStage() {
            return new Tuning(Moves.LAST_STAGE, false, 0.1, Score.MAGNITUDE, 20, 1e-3, 0.02, true);
        }

        /** The same with trick 5: a tenth of all entries of the encoder. */
        public static Tuning subnet(Score score) {
            return new Tuning(Moves.ENCODER, true, 0.1, score, 20, 1e-3, 0.02, true);
        }

        /** No steps at all. */
        public static Tuning off() {
            return new Tuning(Moves.NOTHING, false, 0.1, Score.MAGNITUDE, 20, 1e-3, 0.02, true);
        }

        /** Other rates. */
        public Tuning withRates(double newRate, double newEncoderRate) {
            return new Tuning(moves, subnet, fraction, score, epochs, newRate, newEncoderRate, rehearsal);
        }

        boolean on() {
            return moves != Moves.NOTHING;
        }

        boolean learnsScores() {
            return on() && subnet && score == Score.LEARNED;
        }
    }

    public BagConfig {
        new ViewHead.Spec(scale, 1);
        requireWeight("rotation", rotation);
        if (!(width > 0) || Double.isInfinite(width)) {
            throw new IllegalArgumentException("width must be finite and > 0 but is " + width + ".");
        }
        if (net.allClassesFromStart()) {
            throw new IllegalArgumentException(
                    "A class gets its column when it first comes.\nMaybe set net.allClassesFromStart=false.");
        }
        if (assigned.use == Assigned.Use.OFF && (classifier == Classifier.ASSIGNED || classifier == Classifier.BLEND)) {
            throw new IllegalArgumentException("Classifier " + classifier
                    + " needs assigned prototypes, but they are off." + "\nMaybe set assigned.use=CROSS_ENTROPY.");
        }
    }

    private static void requireWeight(String what, double w) {
        if (!(w >= 0) || Double.isInfinite(w)) {
            throw new IllegalArgumentException("The weight of " + what + " must be finite and >= 0 but is " + w + ".");
        }
    }

    private static void requireTemperature(double t) {
        if (!(t > 0) || Double.isInfinite(t)) {
            throw new IllegalArgumentException("A temperature must be finite and > 0 but is " + t + ".");
        }
    }

    /** No trick at all: a cosine classifier on a base, then frozen, with class means as weights. */
    public static BagConfig baseline() {
        NetConfig net = NetConfig.defaults();
        return new BagConfig(
                new NetConfig(net.backbone().withNorm(Norm.GROUP), net.optimizer(), false),
                1,
                16,
                new Augmentation(2, false, 0.1, 0.2),
                new Contrast(0, Form.BATCH, 0.07, 128, 0.995, 8192),
                new Assigned(Assigned.Use.OFF, 10, false, 0, false, 0, 1000),
                LabelViews.NONE,
                0,
                new Pretraining(false, 0, 0.5, 64),
                Tuning.off(),
                Classifier.MEAN,
                true,
                Returning.REFUSE);
    }

    /** The other network. */
    public BagConfig with(NetConfig newNet) {
        return Records.with(this, "net", newNet);
    }

    /** Trick 1 with this weight. */
    public BagConfig withContrast(double weight, Form form) {
        Contrast c =
                new Contrast(weight, form, contrast.temperature, contrast.width, contrast.momentum, contrast.queue);
        return Records.with(this, "contrast", c);
    }

    /** Trick 2. */
    public BagConfig withAssigned(Assigned.Use use) {
        return with(new Assigned(
                use,
                assigned.weight,
                assigned.lengthCorrection,
                assigned.classes,
                assigned.grow,
                assigned.projection,
                assigned.steps));
    }

    /** Trick 2 with other settings. */
    public BagConfig with(Assigned a) {
        return Records.with(this, "assigned", a);
    }

    /** Trick 3. */
    public BagConfig with(LabelViews v) {
        return Records.with(this, "views", v);
    }

    /** Trick 8 with this weight. */
    public BagConfig withRotation(double weight) {
        return Records.with(this, "rotation", weight);
    }

    /** Trick 7 with so many passes; 0 = twice those of the base. */
    public BagConfig withPretraining(int epochs) {
        Pretraining p = new Pretraining(true, epochs, pretraining.temperature, pretraining.batchSize);
        return Records.with(this, "pretraining", p);
    }

    /** Trick 6: so many times as wide. */
    public BagConfig withWidth(double times) {
        return Records.with(this, "width", times);
    }

    /** Tricks 4 and 5. */
    public BagConfig with(Tuning t) {
        return Records.with(this, "tuning", t);
    }

    /** Another choice of what stands for a class. */
    public BagConfig with(Classifier c) {
        return Records.with(this, "classifier", c);
    }

    /** Other augmentation. */
    public BagConfig with(Augmentation a) {
        return Records.with(this, "augment", a);
    }

    /** The network stays as it was drawn. */
    public BagConfig untrained() {
        return Records.with(this, "trainBase", false);
    }

    /** Classes may come again in a part of their own. */
    public BagConfig withReturning(Returning r) {
        return Records.with(this, "returning", r);
    }

    boolean assigns() {
        return assigned.use != Assigned.Use.OFF;
    }
}
