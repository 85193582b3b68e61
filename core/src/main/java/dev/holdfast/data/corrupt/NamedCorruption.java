package dev.holdfast.data.corrupt;

import dev.holdfast.data.Corruption;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.WithTruth;
import dev.holdfast.tensor.Rng;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.BiFunction;
import java.util.stream.Collectors;

/**
 * A corruption as a command line names it, {@code KIND:AMOUNT} such as {@code sym:0.4}, or {@code KIND} alone for kinds
 * without an amount. Immutable; safe from any thread.
 *
 * @param kind what is done
 * @param amount how much of it; 0 for kinds without one
 */
public record NamedCorruption(Kind kind, double amount) {
    /** Which rows are spoilt. */
    public enum Side {
        /** Those that are learnt from: what is learnt from spoilt rows is tested on clean ones. */
        TRAINING,
        /** Those that are tested on: the world has changed since the rows to learn from were collected. */
        TEST
    }

    /** What there is. */
    public enum Kind {
        SYM(
                "sym",
                Side.TRAINING,
                "share of rows with a label drawn over all classes, their own too; most papers' noise",
                (s, r) -> LabelNoise.symmetric(r)),
        SYM_OTHER(
                "sym-other",
                Side.TRAINING,
                "share of rows with a label drawn over the other classes: harder at the same share",
                (s, r) -> LabelNoise.symmetricOther(r)),
        PAIRS(
                "pairs",
                Side.TRAINING,
                "share of each class that is mistaken for the next",
                (s, r) -> LabelNoise.pairs(s.classes(), r)),
        MISSING(
                "missing",
                Side.TRAINING,
                "chance that a label of a set is forgotten, one of a row always kept",
                (s, r) -> new MissingLabels(r)),
        LONG_TAIL(
                "long-tail",
                Side.TRAINING,
                "rows of the most frequent class to those of the rarest; rows are left out until it is so",
                (s, f) -> new LongTail(f)),
        CHANCE(
                "chance",
                Side.TRAINING,
                "chance of each row to get a label drawn over all classes, its own too",
                (s, r) -> ChanceNoise.uniform(r)),
        NEXT(
                "next",
                Side.TRAINING,
                "chance of each row to be labelled as the next class",
                (s, r) -> ChanceNoise.cyclic(s.classes(), r)),
        BLUR("blur", Side.TEST, null, (s, a) -> new ImageShift.Blur()),
        GAUSS(
                "gauss",
                Side.TEST,
                "standard deviation of normal noise on every pixel or number",
                (s, a) -> new ImageShift.Noise(a, false)),
        CONTRAST(
                "contrast",
                Side.TEST,
                "factor on every pixel or number, 1 = none",
                (s, a) -> new ImageShift.Contrast(a, 0)),
        SCALE(
                "scale",
                Side.TEST,
                "spread of the logarithms of one factor a column (vectors) or pixel",
                (s, a) -> new ImageShift.Scaling(a));

        private final String word;
        private final Side side;
        private final String amount;
        private final BiFunction<Schema, Double, Corruption<?>> build;

        Kind(String word, Side side, String amount, BiFunction<Schema, Double, Corruption<?>> build) {
            this.word = word;
            this.side = side;
            this.amount = amount;
            this.build = build;
        }

        /** As it is written. */
        public String word() {
            return word;
        }

        public Side side() {
            return side;
        }

        /** What the amount is; null for kinds without one. */
        public String amount() {
            return amount;
        }

        /** Whether it makes labels wrong. */
        public boolean wrongsLabels() {
            return List.of(SYM, SYM_OTHER, PAIRS, CHANCE, NEXT).contains(this);
        }

        /** Whether it takes labels out of label sets. */
        public boolean hidesLabels() {
            return this == MISSING;
        }
    }

    public NamedCorruption {
        if (kind.amount == null && amount != 0) {
            throw new IllegalArgumentException(
                    "The corruption '" + kind.word + "' takes no amount but got " + amount + ".");
        }
        if (!Double.isFinite(amount)) {
            throw new IllegalArgumentException(
                    "The amount of '" + kind.word + "' must be finite but is " + amount + ".");
        }
        if (kind == Kind.LONG_TAIL) {
            new LongTail(amount);
        }
        if (kind.wrongsLabels() || kind.hidesLabels()) {
            LabelNoise.requireRate(amount);
        }
    }

    /** Reads {@code KIND:AMOUNT}; an unknown kind is refused with those that there are. */
    public static NamedCorruption parse(String text) {
        int colon = text.indexOf(':');
        String word = (colon < 0 ? text : text.substring(0, colon)).strip().toLowerCase(Locale.ROOT);
        Kind kind = Arrays.stream(Kind.values())
                .filter(k -> k.word.equals(word))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("There is no corruption '" + word + "' (in '" + text
                        + "'); there are "
                        + Arrays.stream(Kind.values()).map(Kind::word).collect(Collectors.joining(", "))
                        + ".\nMaybe 'sym:0.4' is meant: 40 % of the labels drawn anew."));
        if (colon < 0) {
            if (kind.amount != null) {
                throw new IllegalArgumentException("The corruption '" + word + "' needs an amount, " + kind.amount
                        + ".\nMaybe '" + word + ":0.2' is meant.");
            }
            return new NamedCorruption(kind, 0);
        }
        try {
            return new NamedCorruption(
                    kind, Double.parseDouble(text.substring(colon + 1).strip()));
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("The amount in '" + text + "' is no number; expected " + word + ":NUMBER"
                    + (kind.amount == null ? "." : ", " + kind.amount + "."));
        }
    }

    /** The corruption for rows of this schema. */
    public Corruption<?> of(Schema schema) {
        return kind.build.apply(schema, amount);
    }

    /** The rows spoilt by seed. */
    public WithTruth<?> apply(Dataset clean, long seed) {
        if (kind.wrongsLabels() && clean.schema().target() != Target.ClassIds.class) {
            throw new IllegalArgumentException("The corruption '" + this
                    + "' changes rows with one class each, but the target of these is "
                    + clean.schema().target().getSimpleName() + ".");
        }
        if (kind.hidesLabels() && clean.schema().target() != Target.MultiLabel.class) {
            throw new IllegalArgumentException("The corruption '" + this
                    + "' forgets labels of rows with sets of them, but the target of these is "
                    + clean.schema().target().getSimpleName() + ".\nMaybe 'sym:" + amount + "' is meant.");
        }
        return of(clean.schema()).apply(clean, Rng.of(seed).child("corruption-" + kind.word));
    }

    @Override
    public String toString() {
        return kind.amount == null ? kind.word : kind.word + ":" + amount;
    }
}
