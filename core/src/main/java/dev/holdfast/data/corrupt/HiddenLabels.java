package dev.holdfast.data.corrupt;

import java.util.HashMap;
import java.util.Locale;
import java.util.Map;

/**
 * Which labels were taken from rows with label sets: for diagnostics, never for learners.
 *
 * @param nominalRate chance with which each label was dropped
 * @param ids stable ids of the rows, in order
 * @param clean label sets before [n][L]
 * @param given label sets after [n][L]
 */
public record HiddenLabels(double nominalRate, long[] ids, boolean[][] clean, boolean[][] given) {
    /** Whether a label of a row, by position, was there and is not any more. */
    public boolean hidden(int row, int label) {
        return clean[row][label] && !given[row][label];
    }

    /** Position of every row by its id. */
    public Map<Long, Integer> positions() {
        Map<Long, Integer> at = new HashMap<>();
        for (int i = 0; i < ids.length; i++) {
            at.put(ids[i], i);
        }
        return at;
    }

    /** Labels that were taken away. */
    public long count() {
        long n = 0;
        for (int i = 0; i < clean.length; i++) {
            for (int l = 0; l < clean[i].length; l++) {
                n += hidden(i, l) ? 1 : 0;
            }
        }
        return n;
    }

    /** Share of the labels that were taken away; 0 without labels. */
    public double rate() {
        long all = 0;
        for (boolean[] row : clean) {
            for (boolean b : row) {
                all += b ? 1 : 0;
            }
        }
        return all == 0 ? 0 : (double) count() / all;
    }

    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "each label dropped with chance %s, one of a row always kept: %.1f %% of the labels of %d rows are"
                        + " missing",
                nominalRate,
                100 * rate(),
                clean.length);
    }
}
