package dev.holdfast.data.table;

import dev.holdfast.data.DataException;
import dev.holdfast.data.FeatureExtractor;
import dev.holdfast.data.source.DataOptions;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.TreeMap;

/**
 * Fits a {@link Preprocessing} in one walk through the training rows, in the order of the file, so that the same rows
 * always give the same bits: mean and deviation by Welford's update, categories and their counts exactly.
 */
final class PreprocessingFit {
    private PreprocessingFit() {}

    /**
     * @param training the training rows, or null for all
     * @param encoder encoder of the text columns; null if there are none
     */
    static Preprocessing fit(
            Table t, TablePlan plan, List<String> classes, BitSet training, FeatureExtractor encoder, DataOptions o) {
        List<TablePlan.Feature> fitted = plan.features().stream()
                .filter(f -> f.kind() != TablePlan.Kind.TEXT)
                .toList();
        Moments[] moments = new Moments[fitted.size()];
        List<TreeMap<String, Long>> counts = new ArrayList<>();
        long[] gone = new long[fitted.size()];
        for (int k = 0; k < moments.length; k++) {
            moments[k] = new Moments();
            counts.add(new TreeMap<>());
        }
        if (!fitted.isEmpty()) {
            try (Table.Cursor rows =
                    t.read(fitted.stream().map(TablePlan.Feature::ask).toList(), 0)) {
                Cells cells;
                while ((cells = rows.next()) != null) {
                    for (int k = 0; k < moments.length; k++) {
                        gone[k] += fitted.get(k).kind() == TablePlan.Kind.NUMBER
                                ? numbers(cells, cells.numbersAt(k), training, moments[k])
                                : texts(cells, cells.textsAt(k), training, counts.get(k));
                    }
                }
            }
        }
        List<Preprocessing.Column> columns = new ArrayList<>();
        int k = 0;
        for (TablePlan.Feature f : plan.features()) {
            if (f.kind() == TablePlan.Kind.TEXT) {
                columns.add(new Preprocessing.Text(f.column(), encoder.fingerprint(), encoder.dim()));
                continue;
            }
            boolean indicator = o.missingIndicators() && gone[k] > 0;
            if (moments[k].n == 0 && counts.get(k).isEmpty()) {
                throw DataException.at(
                        t.name() + ", column '" + f.column() + "'",
                        "All values of the training rows are missing.",
                        "at least one value among them",
                        "Leave the column out (--ignore " + f.column() + ") or take another seed.");
            }
            columns.add(
                    f.kind() == TablePlan.Kind.NUMBER
                            ? numeric(f.column(), moments[k], indicator, o)
                            : categorical(f.column(), counts.get(k), indicator, o));
            k++;
        }
        return new Preprocessing(
                Preprocessing.VERSION, columns, plan.labels(), plan.multiLabel(), classes, DuckTable.MISSING);
    }

    private static long numbers(Cells c, double[] v, BitSet training, Moments m) {
        long gone = 0;
        for (int i = 0; i < v.length; i++) {
            if (training == null || training.get((int) c.firstRow() + i)) {
                if (Double.isNaN(v[i])) {
                    gone++;
                } else {
                    m.add(v[i]);
                }
            }
        }
        return gone;
    }

    private static long texts(Cells c, String[] v, BitSet training, TreeMap<String, Long> counts) {
        long gone = 0;
        for (int i = 0; i < v.length; i++) {
            if (training == null || training.get((int) c.firstRow() + i)) {
                if (v[i] == null) {
                    gone++;
                } else {
                    counts.merge(v[i], 1L, Long::sum);
                }
            }
        }
        return gone;
    }

    private static Preprocessing.Numeric numeric(String name, Moments m, boolean indicator, DataOptions o) {
        return o.standardise()
                ? new Preprocessing.Numeric(name, m.mean, m.mean, m.deviation(), indicator)
                : new Preprocessing.Numeric(name, m.mean, 0, 1, indicator);
    }

    private static Preprocessing.Categorical categorical(
            String name, TreeMap<String, Long> counts, boolean indicator, DataOptions o) {
        List<String> categories = TablePlan.ordered(counts.keySet());
        String mode = categories.get(0);
        for (String c : categories) {
            mode = counts.get(c) > counts.get(mode) ? c : mode;
        }
        Moments codes = new Moments();
        if (o.encoding() == DataOptions.Encoding.ORDINAL && o.standardise()) {
            for (int i = 0; i < categories.size(); i++) {
                codes.add(i, counts.get(categories.get(i)));
            }
        }
        return new Preprocessing.Categorical(
                name, o.encoding(), categories, mode, codes.mean, codes.deviation(), indicator);
    }

    /** Mean and sum of squared deviations, updated value by value (Welford 1962). */
    private static final class Moments {
        private long n;
        private double mean;
        private double squares;

        void add(double v) {
            add(v, 1);
        }

        void add(double v, long times) {
            n += times;
            double d = v - mean;
            mean += d * times / n;
            squares += d * (v - mean) * times;
        }

        /** Population deviation, or 1 where nothing varies. */
        double deviation() {
            double s = n == 0 ? 0 : Math.sqrt(squares / n);
            return s > 0 ? s : 1;
        }
    }
}
