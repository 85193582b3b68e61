package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.data.Batch;
import dev.holdfast.data.WithTruth;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.corrupt.ChanceNoise;
import dev.holdfast.data.corrupt.NoiseTruth;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.evaluate.Run;
import dev.holdfast.evaluate.metric.TopK;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.loss.robust.LdrKl;
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
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The library example of docs/robust-losses.md is this code, and it runs. */
class RobustLossExampleTest {
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
        assertThat(said.toString(StandardCharsets.UTF_8)).contains("top-5");
    }

    @Test
    void isTheOneInTheGuide() throws IOException {
        Guides.shows("docs/robust-losses.md", RobustLossExampleTest.class);
    }

    private static void example() {
        // guide
        DataPair data = DataCatalog.open("sample", DataOptions.defaults());
        WithTruth<NoiseTruth> noisy = ChanceNoise.uniform(0.4).apply(data.train(), Rng.of(1));
        Scenario once = Joint.of(Dealing.offline(5, 64), noisy.data(), data.test());
        Finetune.Config config = new Finetune.Config(NetConfig.defaults(), new LdrKl.Config(10));
        try (Scope memory = Scope.open();
                Finetune learner = new Finetune(config, once.schema(), Rng.of(1))) {
            new Run(learner, once, List.of(), new MetricLog(), Rng.of(1)).finish();
            Batch test = data.test().rows(IntStream.range(0, 1000).toArray());
            TopK top = TopK.of(learner.predict(test.inputs()), test.classIds());
            System.out.printf("top-1 %.2f, top-5 %.2f%n", top.accuracy(1), top.accuracy(5));
        }
        // end of guide
    }
}
