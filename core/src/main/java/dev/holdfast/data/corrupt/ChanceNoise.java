package dev.holdfast.data.corrupt;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.Rng;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Every row is drawn with chance {@code rate}, and gets a label uniform over all classes, its own too, or the one that a map
 * gives its class: rates hold on average, not in count. A drawn row counts as touched even if its label stays.
 *
 * <p>The convention of Zhu, Ying, Yang, arXiv 2112.14869.
 *
 * @param rate in [0, 1]
 * @param map old to new class id, classes that it leaves out stay; empty = uniform over all classes
 * @param what the kind of noise in a few words
 */
public record ChanceNoise(double rate, Map<Long, Long> map, String what) implements LabelNoise {
    /** Letters that look alike, for {@link #swaps}: the pairs of arXiv 2112.14869. */
    public static final List<String> LETTERS =
            List.of("B-D", "C-G", "E-F", "H-N", "I-L", "K-X", "M-W", "O-Q", "P-R", "U-V");

    /** Vowels of the vowel data set that sound alike, named by number, for {@link #swaps}; as there. */
    public static final List<String> VOWELS = List.of("0-1", "2-3", "4-5", "6-7", "8-9");

    public ChanceNoise {
        LabelNoise.requireRate(rate);
        map = Collections.unmodifiableMap(new TreeMap<>(map));
    }

    /** A label uniform over all classes: the error rate is rate (C - 1) / C. */
    public static ChanceNoise uniform(double rate) {
        return new ChanceNoise(rate, Map.of(), "a label uniform over all classes, their own too");
    }

    /** The next class's label, the first after the last. */
    public static ChanceNoise cyclic(ClassIndex classes, double rate) {
        return new ChanceNoise(
                rate, LabelNoise.pairs(classes, rate).map(), "the next class's label, the first after the last");
    }

    /**
     * The label of the class's partner; classes without one stay.
     *
     * @param pairs names of two classes each, as {@code "B-D"}
     */
    public static ChanceNoise swaps(ClassIndex classes, double rate, List<String> pairs) {
        Map<String, Long> ids = new HashMap<>();
        classes.columns().forEach(c -> ids.put(c.name(), (long) c.classId()));
        Map<Long, Long> map = new HashMap<>();
        for (String pair : pairs) {
            String[] two = pair.split("-");
            if (two.length != 2) {
                throw new IllegalArgumentException(
                        "A pair of classes is written as two names with a hyphen, but this is '" + pair + "'.");
            }
            for (int i = 0; i < 2; i++) {
                Long from = ids.get(two[i]);
                Long to = ids.get(two[1 - i]);
                if (from == null || to == null) {
                    throw new IllegalArgumentException(
                            "The pair '" + pair + "' names a class that is not declared; there are " + classes + ".");
                }
                if (map.put(from, to) != null) {
                    throw new IllegalArgumentException("Class '" + two[i] + "' is in two pairs.");
                }
            }
        }
        return new ChanceNoise(rate, map, "the label of the class's partner in " + pairs);
    }

    @Override
    public String convention() {
        return String.format(Locale.ROOT, "each row gets, with chance %s, %s", rate, what);
    }

    @Override
    public double nominalRate() {
        return rate;
    }

    @Override
    public double[][] nominal(ClassIndex classes) {
        int n = classes.size();
        double[][] t = new double[n][n];
        for (int i = 0; i < n; i++) {
            Long to = map.get((long) classes.columns().get(i).classId());
            if (map.isEmpty()) {
                for (int j = 0; j < n; j++) {
                    t[i][j] = rate / n;
                }
            } else if (to != null) {
                t[i][LabelNoise.column(classes, to)] = rate;
            }
            t[i][i] += map.isEmpty() || to != null ? 1 - rate : 1;
        }
        return t;
    }

    @Override
    public Labels draw(long[] clean, ClassIndex classes, Rng rng) {
        double[] u = new double[clean.length];
        int[] replacements = new int[clean.length];
        Rng rows = rng.child("rows");
        Rng labels = rng.child("labels");
        for (int i = 0; i < u.length; i++) {
            u[i] = rows.next();
            replacements[i] = labels.below(classes.size());
        }
        return draw(clean, classes, u, replacements);
    }

    /**
     * The same with given draws: a uniform number in [0, 1) for every row, which is drawn where it is below the rate, and
     * the place of its new class, which counts without a map only.
     */
    public Labels draw(long[] clean, ClassIndex classes, double[] u, int[] replacements) {
        if (u.length != clean.length || replacements.length != clean.length) {
            throw new IllegalArgumentException(clean.length + " rows were given " + u.length + " draws and "
                    + replacements.length + " new classes; expected one each.");
        }
        map.forEach((from, to) -> {
            LabelNoise.column(classes, from);
            LabelNoise.column(classes, to);
        });
        long[] given = clean.clone();
        boolean[] touched = new boolean[clean.length];
        for (int i = 0; i < given.length; i++) {
            LabelNoise.column(classes, clean[i]);
            if (u[i] < rate && (map.isEmpty() || map.containsKey(clean[i]))) {
                given[i] =
                        map.isEmpty() ? classes.columns().get(replacements[i]).classId() : map.get(clean[i]);
                touched[i] = true;
            }
        }
        return new Labels(given, touched);
    }
}
