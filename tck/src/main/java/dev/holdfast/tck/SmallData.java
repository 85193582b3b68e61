package dev.holdfast.tck;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Small data with one class or a set of labels a row that learners are tested on: training rows and test rows of the same schema.
 *
 * @param name what the rows are, for the names of checks
 */
record SmallData(String name, Dataset train, Dataset test) {
    static final int CLASSES = 6;
    private static final int TRAIN_ROWS = 12;
    private static final int TEST_ROWS = 4;
    private static final long WIDTH = 8;
    private static final long SIDE = 6;

    /** Clouds of float32 vectors around one point a class. */
    static SmallData vectors() {
        Schema schema = Schema.vectors(WIDTH, ClassIndex.numbered(CLASSES));
        return new SmallData("vectors", clouds(schema, TRAIN_ROWS, "train"), clouds(schema, TEST_ROWS, "test"));
    }

    /** Images of bytes, one noisy pattern a class. */
    static SmallData images() {
        Schema schema = Schema.images(1, SIDE, SIDE, ClassIndex.numbered(CLASSES));
        return new SmallData("images", patterns(schema, TRAIN_ROWS, "train"), patterns(schema, TEST_ROWS, "test"));
    }

    /** Vectors with label sets: row i has labels i and i + 1 modulo the number of labels, and lies near both points. */
    static SmallData labelSets() {
        Schema schema = Schema.of(
                new Schema.Field(Inputs.X, Schema.Field.Kind.VECTOR, List.of(WIDTH), 0),
                Target.MultiLabel.class,
                ClassIndex.numbered(CLASSES));
        return new SmallData("label sets", sets(schema, TRAIN_ROWS, "train"), sets(schema, TEST_ROWS, "test"));
    }

    private static Dataset sets(Schema schema, int rows, String part) {
        try (Scope s = Scope.open()) {
            Tensor centre = Rng.of(13).child("centre").normal(CLASSES, WIDTH).mul_(Tensors.scalar(2));
            int[] y = labels(rows);
            int[] next = new int[y.length];
            float[] sets = new float[y.length * CLASSES];
            for (int i = 0; i < y.length; i++) {
                next[i] = (y[i] + 1) % CLASSES;
                sets[i * CLASSES + y[i]] = 1;
                sets[i * CLASSES + next[i]] = 1;
            }
            Tensor noise = Rng.of(13).child(part).normal(y.length, WIDTH).mul_(Tensors.scalar(0.5));
            Tensor x = Tensors.rows(centre, y).add_(Tensors.rows(centre, next)).add_(noise);
            return MemoryDataset.of(
                    schema, Inputs.of(x), new Target.MultiLabel(Tensors.of(sets, y.length, CLASSES), null));
        }
    }

    /** Whether rows have label sets instead of one class. */
    boolean multiLabel() {
        return schema().target() == Target.MultiLabel.class;
    }

    private static Dataset clouds(Schema schema, int rows, String part) {
        try (Scope s = Scope.open()) {
            Tensor centre = Rng.of(11).child("centre").normal(CLASSES, WIDTH).mul_(Tensors.scalar(2));
            int[] y = labels(rows);
            Tensor noise = Rng.of(11).child(part).normal(y.length, WIDTH).mul_(Tensors.scalar(0.5));
            return data(schema, Tensors.rows(centre, y).add_(noise), y);
        }
    }

    private static Dataset patterns(Schema schema, int rows, String part) {
        try (Scope s = Scope.open()) {
            Tensor pattern = Rng.of(12).child("pattern").uniform(CLASSES, 1, SIDE, SIDE);
            int[] y = labels(rows);
            Tensor noise = Rng.of(12).child(part).uniform(y.length, 1, SIDE, SIDE);
            Tensor x = Tensors.rows(pattern, y).mul_(Tensors.scalar(180)).add_(noise.mul_(Tensors.scalar(70)));
            return data(schema, x.to(ScalarType.Byte), y);
        }
    }

    private static Dataset data(Schema schema, Tensor x, int[] y) {
        long[] ids = new long[y.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = y[i];
        }
        return MemoryDataset.of(schema, Inputs.of(x), Target.ClassIds.of(ids));
    }

    private static int[] labels(int rowsPerClass) {
        int[] y = new int[CLASSES * rowsPerClass];
        for (int i = 0; i < y.length; i++) {
            y[i] = i % CLASSES;
        }
        return y;
    }

    Schema schema() {
        return train.schema();
    }

    @Override
    public String toString() {
        return name;
    }
}
