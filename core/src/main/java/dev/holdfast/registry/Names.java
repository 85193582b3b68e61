package dev.holdfast.registry;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** What a misspelt name may have meant. */
public final class Names {
    private Names() {}

    /** The known name within an edit distance of a third of its length, if any. */
    public static Optional<String> nearest(String name, Collection<String> known) {
        return known.stream()
                .filter(k -> distance(name, k) <= Math.max(1, Math.max(k.length(), name.length()) / 3))
                .min(Comparator.comparingInt((String k) -> distance(name, k)).thenComparing(k -> k));
    }

    /** Edits from one to the other: letters put in, left out, replaced, or swapped with their neighbour. */
    private static int distance(String a, String b) {
        int[][] d = new int[a.length() + 1][b.length() + 1];
        for (int i = 0; i <= a.length(); i++) {
            for (int j = 0; j <= b.length(); j++) {
                if (i == 0 || j == 0) {
                    d[i][j] = i + j;
                    continue;
                }
                boolean same = a.charAt(i - 1) == b.charAt(j - 1);
                d[i][j] = Math.min(Math.min(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + (same ? 0 : 1));
                boolean swapped =
                        i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1);
                if (swapped) {
                    d[i][j] = Math.min(d[i][j], d[i - 2][j - 2] + 1);
                }
            }
        }
        return d[a.length()][b.length()];
    }
}
