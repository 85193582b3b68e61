package dev.holdfast.benchmarks;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.DataException;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.synth.LabelBlocks;
import dev.holdfast.data.synth.LinkedLabels;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** Rows with label sets in memory: numbers, and which labels each row has. */
record LabelStream(String name, double[][] x, boolean[][] y) {
    int labels() {
        return y[0].length;
    }

    int width() {
        return x[0].length;
    }

    /** Labels of a row, ascending. */
    int[] set(int row) {
        return IntStream.range(0, labels()).filter(l -> y[row][l]).toArray();
    }

    Schema schema() {
        return Schema.of(
                new Schema.Field("x", Schema.Field.Kind.VECTOR, List.of((long) width()), 0),
                Target.MultiLabel.class,
                ClassIndex.numbered(labels()));
    }

    LabelStream first(int rows) {
        int n = Math.min(rows, x.length);
        return new LabelStream(name, Arrays.copyOf(x, n), Arrays.copyOf(y, n));
    }

    /** Groups of correlated labels that are dealt anew at half time. */
    static LabelStream blocks(int rows) {
        LabelBlocks g = new LabelBlocks(LabelBlocks.Config.defaults(rows / 2), Rng.of(1));
        double[][] x = new double[rows][20];
        boolean[][] y = new boolean[rows][9];
        for (int i = 0; i < rows; i++) {
            g.next(x[i], y[i]);
        }
        return new LabelStream("blocks", x, y);
    }

    /** Pairwise dependent labels, half of whose dependencies change at half time. */
    static LabelStream linked(int labels, int rows) {
        LinkedLabels.Config c = new LinkedLabels.Config(labels, 80, 1.8, 0.25, LinkedLabels.Concept.RADIAL, rows / 2);
        LinkedLabels g = new LinkedLabels(c, Rng.of(1));
        double[][] x = new double[rows][80];
        boolean[][] y = new boolean[rows][labels];
        for (int i = 0; i < rows; i++) {
            g.next(x[i], y[i]);
        }
        return new LabelStream("linked " + labels, x, y);
    }

    /** A set of the data folder in the order of its file; null where it is not there. */
    static LabelStream file(String id) {
        try (Scope s = Scope.open()) {
            DataPair p = DataCatalog.open(id + "?standardise=no", DataOptions.defaults());
            int n = (int) (p.train().size() + p.test().size());
            double[][] x = new double[n][];
            boolean[][] y = new boolean[n][];
            for (Dataset d : List.of(p.train(), p.test())) {
                Batch b = d.rows(IntStream.range(0, (int) d.size()).toArray());
                double[][] part =
                        b.inputs().array(b.inputs().fields().iterator().next());
                double[][] sets = Tensors.rows(((Target.MultiLabel) b.target()).y());
                for (int i = 0; i < part.length; i++) {
                    int row = (int) b.rows().ids()[i];
                    x[row] = part[i];
                    y[row] = new boolean[sets[i].length];
                    for (int l = 0; l < sets[i].length; l++) {
                        y[row][l] = sets[i][l] == 1;
                    }
                }
            }
            return new LabelStream(id, x, y);
        } catch (DataException absent) {
            return null;
        }
    }

    /** All that can be had here, generated ones first. */
    static List<LabelStream> all(int rows) {
        List<LabelStream> s = new ArrayList<>(List.of(blocks(rows), linked(8, rows), linked(25, rows)));
        for (String id : new String[] {"music", "yeast", "scene", "enron", "imdb"}) {
            LabelStream f = file(id);
            if (f != null) {
                s.add(f.first(rows));
            }
        }
        return s;
    }
}
