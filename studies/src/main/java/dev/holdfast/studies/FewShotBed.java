package dev.holdfast.studies;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Norm;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.FewShot;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/** Data of the few-shot study in their order of classes, and the stream on them. */
record FewShotBed(String name, Dataset train, Dataset test, NetConfig net, int base, int sessions, int way, int split) {
    /** Clothes and digits together. */
    static final String BOTH = "fashion + mnist";

    static final String LETTERS = "letters";

    /** How much is run. */
    record Size(int rows, int testRows, int epochs, int draws, List<Integer> widths, List<String> rungs) {
        Size withDraws(int atMost) {
            return new Size(rows, testRows, epochs, Math.min(atMost, draws), widths, rungs);
        }
    }

    static FewShotBed both(DataPair fashion, DataPair mnist, Size size, long seed) {
        // six and six, then one and one
        int[] first = Rng.of(seed).child("fashion classes").permutation(10);
        int[] second = Rng.of(seed).child("mnist classes").permutation(10);
        List<Source> order = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            order.add(new Source(fashion, first[i]));
        }
        for (int i = 0; i < 6; i++) {
            order.add(new Source(mnist, second[i]));
        }
        for (int i = 6; i < 10; i++) {
            order.add(new Source(fashion, first[i]));
            order.add(new Source(mnist, second[i]));
        }
        return bed(BOTH, order, size, net(BackboneConfig.Kind.CONVNET, size), 12, 4, seed);
    }

    static FewShotBed alone(DataPair data, String name, Size size, long seed) {
        List<Source> order = Arrays.stream(Rng.of(seed).child("fashion classes").permutation(10))
                .mapToObj(k -> new Source(data, k))
                .toList();
        return bed(name, order, size, net(BackboneConfig.Kind.CONVNET, size), 6, 2, seed);
    }

    static FewShotBed letters(DataPair data, Size size, long seed) {
        List<Source> order = Arrays.stream(Rng.of(seed).child("letters").permutation(26))
                .mapToObj(k -> new Source(data, k))
                .toList();
        return bed(LETTERS, order, size, net(BackboneConfig.Kind.MLP, size), 16, 5, seed);
    }

    private static NetConfig net(BackboneConfig.Kind kind, Size size) {
        return new NetConfig(
                new BackboneConfig(kind, size.widths, Init.KAIMING_UNIFORM, Norm.GROUP),
                OptimizerConfig.adam(2e-3),
                false);
    }

    /** A class of a data set, by its column. */
    private record Source(DataPair data, int column) {}

    /** The classes in this order, so many rows of each. */
    private static FewShotBed bed(
            String name, List<Source> order, Size size, NetConfig net, int base, int sessions, long seed) {
        List<ClassIndex.Column> columns = new ArrayList<>();
        for (int k = 0; k < order.size(); k++) {
            Source s = order.get(k);
            columns.add(new ClassIndex.Column(
                    k,
                    s.data.name() + " "
                            + s.data.schema().classes().columns().get(s.column).name(),
                    0,
                    0));
        }
        Rng rng = Rng.of(seed).child("rows");
        Schema schema = order.get(0).data.schema().withClasses(ClassIndex.of(columns));
        return new FewShotBed(
                name,
                rows(schema, order, size.rows, true, rng.child("train")),
                rows(schema, order, size.testRows, false, rng.child("test")),
                net,
                base,
                sessions,
                2,
                order.get(0).data == order.get(order.size() - 1).data ? -1 : 0);
    }

    private static Dataset rows(Schema schema, List<Source> order, int each, boolean train, Rng rng) {
        try (Scope scope = Scope.open()) {
            List<Tensor> x = new ArrayList<>();
            List<Long> y = new ArrayList<>();
            for (int k = 0; k < order.size(); k++) {
                Source s = order.get(k);
                Dataset d = train ? s.data.train() : s.data.test();
                long id = s.data.schema().classes().columns().get(s.column).classId();
                long[] ids = d.classIds();
                int[] all =
                        IntStream.range(0, ids.length).filter(i -> ids[i] == id).toArray();
                int[] drawn = rng.child("class", k).permutation(all.length);
                int n = Math.min(each, all.length);
                x.add(d.rows(Arrays.stream(drawn).limit(n).map(i -> all[i]).toArray())
                        .inputs()
                        .x());
                for (int i = 0; i < n; i++) {
                    y.add((long) k);
                }
            }
            return MemoryDataset.of(
                    schema,
                    Inputs.of(Map.of(schema.inputs().get(0).name(), Tensors.cat(0, x.toArray(new Tensor[0])))),
                    Target.ClassIds.of(y.stream().mapToLong(Long::longValue).toArray()));
        }
    }

    /** The stream; {@code draw} tells which rows of new classes are shown. */
    Scenario scenario(Size size, int draw, long seed) {
        return FewShot.of(
                new FewShot.Config(
                        base,
                        way,
                        Math.min(5, size.rows),
                        sessions,
                        ClassIncremental.Order.NATURAL,
                        draw,
                        size.epochs,
                        64),
                train,
                test,
                Rng.of(seed).child("few-shot"));
    }
}
