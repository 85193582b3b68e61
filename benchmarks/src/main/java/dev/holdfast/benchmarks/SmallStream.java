package dev.holdfast.benchmarks;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.learner.Learner;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/** Parts of a made-up stream, small enough that what a learner does besides arithmetic shows. */
final class SmallStream {
    /** Rows in a batch. */
    static final int ROWS = 32;

    private SmallStream() {}

    /** A learner with its default settings. */
    static <C extends Record> Learner fresh(LearnerPlugin<C> plugin, Schema schema, long seed) {
        return plugin.create(plugin.defaults(), schema, Rng.of(seed));
    }

    /**
     * A part whose rows are noise around one centre a class; the centres of each part are its own.
     *
     * @param classes ids that its rows have, in turn
     */
    static Experience part(int index, int batches, Schema schema, int[] classes, Rng rng) {
        long[] shape = schema.inputs().get(0).shape().stream()
                .mapToLong(Long::longValue)
                .toArray();
        long width = Tensors.count(shape);
        int n = batches * ROWS;
        int[] which = IntStream.range(0, n).map(i -> i % classes.length).toArray();
        try (Scope s = Scope.open()) {
            Tensor centres = rng.child("centres", index).normal(classes.length, width);
            Tensor numbers = Tensors.rows(centres, which)
                    .add(rng.child("noise", index).normal(n, width))
                    .view(withRows(n, shape));
            // pixels lie between 0 and 1
            Tensor rows = schema.x().kind() == Schema.Field.Kind.IMAGE ? numbers.sigmoid() : numbers;
            Tensor ids = Tensors.ids(IntStream.of(which).map(i -> classes[i]).toArray());
            MemoryDataset data = MemoryDataset.of(schema, Inputs.of(rows), new Target.ClassIds(ids));
            ClassIndex known = ClassIndex.of(IntStream.of(classes)
                    .mapToObj(c -> schema.classes().columns().get(c))
                    .toList());
            return new Experience(index, index, data, known, true, Pace.shuffled(1, ROWS));
        }
    }

    private static long[] withRows(long n, long[] shape) {
        long[] all = new long[shape.length + 1];
        all[0] = n;
        System.arraycopy(shape, 0, all, 1, shape.length);
        return all;
    }

    /** The batches of one pass over a part, which outlive every scope. */
    static List<Batch> batches(Experience e, Rng rng) {
        List<Batch> all = new ArrayList<>();
        Loader loader = e.train().batches(e.pace(), rng);
        while (loader.hasNext()) {
            try (Scope s = Scope.open()) {
                Batch b = loader.next().withTask(e.task());
                Scope.own(b.inputs().x());
                Scope.own(((Target.ClassIds) b.target()).ids());
                all.add(b);
            }
        }
        return all;
    }

    /** One pass over a part, from its announcement to its end. */
    static void learn(Learner learner, Experience e, Rng rng) {
        try (Scope s = Scope.open()) {
            learner.begin(e);
        }
        Loader loader = e.train().batches(e.pace(), rng);
        while (loader.hasNext()) {
            try (Scope s = Scope.open()) {
                learner.learn(loader.next().withTask(e.task()));
            }
        }
        try (Scope s = Scope.open()) {
            learner.end(e);
        }
    }
}
