package dev.holdfast.data.corrupt;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.Rng;

/**
 * Every label is drawn anew from its class's row of a transition matrix, row by row of the data: rates hold on average,
 * not in count. A row counts as touched if its label changed.
 *
 * @param transition chance [i][j] that the i-th declared class is labelled as the j-th; rows sum to 1
 * @param what the convention as a sentence
 */
public record MatrixNoise(double[][] transition, String what) implements LabelNoise {
    public MatrixNoise {
        for (int i = 0; i < transition.length; i++) {
            double sum = 0;
            for (double t : transition[i]) {
                sum += t >= 0 ? t : Double.NaN;
            }
            if (transition[i].length != transition.length || !(Math.abs(sum - 1) <= 1e-9)) {
                throw new IllegalArgumentException("Row " + i + " of a transition matrix of " + transition.length
                        + " classes has " + transition[i].length + " entries that sum to " + sum
                        + "; expected " + transition.length + " chances >= 0 that sum to 1.");
            }
        }
    }

    public MatrixNoise(double[][] transition) {
        this(transition, "drawn from a transition matrix");
    }

    @Override
    public String convention() {
        return what;
    }

    @Override
    public double nominalRate() {
        return Double.NaN;
    }

    @Override
    public double[][] nominal(ClassIndex classes) {
        requireFits(classes);
        double[][] t = new double[transition.length][];
        for (int i = 0; i < t.length; i++) {
            t[i] = transition[i].clone();
        }
        return t;
    }

    @Override
    public Labels draw(long[] clean, ClassIndex classes, Rng rng) {
        double[] u = new double[clean.length];
        for (int i = 0; i < u.length; i++) {
            u[i] = rng.next();
        }
        return draw(clean, classes, u);
    }

    /** The same with given draws: a uniform number in [0, 1) for every row. */
    public Labels draw(long[] clean, ClassIndex classes, double[] u) {
        requireFits(classes);
        if (u.length != clean.length) {
            throw new IllegalArgumentException(clean.length + " rows were given " + u.length + " draws.");
        }
        long[] given = new long[clean.length];
        boolean[] touched = new boolean[clean.length];
        for (int i = 0; i < given.length; i++) {
            double[] row = transition[LabelNoise.column(classes, clean[i])];
            int to = 0;
            int last = 0;
            double sum = 0;
            // rounding may leave the sum below 1: then the last class with a chance
            for (int c = 0; c < row.length; c++) {
                last = row[c] > 0 ? c : last;
            }
            while (to < last && u[i] >= (sum += row[to])) {
                to++;
            }
            given[i] = classes.columns().get(to).classId();
            touched[i] = given[i] != clean[i];
        }
        return new Labels(given, touched);
    }

    private void requireFits(ClassIndex classes) {
        if (classes.size() != transition.length) {
            throw new IllegalArgumentException("The transition matrix has " + transition.length
                    + " classes but the data have " + classes.size() + ".");
        }
    }
}
