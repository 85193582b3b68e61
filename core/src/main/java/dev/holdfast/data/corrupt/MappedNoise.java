package dev.holdfast.data.corrupt;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.Rng;
import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * A share of the rows of some classes gets the label that a map gives their class.
 *
 * @param map old to new class id; classes that it leaves out stay
 * @param rate share of each mapped class, in [0, 1]: the first ceil(rate * n) of its rows in random order
 * @param order whether classes see each other's flips
 */
public record MappedNoise(Map<Long, Long> map, double rate, Order order) implements LabelNoise {
    /** In which order classes are flipped. */
    public enum Order {
        /** All from the clean labels. */
        SIMULTANEOUS,
        /**
         * Class after class, each among the rows that carry its label by then, so that a row flipped from 3 to 5 may be
         * flipped back: an artefact of the authors' code for arXiv 2007.00151.
         */
        SEQUENTIAL
    }

    /** In which order the rows that carry a class are visited. */
    public interface Visits {
        /** A rearrangement of {@code rows}, the ascending positions that carry the class now. */
        int[] order(long classId, int[] rows);
    }

    public MappedNoise {
        LabelNoise.requireRate(rate);
        map = Collections.unmodifiableMap(new TreeMap<>(map));
    }

    @Override
    public double nominalRate() {
        return rate;
    }

    @Override
    public String convention() {
        return String.format(
                Locale.ROOT,
                "mapped %s %s, %s of each class, %s",
                rate,
                map,
                rate,
                order == Order.SIMULTANEOUS ? "all at once" : "class after class");
    }

    @Override
    public double[][] nominal(ClassIndex classes) {
        if (order == Order.SEQUENTIAL) {
            return null;
        }
        double[][] t = new double[classes.size()][classes.size()];
        for (int c = 0; c < t.length; c++) {
            Long to = map.get((long) classes.columns().get(c).classId());
            t[c][c] = to == null ? 1 : 1 - rate;
            if (to != null) {
                t[c][LabelNoise.column(classes, to)] += rate;
            }
        }
        return t;
    }

    @Override
    public Labels draw(long[] clean, ClassIndex classes, Rng rng) {
        return draw(clean, classes, (id, rows) -> {
            int[] visit = rows.clone();
            rng.child("class", id).shuffle(visit);
            return visit;
        });
    }

    /** The same with given draws. */
    public Labels draw(long[] clean, ClassIndex classes, Visits visits) {
        map.forEach((from, to) -> {
            LabelNoise.column(classes, from);
            LabelNoise.column(classes, to);
        });
        long[] given = clean.clone();
        boolean[] touched = new boolean[clean.length];
        for (Map.Entry<Long, Long> e : map.entrySet()) {
            long[] seen = order == Order.SEQUENTIAL ? given : clean;
            int[] rows = IntStream.range(0, clean.length)
                    .filter(i -> seen[i] == e.getKey())
                    .toArray();
            int[] visit = visits.order(e.getKey(), rows);
            if (visit.length != rows.length) {
                throw new IllegalArgumentException("Class " + e.getKey() + " is carried by " + rows.length
                        + " rows but the order names " + visit.length + ".");
            }
            for (int k = 0; k < LabelNoise.count(rate, rows.length); k++) {
                given[visit[k]] = e.getValue();
                touched[visit[k]] = true;
            }
        }
        return new Labels(given, touched);
    }
}
