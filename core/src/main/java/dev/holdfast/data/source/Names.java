package dev.holdfast.data.source;

import java.util.Collection;
import java.util.Locale;

/** Which of some names was meant. Pure functions. */
public final class Names {
    private Names() {}

    /** The name nearest to {@code asked}, letter case aside, or null if none is near. */
    public static String nearest(String asked, Collection<String> names) {
        String best = null;
        int least = Math.max(1, asked.length() / 3) + 1;
        for (String n : names) {
            int d = distance(asked.toLowerCase(Locale.ROOT), n.toLowerCase(Locale.ROOT));
            if (d < least) {
                least = d;
                best = n;
            }
        }
        return best;
    }

    /** Insertions, deletions and replacements from a to b (Levenshtein). */
    static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j < row.length; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j < row.length; j++) {
                int up = row[j];
                int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
                row[j] = Math.min(diagonal + change, 1 + Math.min(up, row[j - 1]));
                diagonal = up;
            }
        }
        return row[b.length()];
    }
}
