package dev.holdfast.studies;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.source.Splits;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.analytic.FeatureTranslation;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Joint;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Rows as a network (for images a ConvNet 16-32-64) sees them that was trained once, on the first few classes, and never
 * again: 64 numbers a row, the same for every method of a study.
 *
 * @param train features of all classes, classes numbered in the drawn order
 * @param test as {@code train}
 * @param epochSeconds seconds that one pass of the extractor's training took
 */
record FrozenFeatures(MemoryDataset train, MemoryDataset test, double epochSeconds) {
    private static final int CHUNK = 500;
    private static final BackboneConfig CONV =
            new BackboneConfig(BackboneConfig.Kind.CONVNET, List.of(16, 32, 64), Init.KAIMING_UNIFORM);

    /**
     * Draws an order of the classes, trains the ConvNet on the first of them, and looks at all rows through it.
     *
     * @param known classes that the extractor is trained on
     * @param trainPerClass rows a class
     * @param testPerClass rows a class
     */
    static FrozenFeatures of(
            List<DataPair> sets, int known, int trainPerClass, int testPerClass, int epochs, long seed) {
        return of(sets, CONV, known, trainPerClass, testPerClass, epochs, seed);
    }

    /** The same with another network. */
    static FrozenFeatures of(
            List<DataPair> sets,
            BackboneConfig extractor,
            int known,
            int trainPerClass,
            int testPerClass,
            int epochs,
            long seed) {
        Rng rng = Rng.of(seed).child("features");
        List<Dataset> train = sets.stream()
                .map(p -> few(p.train(), trainPerClass, rng.child("train")))
                .toList();
        List<Dataset> test = sets.stream()
                .map(p -> few(p.test(), testPerClass, rng.child("test")))
                .toList();
        List<String> names = sets.stream()
                .flatMap(p -> p.train().schema().classes().columns().stream()
                        .map(c -> sets.size() == 1 ? c.name() : p.name() + " " + c.name()))
                .toList();
        int[] order = rng.child("order").permutation(names.size());
        try (Scope s = Scope.open()) {
            MemoryDataset images = united(train, names, order);
            MemoryDataset shown = united(test, names, order);
            long[] ids = images.classIds();
            Dataset first = images.subset(
                    IntStream.range(0, ids.length).filter(i -> ids[i] < known).toArray());
            NetConfig net = new NetConfig(extractor, OptimizerConfig.adam(1e-3), false);
            try (Finetune learner = new Finetune(Finetune.Config.of(net), images.schema(), rng.child("extractor"))) {
                Run run = new Run(
                                learner,
                                Joint.of(Dealing.offline(epochs, 32), first, first),
                                List.of(),
                                new MetricLog(),
                                rng.child("run"))
                        .finish();
                FrozenFeatures f = new FrozenFeatures(
                        seen(images, learner.model()), seen(shown, learner.model()), run.learnSeconds() / epochs);
                images.close();
                shown.close();
                return f;
            }
        }
    }

    static Dataset few(Dataset d, int perClass, Rng rng) {
        int classes = d.schema().classes().size();
        return d.subset(Splits.sample(d.classIds(), (long) perClass * classes, rng));
    }

    /** All sets in one, with classes renumbered: class {@code order[k]} of them all becomes class k. */
    static MemoryDataset united(List<Dataset> sets, List<String> names, int[] order) {
        int[] place = new int[order.length];
        for (int k = 0; k < order.length; k++) {
            place[order[k]] = k;
        }
        List<Tensor> x = new ArrayList<>();
        List<Long> ids = new ArrayList<>();
        int before = 0;
        for (Dataset d : sets) {
            Batch all = d.rows(IntStream.range(0, (int) d.size()).toArray());
            x.add(all.inputs().x());
            for (long id : all.classIds()) {
                ids.add((long) place[before + (int) id]);
            }
            before += d.schema().classes().size();
        }
        List<Long> shape = sets.get(0).schema().inputs().get(0).shape();
        ClassIndex classes =
                ClassIndex.named(IntStream.of(order).mapToObj(names::get).toList());
        return MemoryDataset.of(
                shape.size() == 1
                        ? Schema.vectors(shape.get(0), classes)
                        : Schema.images(shape.get(0), shape.get(1), shape.get(2), classes),
                Inputs.of(Tensors.cat(0, x.toArray(new Tensor[0]))),
                new Target.ClassIds(
                        Tensors.of(ids.stream().mapToLong(Long::longValue).toArray(), ids.size())));
    }

    /** All rows through a network that stands still. */
    static MemoryDataset seen(Dataset images, Model model) {
        List<Tensor> rows = new ArrayList<>();
        int n = (int) images.size();
        for (int from = 0; from < n; from += CHUNK) {
            try (Scope s = Scope.open();
                    var mode = Autograd.noGrad()) {
                Batch b = images.rows(
                        IntStream.range(from, Math.min(n, from + CHUNK)).toArray());
                rows.add(s.keep(model.features(b.inputs(), Pass.eval())));
            }
        }
        Tensor all = Tensors.cat(0, rows.toArray(new Tensor[0]));
        return MemoryDataset.of(
                Schema.vectors(all.size(1), images.schema().classes()),
                Inputs.of(all),
                new Target.ClassIds(Tensors.of(images.classIds(), n)));
    }

    /** The same features, a stratified share of the training rows held back as test rows. */
    FrozenFeatures heldBack(double share, Rng rng) {
        Splits.Split s = Splits.stratified(train.classIds(), share, rng);
        return new FrozenFeatures(train.subset(s.train()), train.subset(s.test()), epochSeconds);
    }

    /** The same rows divided by their norms. */
    FrozenFeatures normalised() {
        return new FrozenFeatures(normalised(train), normalised(test), epochSeconds);
    }

    private static MemoryDataset normalised(MemoryDataset d) {
        try (Scope s = Scope.open()) {
            Tensor x = d.rows(IntStream.range(0, (int) d.size()).toArray())
                    .inputs()
                    .x();
            return MemoryDataset.of(
                    d.schema(),
                    Inputs.of(FeatureTranslation.normalise(x)),
                    new Target.ClassIds(Tensors.copy(((Target.ClassIds) d.target()).ids())));
        }
    }

    void close() {
        train.close();
        test.close();
    }
}
