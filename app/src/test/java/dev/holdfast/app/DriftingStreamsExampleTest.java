package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.evaluate.Prequential;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.prototype.Csfa;
import dev.holdfast.learner.prototype.CsfaPlugin;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Gilcd;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The library example of docs/drifting-streams.md is this code, and it runs. */
class DriftingStreamsExampleTest {
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
        assertThat(said.toString(StandardCharsets.UTF_8)).containsPattern("accuracy 0\\.[3-9]\\d over \\d{4} rows");
    }

    @Test
    void isTheOneInTheGuide() throws IOException {
        Guides.shows("docs/drifting-streams.md", DriftingStreamsExampleTest.class);
    }

    private static void example() {
        // guide
        DataPair data = DataCatalog.open("sample", DataOptions.defaults());
        Scenario stream = Gilcd.of(Gilcd.Config.images(Dealing.offline(3, 16)), data.train(), data.test(), Rng.of(1));
        CsfaPlugin.Whole plugin = new CsfaPlugin.Whole();
        try (Scope memory = Scope.open();
                Csfa learner = plugin.create(plugin.defaults(), stream.schema(), Rng.of(1))) {
            Run run = new Run(learner, stream, List.of(), new MetricLog(), Rng.of(1)).finish();
            Prequential scores = run.prequential().orElseThrow();
            System.out.printf("accuracy %.2f over %d rows%n", scores.headline().value(), scores.rows());
        }
        // end of guide
    }
}
