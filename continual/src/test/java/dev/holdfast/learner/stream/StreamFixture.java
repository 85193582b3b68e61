package dev.holdfast.learner.stream;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.synth.LabelBlocks;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.tensor.Rng;
import java.util.Arrays;
import java.util.List;

/** Small streams of label sets for tests. */
final class StreamFixture {
    final double[][] x;
    final int[][] y;
    final int labels;

    private StreamFixture(double[][] x, int[][] y, int labels) {
        this.x = x;
        this.y = y;
        this.labels = labels;
    }

    static StreamFixture blocks(int rows, long driftAt) {
        LabelBlocks.Config c = LabelBlocks.Config.defaults(driftAt);
        LabelBlocks g = new LabelBlocks(c, Rng.of(5));
        double[][] x = new double[rows][c.features()];
        int[][] y = new int[rows][];
        boolean[] bits = new boolean[c.labels()];
        for (int i = 0; i < rows; i++) {
            g.next(x[i], bits);
            y[i] = set(bits);
        }
        return new StreamFixture(x, y, c.labels());
    }

    static int[] set(boolean[] bits) {
        int[] set = new int[bits.length];
        int n = 0;
        for (int l = 0; l < bits.length; l++) {
            if (bits[l]) {
                set[n++] = l;
            }
        }
        return Arrays.copyOf(set, n);
    }

    Schema schema() {
        return schema(x[0].length, labels);
    }

    static Schema schema(int width, int labels) {
        return Schema.of(
                new Schema.Field("x", Schema.Field.Kind.VECTOR, List.of((long) width), 0),
                Target.MultiLabel.class,
                ClassIndex.numbered(labels));
    }

    <C extends Record> StreamLearner learner(LearnerPlugin<C> plugin, C config) {
        return (StreamLearner) plugin.create(config, schema(), Rng.of(3));
    }

    /** What the learner said of every row before it learnt it. */
    double[][] predictions(StreamLearner l) {
        double[][] p = new double[x.length][];
        for (int i = 0; i < x.length; i++) {
            p[i] = l.learnRow(x[i], y[i]);
        }
        return p;
    }

    /** Share of rows whose set was named exactly, from a row on. */
    double exact(double[][] p, int from) {
        int n = 0;
        for (int i = from; i < p.length; i++) {
            boolean[] named = new boolean[labels];
            for (int l = 0; l < labels; l++) {
                named[l] = p[i][l] > 0.5;
            }
            n += Arrays.equals(set(named), y[i]) ? 1 : 0;
        }
        return (double) n / (p.length - from);
    }
}
