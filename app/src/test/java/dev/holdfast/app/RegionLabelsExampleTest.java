package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Progress;
import dev.holdfast.distill.store.LabelAdaptation;
import dev.holdfast.distill.store.RegionDistillation;
import dev.holdfast.distill.store.SoftLabelStore;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The library example of docs/soft-label-stores.md is this code, and it runs. */
class RegionLabelsExampleTest {
    @Test
    void runs(@TempDir Path folder) throws IOException {
        PrintStream out = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
        try (Scope memory = Scope.open()) {
            DataPair data = DataCatalog.open("sample", DataOptions.defaults().withRows(300));
            try (Finetune teacher = new Finetune(
                    Finetune.Config.of(NetConfig.defaults().withAllClassesFromStart()), data.schema(), Rng.of(1))) {
                Loader loader = data.train().batches(Pace.shuffled(5, 16), Rng.of(1));
                while (loader.hasNext()) {
                    try (Scope step = Scope.open()) {
                        Batch b = loader.next();
                        teacher.learn(b);
                    }
                }
                example(data, teacher, folder.resolve("labels.st"));
            }
        } finally {
            System.setOut(out);
        }
        assertThat(said.toString(StandardCharsets.UTF_8)).contains("trivial", "student");
    }

    @Test
    void isTheOneInTheGuide() throws IOException {
        Guides.shows("docs/soft-label-stores.md", RegionLabelsExampleTest.class);
    }

    private static void example(DataPair data, Finetune teacher, Path file) throws IOException {
        // guide
        UnaryOperator<Tensor> asked =
                RegionDistillation.teacher(teacher::predict, data.schema().classes());
        RegionDistillation.requireCompetent(asked, data.train());
        SoftLabelStore store = SoftLabelStore.record(
                data.train(), asked, SoftLabelStore.Config.of(8, 28, 28, 10), Rng.of(1), Progress.NONE);
        store.write(file);

        SoftLabelStore clean = SoftLabelStore.read(file).adapt(LabelAdaptation.defaults(), data.train());
        System.out.println(clean.report(data.train()).text());
        NetConfig small = new NetConfig(BackboneConfig.mlp(Init.KAIMING_UNIFORM, 32), OptimizerConfig.adam(3e-3), true);
        Net student = new Net(small, data.schema(), Rng.of(2));
        RegionDistillation.of(40, 64).run(clean, data.train(), student, Rng.of(3));
        System.out.printf(
                "student %.3f%n",
                RegionDistillation.accuracy(
                        RegionDistillation.teacher(
                                student::predict, data.schema().classes()),
                        data.test()));
        // end of guide
    }
}
