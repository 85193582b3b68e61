package dev.holdfast.benchmarks;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Target;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.run.Threads;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Safetensors;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.bytedeco.javacpp.Loader;

/**
 * One side of a comparison: trains when told to on standard input, so that a driver can let two processes run in turns.
 * Commands, one a line, and their answers:
 *
 * <pre>
 * case WORKLOAD OPTIMIZER THREADS FILE   writes initial weights and batches to FILE, says "ready"
 * losses K                               the losses of the first K steps from the initial weights
 * run WARM N                             median and mean nanoseconds of N steps after WARM untimed ones
 * version                                the tensor library
 * quit
 * </pre>
 */
public final class StepWorker {
    private static final int BATCHES = 8;

    private List<Batch> batches = List.of();
    private Workload workload;
    private Optimizers optimizer;

    private StepWorker() {}

    public static void main(String[] args) throws IOException {
        Turns.serve(new StepWorker()::answer);
    }

    private String answer(String[] words) {
        return switch (words[0]) {
            case "case" -> choose(words);
            case "losses" -> losses(Integer.parseInt(words[1]));
            case "run" -> run(Integer.parseInt(words[1]), Integer.parseInt(words[2]));
            case "version" -> version();
            default -> throw new IllegalArgumentException("Unknown command '" + words[0] + "'.");
        };
    }

    private String choose(String[] words) {
        workload = Workload.valueOf(words[1].toUpperCase(Locale.ROOT));
        optimizer = Optimizers.valueOf(words[2].toUpperCase(Locale.ROOT));
        Threads.set(Integer.parseInt(words[3]));
        batches = workload.batches(BATCHES, Rng.of(7).child("batches"));
        try (Scope s = Scope.open();
                NetLearner learner = fresh()) {
            State state = new State().put("model", learner.model());
            for (int i = 0; i < BATCHES; i++) {
                state.put("x." + i, batches.get(i).inputs().x());
                if (workload == Workload.HYPER) {
                    state.put("gamma." + i, batches.get(i).inputs().tensor(Workload.CONDITION));
                }
                state.put("y." + i, ((Target.ClassIds) batches.get(i).target()).ids());
            }
            Safetensors.write(Path.of(words[4]), state);
            return "ready";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private NetLearner fresh() {
        return workload.learner(optimizer.config(), Rng.of(1));
    }

    private String losses(int k) {
        List<String> losses = new ArrayList<>();
        try (NetLearner learner = fresh()) {
            for (int i = 0; i < k; i++) {
                losses.add(Double.toString(step(learner, i)));
            }
        }
        return String.join(" ", losses);
    }

    private String run(int warm, int n) {
        long[] nanos = new long[n];
        try (NetLearner learner = fresh()) {
            for (int i = 0; i < warm; i++) {
                step(learner, i);
            }
            for (int i = 0; i < n; i++) {
                long start = System.nanoTime();
                step(learner, warm + i);
                nanos[i] = System.nanoTime() - start;
            }
        }
        double mean = Arrays.stream(nanos).average().orElseThrow();
        Arrays.sort(nanos);
        return nanos[n / 2] + " " + Math.round(mean);
    }

    private double step(NetLearner learner, int i) {
        try (Scope s = Scope.open()) {
            return learner.learn(batches.get(i % BATCHES)).loss();
        }
    }

    private static String version() {
        try {
            return "libtorch " + Loader.getVersion("org.bytedeco", "pytorch") + ", Java "
                    + System.getProperty("java.version");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
