package dev.holdfast.data.corrupt;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * What label noise did: for diagnostics, never for learners.
 *
 * @param convention how labels were drawn, as a sentence
 * @param nominalRate the rate that was asked for; NaN for a matrix
 * @param ids stable ids of the rows, in order
 * @param clean class id of every row before
 * @param given class id of every row after
 * @param touched rows whose label was drawn anew, even if it came out the same
 * @param nominal chance [i][j] that the i-th class is labelled as the j-th; null where the order of flips decides
 * @param empirical the shares that came out; a class without rows has zeros
 */
public record NoiseTruth(
        String convention,
        double nominalRate,
        long[] ids,
        long[] clean,
        long[] given,
        boolean[] touched,
        double[][] nominal,
        double[][] empirical) {

    /** Rows whose label is wrong now. */
    public boolean[] wrong() {
        boolean[] w = new boolean[clean.length];
        for (int i = 0; i < w.length; i++) {
            w[i] = clean[i] != given[i];
        }
        return w;
    }

    /** Share of the rows whose label is wrong now; 0 without rows. */
    public double errorRate() {
        int n = 0;
        for (int i = 0; i < clean.length; i++) {
            n += clean[i] != given[i] ? 1 : 0;
        }
        return clean.length == 0 ? 0 : (double) n / clean.length;
    }

    /** Class id before the noise by sample id. */
    public Map<Long, Long> cleanById() {
        Map<Long, Long> m = new HashMap<>();
        for (int i = 0; i < ids.length; i++) {
            m.put(ids[i], clean[i]);
        }
        return m;
    }

    /** The true classes of these rows; an id that was not in the data is refused. */
    public long[] cleanOf(long[] of) {
        Map<Long, Long> m = cleanById();
        return Arrays.stream(of)
                .map(id -> {
                    Long y = m.get(id);
                    if (y == null) {
                        throw new IllegalArgumentException("Sample " + id + " is not among the " + ids.length
                                + " rows that the noise was put on.");
                    }
                    return y;
                })
                .toArray();
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT, "%s: %.1f %% of %d labels are wrong", convention, 100 * errorRate(), clean.length);
    }
}
