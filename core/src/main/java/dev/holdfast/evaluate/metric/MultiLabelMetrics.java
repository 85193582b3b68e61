package dev.holdfast.evaluate.metric;

/**
 * How well predicted label sets meet the true ones, accumulated row by row.
 *
 * <p><b>Empty sets.</b> Metrics of a row: if both sets are empty the row counts 1; if only one of them is, it counts 0.
 * Metrics of a label or of all decisions together: 0/0 counts 0. Before the first row every metric is NaN.
 *
 * <p>Tsoumakas, Katakis, Vlahavas: <i>Mining Multi-label Data</i>, 2010, section 7. One thread; parts counted elsewhere
 * are put together by {@link #merge}.
 */
public final class MultiLabelMetrics {
    private final int labels;
    private final long[] hits;
    private final long[] falseAlarms;
    private final long[] misses;
    private long rows;
    private long exact;
    private double precision;
    private double recall;
    private double f1;
    private double jaccard;

    /** @param labels number of labels, at least 1 */
    public MultiLabelMetrics(int labels) {
        if (labels < 1) {
            throw new IllegalArgumentException(
                    "Scoring label sets needs at least one label but there are " + labels + ".");
        }
        this.labels = labels;
        this.hits = new long[labels];
        this.falseAlarms = new long[labels];
        this.misses = new long[labels];
    }

    public int labels() {
        return labels;
    }

    /** Counts one row: its true and its predicted labels [L]. */
    public void add(boolean[] truth, boolean[] predicted) {
        if (truth.length != labels || predicted.length != labels) {
            throw new IllegalArgumentException("Row " + rows + " has " + truth.length + " true and " + predicted.length
                    + " predicted labels; expected " + labels + " of each.");
        }
        int both = 0;
        int trueOnes = 0;
        int predictedOnes = 0;
        for (int l = 0; l < labels; l++) {
            boolean t = truth[l];
            if (predicted[l]) {
                predictedOnes++;
                if (t) {
                    both++;
                    hits[l]++;
                } else {
                    falseAlarms[l]++;
                }
            } else if (t) {
                misses[l]++;
            }
            if (t) {
                trueOnes++;
            }
        }
        rows++;
        int either = trueOnes + predictedOnes - both;
        exact += both == either ? 1 : 0;
        precision += share(both, predictedOnes, either);
        recall += share(both, trueOnes, either);
        f1 += share(2 * both, trueOnes + predictedOnes, either);
        jaccard += share(both, either, either);
    }

    private static double share(double part, double whole, int either) {
        return either == 0 ? 1 : whole == 0 ? 0 : part / whole;
    }

    /** Adds everything that {@code other} counted. */
    public void merge(MultiLabelMetrics other) {
        if (other.labels != labels) {
            throw new IllegalArgumentException(
                    "Metrics of " + other.labels + " labels cannot be added to metrics of " + labels + ".");
        }
        for (int l = 0; l < labels; l++) {
            hits[l] += other.hits[l];
            falseAlarms[l] += other.falseAlarms[l];
            misses[l] += other.misses[l];
        }
        rows += other.rows;
        exact += other.exact;
        precision += other.precision;
        recall += other.recall;
        f1 += other.f1;
        jaccard += other.jaccard;
    }

    /** Rows counted. */
    public long rows() {
        return rows;
    }

    /** Share of rows whose predicted set is the true one. */
    public double subsetAccuracy() {
        return rows == 0 ? Double.NaN : (double) exact / rows;
    }

    /** Share of wrong decisions among rows times labels. */
    public double hammingLoss() {
        return (sum(falseAlarms) + sum(misses)) / ((double) rows * labels);
    }

    /** Mean over rows of |true and predicted| / |predicted|. */
    public double examplePrecision() {
        return precision / rows;
    }

    /** Mean over rows of |true and predicted| / |true|. */
    public double exampleRecall() {
        return recall / rows;
    }

    /** Mean over rows of 2 |true and predicted| / (|true| + |predicted|). */
    public double exampleF1() {
        return f1 / rows;
    }

    /** Mean over rows of |true and predicted| / |true or predicted|; also called accuracy. */
    public double exampleJaccard() {
        return jaccard / rows;
    }

    /** Share of the predicted labels of all rows that are true. */
    public double microPrecision() {
        double h = sum(hits);
        return ratio(h, h + sum(falseAlarms));
    }

    /** Share of the true labels of all rows that were predicted. */
    public double microRecall() {
        double h = sum(hits);
        return ratio(h, h + sum(misses));
    }

    /** Harmonic mean of {@link #microPrecision} and {@link #microRecall}. */
    public double microF1() {
        double h = sum(hits);
        return ratio(2 * h, 2 * h + sum(falseAlarms) + sum(misses));
    }

    /** Mean over labels of {@link #labelF1}. */
    public double macroF1() {
        double sum = 0;
        for (int l = 0; l < labels; l++) {
            sum += labelF1(l);
        }
        return sum / labels;
    }

    /** F1 of one label. */
    public double labelF1(int label) {
        return ratio(2.0 * hits[label], 2.0 * hits[label] + falseAlarms[label] + misses[label]);
    }

    /** Rows that have a label: hits and misses. */
    public long support(int label) {
        return hits[label] + misses[label];
    }

    /** Everything counted as numbers, exactly; {@link #restore} reads them. */
    public double[] save() {
        double[] a = new double[6 + 3 * labels];
        a[0] = rows;
        a[1] = exact;
        a[2] = precision;
        a[3] = recall;
        a[4] = f1;
        a[5] = jaccard;
        for (int l = 0; l < labels; l++) {
            a[6 + l] = hits[l];
            a[6 + labels + l] = falseAlarms[l];
            a[6 + 2 * labels + l] = misses[l];
        }
        return a;
    }

    /** Metrics that go on from saved ones. */
    public static MultiLabelMetrics restore(double[] saved) {
        if (saved.length < 9 || saved.length % 3 != 0) {
            throw new IllegalArgumentException("Saved multi-label metrics have " + saved.length
                    + " numbers; expected 6 and 3 a label.\nMaybe the file is damaged.");
        }
        MultiLabelMetrics m = new MultiLabelMetrics(saved.length / 3 - 2);
        m.rows = (long) saved[0];
        m.exact = (long) saved[1];
        m.precision = saved[2];
        m.recall = saved[3];
        m.f1 = saved[4];
        m.jaccard = saved[5];
        for (int l = 0; l < m.labels; l++) {
            m.hits[l] = (long) saved[6 + l];
            m.falseAlarms[l] = (long) saved[6 + m.labels + l];
            m.misses[l] = (long) saved[6 + 2 * m.labels + l];
        }
        return m;
    }

    private double ratio(double part, double whole) {
        return rows == 0 ? Double.NaN : whole == 0 ? 0 : part / whole;
    }

    private static double sum(long[] a) {
        double s = 0;
        for (long v : a) {
            s += v;
        }
        return s;
    }
}
