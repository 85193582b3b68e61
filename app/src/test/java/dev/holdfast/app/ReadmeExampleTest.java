package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.evaluate.Run;
import dev.holdfast.evaluate.TaskEvaluator;
import dev.holdfast.evaluate.metric.Retention;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.analytic.GAcil;
import dev.holdfast.run.MetricLog;
import dev.holdfast.run.Probe;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** README's library example is this code, and it runs. */
class ReadmeExampleTest {
    @Test
    void runs() {
        assertThat(Arrays.stream(example()).boxed().toList()).hasSize(5).allSatisfy(a -> assertThat(a)
                .isBetween(0.8, 1.0));
    }

    @Test
    void isTheOneInReadme() throws IOException {
        Guides.shows("README.md", ReadmeExampleTest.class);
    }

    private static double[] example() {
        // guide
        DataPair data = DataCatalog.open("sample", DataOptions.defaults());
        var parts = new ClassIncremental.Config(2, 2, ClassIncremental.Order.SEEDED, false, Dealing.offline(1, 16));
        Scenario stream = ClassIncremental.of(parts, data.train(), data.test(), Rng.of(1));
        try (Scope memory = Scope.open();
                Learner learner = GAcil.create(new GAcil.Plugin().defaults(), stream.schema(), Rng.of(1))) {
            var probes = List.<Probe<Learner>>of(new TaskEvaluator(stream));
            Run run = new Run(learner, stream, probes, new MetricLog(), Rng.of(1)).finish();
            double[][] square = run.log().square(TaskEvaluator.ACCURACY);
            return Retention.of(square, null).averageAccuracy();
        }
        // end of guide
    }
}
