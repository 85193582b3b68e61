package dev.holdfast.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.registry.Registry;
import java.util.Collection;
import org.junit.jupiter.api.Test;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import org.openjdk.jmh.runner.options.VerboseMode;

/** Every benchmark runs; how long it takes is not asserted. */
class BenchmarksTest {
    @Test
    void aStepOfEveryBackbone() throws RunnerException {
        assertThat(once(StepBenchmark.class, new OptionsBuilder().param("optimizer", "ADAM")))
                .hasSize(Workload.values().length);
    }

    @Test
    void anUpdateOfEveryLearner() throws RunnerException {
        String[] learners = Benchmarks.learners();
        assertThat(learners).contains("finetune", "er", "gacil");
        assertThat(once(LearnerBenchmark.class, new OptionsBuilder().param("learner", learners)))
                .hasSize(learners.length);
    }

    @Test
    void theCostOfALateTask() {
        FlatCost.Row row = FlatCost.measure(Registry.load().learner("finetune"), 3, 1);
        assertThat(row.early()).isPositive();
        assertThat(row.ratio()).isEqualTo(row.late() / row.early());
    }

    private static Collection<RunResult> once(Class<?> benchmark, ChainedOptionsBuilder options)
            throws RunnerException {
        return new Runner(options.include(benchmark.getName())
                        .forks(0)
                        .warmupIterations(0)
                        .measurementIterations(1)
                        .measurementTime(TimeValue.milliseconds(1))
                        .shouldFailOnError(true)
                        .verbosity(VerboseMode.SILENT)
                        .build())
                .run();
    }
}
