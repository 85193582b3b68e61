package dev.holdfast.data.corrupt;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.Rng;
import java.util.Locale;

/**
 * A share of the rows, drawn without regard to class, gets a random label.
 *
 * @param rate share of the rows, in [0, 1]
 * @param rule what the random label is
 */
public record SymmetricNoise(double rate, Convention rule) implements LabelNoise {
    /** What a drawn row gets. */
    public enum Convention {
        /** Any class, its own too: the error rate is rate (C - 1) / C. Liu et al., arXiv 2007.00151, authors' code. */
        UNIFORM_ALL,
        /** Any other class: the error rate is the rate. */
        UNIFORM_OTHER
    }

    public SymmetricNoise {
        LabelNoise.requireRate(rate);
    }

    @Override
    public double nominalRate() {
        return rate;
    }

    @Override
    public String convention() {
        return String.format(
                Locale.ROOT,
                "symmetric %s, the first %s of a permutation get a label uniform over %s",
                rate,
                rate,
                rule == Convention.UNIFORM_ALL ? "all classes, their own too" : "the other classes");
    }

    @Override
    public double[][] nominal(ClassIndex classes) {
        int n = classes.size();
        double[][] t = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                t[i][j] = rule == Convention.UNIFORM_ALL
                        ? (i == j ? 1 - rate : 0) + rate / n
                        : i == j ? 1 - rate : rate / (n - 1);
            }
        }
        return t;
    }

    @Override
    public Labels draw(long[] clean, ClassIndex classes, Rng rng) {
        int[] order = rng.child("rows").permutation(clean.length);
        int[] drawn = new int[LabelNoise.count(rate, clean.length)];
        Rng labels = rng.child("labels");
        for (int k = 0; k < drawn.length; k++) {
            if (rule == Convention.UNIFORM_ALL) {
                drawn[k] = labels.below(classes.size());
            } else {
                int own = LabelNoise.column(classes, clean[order[k]]);
                int other = labels.below(classes.size() - 1);
                drawn[k] = other < own ? other : other + 1;
            }
        }
        return draw(clean, classes, order, drawn);
    }

    /** The same with given draws: an order of the rows, and for the first of them the places of their new classes. */
    public Labels draw(long[] clean, ClassIndex classes, int[] order, int[] replacements) {
        int n = LabelNoise.count(rate, clean.length);
        if (order.length != clean.length || replacements.length < n) {
            throw new IllegalArgumentException("Symmetric noise on " + clean.length + " rows needs their order and " + n
                    + " new classes but got " + order.length + " and " + replacements.length + ".");
        }
        long[] given = clean.clone();
        boolean[] touched = new boolean[clean.length];
        for (int k = 0; k < n; k++) {
            given[order[k]] = classes.columns().get(replacements[k]).classId();
            touched[order[k]] = true;
        }
        return new Labels(given, touched);
    }
}
