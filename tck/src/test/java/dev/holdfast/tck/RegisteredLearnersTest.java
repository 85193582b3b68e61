package dev.holdfast.tck;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Plugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** Every learner that the registry knows keeps the contract. */
class RegisteredLearnersTest {
    @TestFactory
    Stream<DynamicTest> keepTheContract() {
        return Registry.load().learners().stream().flatMap(RegisteredLearnersTest::tests);
    }

    private static Stream<DynamicTest> tests(LearnerPlugin<?> plugin) {
        return switch (plugin.name()) {
            case "conditional" ->
                LearnerContract.of(plugin)
                        .over("vectors with a condition", conditioned("train"), conditioned("test"))
                        .tests();
            // a transformer of the default size takes long and shows no more
            case "l2p" -> with("l2p", "width", "16", "depth", "1", "heads", "2", "pretrainEpochs", "1");
            // it trains anew at every end of a part: few passes keep the rest of the contract quick
            case "gdumb" -> configured(plugin, "passes", "4");
            default -> LearnerContract.of(plugin).tests();
        };
    }

    /** Small clouds, each row with a number from which weights are generated. */
    private static MemoryDataset conditioned(String part) {
        MemoryDataset clouds = Clouds.of(4, 10, 6, 3, part);
        try (Scope s = Scope.open()) {
            Batch all = clouds.rows(IntStream.range(0, (int) clouds.size()).toArray());
            Schema plain = clouds.schema();
            Schema.Field gamma = new Schema.Field("gamma", Schema.Field.Kind.CONDITION, List.of(1L), 0);
            return MemoryDataset.of(
                    new Schema(List.of(plain.inputs().get(0), gamma), plain.target(), plain.classes(), plain.tree()),
                    Inputs.of(Map.of(
                            "x",
                            Tensors.copy(all.inputs().x()),
                            "gamma",
                            Rng.of(5).child(part).uniform(all.size(), 1))),
                    new Target.ClassIds(Tensors.copy(((Target.ClassIds) all.target()).ids())));
        }
    }

    /** Configurations with which learners take other paths than with their defaults. */
    @TestFactory
    Stream<DynamicTest> keepTheContractWithOtherSettings() {
        return Stream.of(
                        with("er", "store", "class_balanced"),
                        with("er", "store", "ring"),
                        with(
                                "er",
                                "store",
                                "class_balanced",
                                "mix",
                                "two_means",
                                "fill",
                                "part_end",
                                "replayBatch",
                                "0"),
                        with("er", "store", "herding", "fill", "part_end"),
                        with("er-ace", "start", "second_part", "net.allClassesFromStart", "true"),
                        with("fdr", "turns", "together", "net.allClassesFromStart", "false"),
                        with("icarl", "replayBatch", "0", "net.allClassesFromStart", "true"),
                        with("gdumb", "every", "3", "passes", "2", "capacity", "20"),
                        with("lwf", "over", "sliced", "freeFirstStep", "true"),
                        with("ewc", "anchor.importance", "fisher_per_batch", "anchor.accumulate", "average"),
                        with("ewc", "anchor.accumulate", "separate"),
                        with("gacil", "buffer", "30", "form", "gram", "bias", "true"),
                        with("gacil", "buffer", "0", "features.extractor", "first_part"),
                        with("gacil", "buffer", "30", "expansion", "gaussian"),
                        with("gacil", "buffer", "30", "exposedUpdate", "false"),
                        with("slda", "lda.covariance", "streaming"),
                        with("fetril", "selector", "herding", "features.extractor", "first_part"),
                        with("fetril", "classifier", "fc", "fc.epochs", "3"),
                        with("fetril", "classifier", "fc", "warmStart", "false", "selector", "random"),
                        with("deesil", "features.extractor", "inputs"),
                        with("ihomer", "clusters.nMin", "16", "clusters.delta", "0.5", "replay", "20"),
                        with("ihomer", "clusters.nMin", "16", "grouping", "RANDOM", "warmStart", "RESET"),
                        with("mlhat", "leaf", "BAGGING", "grace", "20", "delta", "0.3", "tie", "0.9"),
                        with("binary-relevance", "base", "LOGISTIC"),
                        with("component-net", "method", "classic", "objective", "margin", "tangentRank", "2"),
                        with("component-net", "method", "lvq", "tangentRank", "1", "net.allClassesFromStart", "true"),
                        with("component-net", "net.backbone.kind", "mlp", "objective", "margin"),
                        with("finetune", "net.allClassesFromStart", "true"),
                        with("finetune", "loss.kind", "gce"),
                        with("finetune", "loss.kind", "aldr-kl"),
                        with(
                                "fscil-bag",
                                "contrast.form",
                                "queue",
                                "contrast.queue",
                                "20",
                                "contrast.width",
                                "8",
                                "assigned.use",
                                "dot_regression",
                                "assigned.lengthCorrection",
                                "true",
                                "classifier",
                                "blend",
                                "tuning.score",
                                "fisher",
                                "tuning.epochs",
                                "2"),
                        with(
                                "fscil-bag",
                                "net.backbone.widths",
                                "8,8",
                                "net.backbone.norm",
                                "BATCH",
                                "assigned.projection",
                                "32",
                                "tuning.score",
                                "learned",
                                "pretraining.on",
                                "false",
                                "tuning.epochs",
                                "2"),
                        with(
                                "csfa",
                                "refreshPrototypes",
                                "true",
                                "labelledSteps",
                                "true",
                                "adapt.filter",
                                "0",
                                "adapt.rate",
                                "0.1"),
                        with(
                                "csfa",
                                "net.backbone.norm",
                                "BATCH",
                                "adapt.batchStatistics",
                                "true",
                                "adapt.recovery",
                                "0.9"),
                        with("elr-plus", "predictWith", "averages", "turns", "batch"),
                        with("elr-plus", "twoNetworks", "false", "weightAverage", "false", "mixup", "0"),
                        with("gpm", "competing", "all", "net.backbone.kind", "convnet", "net.backbone.norm", "batch"),
                        with("packnet", "net.backbone.kind", "convnet", "net.backbone.norm", "batch"),
                        with("hat", "net.backbone.kind", "convnet"),
                        with("comic", "variant", "released"),
                        with("comic", "balance", "false", "corrector.mean", "running", "corrector.from", "0"),
                        with("finetune", "loss.kind", "asl"),
                        with("finetune", "loss.kind", "multi-focal"),
                        with("den-lite", "patience", "2", "lossBound", "0", "driftBound", "0.01"))
                .flatMap(t -> t);
    }

    private static Stream<DynamicTest> with(String learner, String... settings) {
        return configured(Registry.load().learner(learner), settings);
    }

    private static <C extends Record> Stream<DynamicTest> configured(LearnerPlugin<C> plugin, String... settings) {
        Map<String, String> m = new LinkedHashMap<>();
        for (int i = 0; i < settings.length; i += 2) {
            m.put(settings[i], settings[i + 1]);
        }
        return LearnerContract.of(plugin, ConfigBinder.set(plugin.defaults(), m))
                .tests();
    }

    @Test
    void everyConfigurationBindsAndExplainsItself() {
        Registry.load().learners().forEach(RegisteredLearnersTest::binds);
    }

    private static <C extends Record> void binds(LearnerPlugin<C> p) {
        C d = p.defaults();
        assertThat(ConfigBinder.fromJson(d, ConfigBinder.json(d))).as(p.name()).isEqualTo(d);
        assertThat(p.summary()).as(p.name()).isNotBlank();
        for (Plugin.Axis axis : p.space()) {
            for (Object value : axis.values()) {
                assertThat(ConfigBinder.set(d, Map.of(axis.component(), value.toString())))
                        .as(p.name() + " " + axis)
                        .isNotNull();
            }
        }
    }

    @Test
    void noneIsForgotten() {
        assertThat(Registry.load().learners()).extracting(LearnerPlugin::name).hasSizeGreaterThanOrEqualTo(28);
    }
}
