package dev.holdfast.learner.stream.part;

import java.util.Arrays;

/**
 * Binary relevance of bagged logistic units: for every label {@link Example#MEMBERS} logistic regressions, each trained by
 * stochastic gradient descent on every row as often as its Poisson(1) draw says. A label's probability is the mean of its
 * members'.
 *
 * <p>The weights of one column lie side by side for all labels and members, so that a row costs one pass over its filled
 * columns. Oza, Russell: <i>Online Bagging and Boosting</i>, AISTATS 2001, figure 2. One thread learns; any number may
 * predict meanwhile if the caller locks.
 */
public final class OnlineBagging {
    private static final int MEMBERS = Example.MEMBERS;

    private final int labels;
    private final int units;
    private final int columns;
    private final double rate;
    private final double interceptRate;

    /** [columns + 1][labels * members], the intercepts last; a row of weights is made when its column is first filled. */
    private final float[][] weights;

    private final float[] gradient;

    /** @param columns columns of a scaled row */
    public OnlineBagging(int columns, int labels, double rate, double interceptRate) {
        this.columns = columns;
        this.labels = labels;
        this.units = labels * MEMBERS;
        this.rate = rate;
        this.interceptRate = interceptRate;
        this.weights = new float[columns + 1][];
        this.weights[columns] = new float[units];
        this.gradient = new float[units];
    }

    /** Numbers that predictions are computed from. */
    public long parameters() {
        long n = 0;
        for (float[] w : weights) {
            n += w == null ? 0 : units;
        }
        return n;
    }

    /** Writes P(label) of this row to {@code p} [labels]. */
    public void predict(Example e, double[] p) {
        double[] a = answers(e);
        for (int l = 0; l < labels; l++) {
            double sum = 0;
            for (int m = 0; m < MEMBERS; m++) {
                sum += a[l * MEMBERS + m];
            }
            p[l] = sum / MEMBERS;
        }
    }

    /** Learns this row. {@code local} places the labels of the stream among those of this ensemble, -1 elsewhere. */
    public void learn(Example e, int[] local) {
        double[] a = answers(e);
        e.answer(null, 0);
        float[] g = gradient;
        for (int j = 0; j < units; j++) {
            g[j] = (float) -a[j];
        }
        for (int i = 0; i < e.count; i++) {
            int l = local[e.labels[i]];
            if (l >= 0) {
                for (int m = 0; m < MEMBERS; m++) {
                    g[l * MEMBERS + m] += 1;
                }
            }
        }
        for (int l = 0, j = 0; l < labels; l++) {
            for (int m = 0; m < MEMBERS; m++, j++) {
                g[j] = (float) (e.bag[m] * e.weight * g[j]);
            }
        }
        for (int k = 0; k < e.filled; k++) {
            int column = e.at[k];
            if (weights[column] == null) {
                weights[column] = new float[units];
            }
            add(weights[column], g, (float) (rate * e.z[column]));
        }
        add(weights[columns], g, (float) interceptRate);
    }

    /** P of every unit; a row that is predicted and then learnt asks twice. */
    private double[] answers(Example e) {
        if (e.answered(this)) {
            return e.answers;
        }
        float[] a = activations(e);
        double[] p = e.answer(this, units);
        for (int j = 0; j < units; j++) {
            p[j] = sigmoid(a[j]);
        }
        return p;
    }

    private float[] activations(Example e) {
        e.scale();
        float[] a = e.units(units);
        System.arraycopy(weights[columns], 0, a, 0, units);
        for (int k = 0; k < e.filled; k++) {
            float[] w = weights[e.at[k]];
            if (w != null) {
                addTo(a, w, e.z[e.at[k]], units);
            }
        }
        return a;
    }

    private static void addTo(float[] a, float[] w, float z, int n) {
        for (int j = 0; j < n; j++) {
            a[j] += z * w[j];
        }
    }

    private static void add(float[] w, float[] g, float step) {
        for (int j = 0; j < w.length; j++) {
            w[j] += step * g[j];
        }
    }

    private static double sigmoid(double a) {
        return 1 / (1 + Math.exp(-a));
    }

    /** A copy for some of the labels: their places here, ascending. */
    public OnlineBagging project(int[] keep) {
        OnlineBagging o = new OnlineBagging(columns, keep.length, rate, interceptRate);
        for (int c = 0; c <= columns; c++) {
            if (weights[c] != null) {
                o.weights[c] = new float[o.units];
                for (int l = 0; l < keep.length; l++) {
                    System.arraycopy(weights[c], keep[l] * MEMBERS, o.weights[c], l * MEMBERS, MEMBERS);
                }
            }
        }
        return o;
    }

    /** A copy with further labels at the end, of which nothing is known. */
    public OnlineBagging widen(int to) {
        OnlineBagging o = new OnlineBagging(columns, to, rate, interceptRate);
        for (int c = 0; c <= columns; c++) {
            o.weights[c] = weights[c] == null ? null : Arrays.copyOf(weights[c], o.units);
        }
        return o;
    }

    public void save(NumberWriter w) {
        for (float[] row : weights) {
            w.add(row != null);
            if (row != null) {
                w.add(row);
            }
        }
    }

    public void restore(NumberReader r) {
        for (int c = 0; c <= columns; c++) {
            weights[c] = r.flag() ? r.floats(units) : null;
        }
        if (weights[columns] == null) {
            throw r.damaged("an ensemble has no intercepts");
        }
    }
}
