package dev.holdfast.evaluate.metric;

/**
 * How well named classes agree with the true ones, counted row by row in their order.
 *
 * <p>With n rows, h of them named rightly, t_c of true class c and s_c said to be c:
 *
 * <ul>
 *   <li>accuracy p = h / n;
 *   <li>kappa = (p - e) / (1 - e) with e = sum_c t_c s_c / n^2: 0 for who guesses with the right shares (Cohen 1960);
 *   <li>no-change accuracy q = share of rows whose class is that of the row before;
 *   <li>temporal kappa = (p - q) / (1 - q): 0 for who repeats the last class (Bifet et al., Pitfalls in benchmarking
 *       data stream classification, 2013).
 * </ul>
 *
 * Undefined values (no rows; e = 1; q = 1) are NaN. Not thread-safe.
 */
public final class ClassAgreement {
    private final long[] truth;
    private final long[] said;
    private long rows;
    private long hits;
    private long repeats;

    /** @param classes columns that rows may have, numbered from 0 */
    public ClassAgreement(int classes) {
        if (classes < 1) {
            throw new IllegalArgumentException("Scoring classes needs at least one but there are " + classes + ".");
        }
        truth = new long[classes];
        said = new long[classes];
    }

    /**
     * One row.
     *
     * @param saidClass the class named, or -1 where none could be
     * @param before the true class of the row before, or -1
     */
    public void add(int trueClass, int saidClass, int before) {
        rows++;
        truth[trueClass]++;
        if (saidClass >= 0) {
            said[saidClass]++;
        }
        hits += saidClass == trueClass ? 1 : 0;
        repeats += before == trueClass ? 1 : 0;
    }

    public long rows() {
        return rows;
    }

    public double accuracy() {
        return hits / (double) rows;
    }

    public double kappa() {
        double e = 0;
        for (int c = 0; c < truth.length; c++) {
            e += (truth[c] / (double) rows) * (said[c] / (double) rows);
        }
        return e == 1 ? Double.NaN : (accuracy() - e) / (1 - e);
    }

    public double noChangeAccuracy() {
        return repeats / (double) rows;
    }

    public double temporalKappa() {
        double q = noChangeAccuracy();
        return q == 1 ? Double.NaN : (accuracy() - q) / (1 - q);
    }

    /** All counts as numbers, exactly; {@link #restore} reads them. */
    public double[] save() {
        double[] all = new double[3 + 2 * truth.length];
        all[0] = rows;
        all[1] = hits;
        all[2] = repeats;
        for (int c = 0; c < truth.length; c++) {
            all[3 + c] = truth[c];
            all[3 + truth.length + c] = said[c];
        }
        return all;
    }

    /** Counts that go on from saved ones. */
    public static ClassAgreement restore(double[] saved) {
        if (saved.length < 5 || saved.length % 2 == 0) {
            throw new IllegalArgumentException("Saved class counts have " + saved.length
                    + " numbers; expected 3 and 2 a class.\nMaybe the file is damaged.");
        }
        ClassAgreement a = new ClassAgreement((saved.length - 3) / 2);
        a.rows = (long) saved[0];
        a.hits = (long) saved[1];
        a.repeats = (long) saved[2];
        for (int c = 0; c < a.truth.length; c++) {
            a.truth[c] = (long) saved[3 + c];
            a.said[c] = (long) saved[3 + a.truth.length + c];
        }
        return a;
    }
}
