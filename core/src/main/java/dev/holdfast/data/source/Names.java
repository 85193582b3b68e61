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

    /** Insertions, deletions, replacements and swaps of neighbours from a to b (optimal string alignment). */
    static int distance(String a, String b) {
        int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    d[i][j] = i + j;
                    continue;
                }
                int change = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
                d[i][j] = Math.min(d[i - 1][j - 1] + change, 1 + Math.min(d[i - 1][j], d[i][j - 1]));
                if (i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1)) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
