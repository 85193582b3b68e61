package dev.holdfast.distill.store;

import dev.holdfast.distill.store.LabelAdaptation.Region;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What the regions of a store are, and how often the teacher was right in each kind.
 *
 * @param thresholds what decided, with thresholds that are confidences; empty where the store is not adapted
 * @param all all regions together
 * @param byClass regions of each class, in the order of the columns
 * @param bySize regions by the share of the image they cover: up to a quarter, a half, three quarters, more
 * @param rescued images of which all regions were to be discarded and one was kept
 */
public record RegionReport(
        Optional<LabelAdaptation> thresholds, Line all, List<Line> byClass, List<Line> bySize, int rescued) {
    private static final List<String> SIZES =
            List.of("area up to 1/4", "area up to 1/2", "area up to 3/4", "area over 3/4");

    public RegionReport {
        byClass = List.copyOf(byClass);
        bySize = List.copyOf(bySize);
    }

    /** How many regions of each kind there are, and for how many of them the teacher names the true class. */
    public record Line(String name, long[] regions, long[] right) {
        public long count(Region r) {
            return regions[r.ordinal()];
        }

        /** Share of regions of this kind at which the teacher names the true class; NaN without any. */
        public double accuracy(Region r) {
            return regions[r.ordinal()] == 0 ? Double.NaN : (double) right[r.ordinal()] / regions[r.ordinal()];
        }
    }

    /** A table for people. */
    public String text() {
        StringBuilder s = new StringBuilder();
        thresholds.ifPresent(t ->
                s.append(String.format(Locale.ROOT, "Thresholds: %.4f, %.4f, %.4f.%n", t.low(), t.mid(), t.top())));
        s.append(String.format(Locale.ROOT, "%-20s", "regions (right %)"));
        for (Region r : Region.values()) {
            s.append(String.format(Locale.ROOT, " %18s", r.toString().toLowerCase(Locale.ROOT)));
        }
        List<Line> lines = new ArrayList<>(List.of(all));
        lines.addAll(byClass);
        lines.addAll(bySize);
        for (Line l : lines) {
            s.append(String.format(Locale.ROOT, "%n%-20s", l.name));
            for (Region r : Region.values()) {
                s.append(
                        l.count(r) == 0
                                ? String.format(Locale.ROOT, " %18s", "-")
                                : String.format(Locale.ROOT, " %,10d (%5.1f)", l.count(r), 100 * l.accuracy(r)));
            }
        }
        s.append(String.format("%n"));
        if (rescued > 0) {
            s.append(String.format(
                    Locale.ROOT, "%,d images kept one region of those that were to be discarded.%n", rescued));
        }
        return s.toString();
    }

    /** Adds regions up. */
    static final class Counter {
        private static final int KINDS = Region.values().length;
        private final List<String> classes;
        private final long[][] regions;
        private final long[][] right;

        Counter(List<String> classes) {
            this.classes = classes;
            this.regions = new long[1 + classes.size() + SIZES.size()][KINDS];
            this.right = new long[regions.length][KINDS];
        }

        void add(Region r, int truth, double area, boolean isRight) {
            int size = (int) Math.min(SIZES.size() - 1, Math.max(0, Math.ceil(4 * area) - 1));
            for (int line : new int[] {0, 1 + truth, 1 + classes.size() + size}) {
                regions[line][r.ordinal()]++;
                right[line][r.ordinal()] += isRight ? 1 : 0;
            }
        }

        RegionReport report(Optional<LabelAdaptation> thresholds, int rescued) {
            List<Line> lines = new ArrayList<>();
            for (int i = 0; i < regions.length; i++) {
                String name =
                        i == 0 ? "all" : i <= classes.size() ? classes.get(i - 1) : SIZES.get(i - 1 - classes.size());
                lines.add(new Line(name, regions[i], right[i]));
            }
            int split = 1 + classes.size();
            return new RegionReport(
                    thresholds, lines.get(0), lines.subList(1, split), lines.subList(split, lines.size()), rescued);
        }
    }
}
