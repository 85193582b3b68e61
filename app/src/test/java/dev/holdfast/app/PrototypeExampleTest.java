package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.evaluate.Run;
import dev.holdfast.evaluate.attack.L2Attack;
import dev.holdfast.evaluate.attack.RobustAccuracy;
import dev.holdfast.learner.prototype.ComponentLearner;
import dev.holdfast.nn.prototype.Certifiable;
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

/** The library example of docs/prototype-networks.md is this code, and it runs. */
class PrototypeExampleTest {
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
                .containsPattern("right 0\\.\\d\\d, proven within 1: 0\\.\\d\\d");
    }

    @Test
    void isTheOneInTheGuide() throws IOException {
        Guides.shows("docs/prototype-networks.md", PrototypeExampleTest.class);
    }

    private static void example() {
        // guide
        DataPair data = DataCatalog.open("sample", DataOptions.defaults());
        Scenario once = Joint.of(Dealing.offline(5, 64), data.train(), data.test());
        ComponentLearner.Plugin plugin = new ComponentLearner.Plugin();
        try (Scope memory = Scope.open();
                ComponentLearner learner = plugin.create(plugin.defaults(), once.schema(), Rng.of(1))) {
            new Run(learner, once, List.of(), new MetricLog(), Rng.of(1)).finish();
            Certifiable model = (Certifiable) learner.model();
            RobustAccuracy a =
                    RobustAccuracy.of(model, data.test(), new double[] {0.25, 1}, L2Attack.defaults(), 50, Rng.of(1));
            System.out.printf(
                    "right %.2f, proven within 1: %.2f%n",
                    a.clean(), a.certified().get(1.0));
        }
        // end of guide
    }
}
