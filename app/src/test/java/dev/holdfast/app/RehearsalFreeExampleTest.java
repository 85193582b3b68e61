package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.learner.regularize.RehearsalFree;
import dev.holdfast.learner.regularize.RehearsalFreeConfig;
import dev.holdfast.learner.regularize.RehearsalFreePlugin;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Joint;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The library example of docs/rehearsal-free.md is this code, and it runs. */
class RehearsalFreeExampleTest {
    @Test
    void runs() {
        PrintStream out = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
        try {
            example();
        } finally {
            System.setOut(out);
        }
        assertThat(said.toString(StandardCharsets.UTF_8)).contains("10 classes");
    }

    @Test
    void isTheOneInTheGuide() throws IOException {
        Guides.shows("docs/rehearsal-free.md", RehearsalFreeExampleTest.class);
    }

    private static void example() {
        // guide
        DataPair data = DataCatalog.open("sample", DataOptions.defaults());
        Scenario elsewhere = Joint.of(Dealing.offline(2, 64), data.train(), data.test());
        Scenario parts = ClassIncremental.of(
                new ClassIncremental.Config(0, 2, ClassIncremental.Order.NATURAL, false, Dealing.offline(1, 64)),
                data.train(),
                data.test(),
                Rng.of(1));
        RehearsalFreeConfig config = new RehearsalFreePlugin().presets().get("pretrained-l2");
        try (Scope memory = Scope.open();
                Finetune pretrained = new Finetune(Finetune.Config.of(config.net()), data.schema(), Rng.of(1));
                RehearsalFree learner = new RehearsalFree(config, data.schema(), Rng.of(2))) {
            new Run(pretrained, elsewhere, List.of(), new MetricLog(), Rng.of(1)).finish();
            learner.startFrom(pretrained.model());
            new Run(learner, parts, List.of(), new MetricLog(), Rng.of(2)).finish();
            System.out.printf("%d classes%n", learner.net().columns().size());
        }
        // end of guide
    }
}
