package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.data.WithTruth;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.corrupt.LabelNoise;
import dev.holdfast.data.corrupt.NoiseTruth;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.SampleEstimates.Suspect;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.learner.noisy.Elr;
import dev.holdfast.run.MetricLog;
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

/** The library example of docs/noisy-labels.md is this code, and it runs. */
class NoisyLabelsExampleTest {
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
        assertThat(said.toString(StandardCharsets.UTF_8))
                .contains("symmetric 0.4")
                .contains("labels are wrong")
                .containsPattern("\\d{2,} suspects; row \\d+ says \\d, probably \\d");
    }

    @Test
    void isTheOneInTheGuide() throws IOException {
        Guides.shows("docs/noisy-labels.md", NoisyLabelsExampleTest.class);
    }

    private static void example() {
        // guide
        DataPair data = DataCatalog.open("sample", DataOptions.defaults());
        WithTruth<NoiseTruth> noisy = LabelNoise.symmetric(0.4).apply(data.train(), Rng.of(1));
        Scenario once = Joint.of(Dealing.offline(15, 64), noisy.data(), data.test());
        try (Scope memory = Scope.open();
                Finetune learner = new Elr.Plugin().create(new Elr.Plugin().defaults(), once.schema(), Rng.of(1))) {
            new Run(learner, once, List.of(), new MetricLog(), Rng.of(1)).finish();
            List<Suspect> suspects = learner.sampleEstimates().orElseThrow().suspects(noisy.data(), 0.3);
            Suspect first = suspects.get(0);
            System.out.printf("%s%n", noisy.truth());
            System.out.printf(
                    "%d suspects; row %d says %d, probably %d%n",
                    suspects.size(), first.id(), first.given(), first.suggested());
        }
        // end of guide
    }
}
