package dev.holdfast.benchmarks;

import dev.holdfast.data.Batch;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.run.Threads;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One training step of each backbone, as a learner takes it: rows checked, forward, loss, gradient, update, report. Every
 * iteration begins at the same initial weights.
 */
@State(org.openjdk.jmh.annotations.Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
public class StepBenchmark {
    @Param({"MLP", "CONVNET", "VIT", "RESNET", "ELR", "HYPER"})
    public Workload workload;

    @Param({"SGD", "ADAM"})
    public Optimizers optimizer;

    @Param({"1"})
    public int threads;

    private List<Batch> batches;
    private NetLearner learner;
    private int next;

    /** Batches, once. */
    @Setup
    public void prepare() {
        Threads.set(threads);
        batches = workload.batches(8, Rng.of(7));
    }

    /** A fresh network. */
    @Setup(Level.Iteration)
    public void begin() {
        learner = workload.learner(optimizer.config(), Rng.of(1));
        next = 0;
    }

    @TearDown(Level.Iteration)
    public void end() {
        learner.close();
    }

    @Benchmark
    public double step() {
        try (Scope s = Scope.open()) {
            return learner.learn(batches.get(next++ % batches.size())).loss();
        }
    }
}
