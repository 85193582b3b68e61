package dev.holdfast.benchmarks;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Learner;
import dev.holdfast.registry.Registry;
import dev.holdfast.run.Threads;
import dev.holdfast.scenario.Experience;
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
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * One {@code learn} of each registered learner, with its default settings, on 32 grey images of 8 x 8: the updates of
 * the second of two parts, when anchors, teachers and memories are at work. Learners that learn only at the end of a
 * part show what it costs them to take rows in.
 *
 * <p>Every iteration is 50 updates of a fresh learner, so that those that keep all rows do not grow without end. Which
 * learners there are is asked of the registry by {@link Benchmarks}.
 */
@State(org.openjdk.jmh.annotations.Scope.Thread)
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 15)
@Measurement(iterations = 25)
public class LearnerBenchmark {
    private static final int UPDATES = 50;
    private static final Schema SCHEMA = Schema.images(1, 8, 8, ClassIndex.numbered(10));

    @Param({})
    public String learner;

    private Experience first;
    private Experience second;
    private List<Batch> batches;
    private Learner subject;

    /** The two parts, once. */
    @Setup
    public void prepare() {
        Threads.set(1);
        Rng rng = Rng.of(3);
        first = SmallStream.part(0, 10, SCHEMA, new int[] {0, 1, 2, 3, 4}, rng);
        second = SmallStream.part(1, UPDATES, SCHEMA, new int[] {5, 6, 7, 8, 9}, rng);
        batches = SmallStream.batches(second, rng.child("order"));
    }

    /** A fresh learner that has the first part behind it. */
    @Setup(Level.Iteration)
    public void begin() {
        subject = SmallStream.fresh(Registry.load().learner(learner), SCHEMA, 5);
        SmallStream.learn(subject, first, Rng.of(4));
        try (Scope s = Scope.open()) {
            subject.begin(second);
        }
    }

    @TearDown(Level.Iteration)
    public void end() {
        subject.close();
    }

    @Benchmark
    @OperationsPerInvocation(UPDATES)
    public double learn() {
        double sum = 0;
        for (Batch b : batches) {
            try (Scope s = Scope.open()) {
                sum += subject.learn(b).loss();
            }
        }
        return sum;
    }
}
