package dev.holdfast.studies.training;

import dev.holdfast.bilevel.BoRep;
import dev.holdfast.bilevel.BoRepConfig;
import dev.holdfast.bilevel.EpochSgd;
import dev.holdfast.bilevel.HyperRepresentation;
import dev.holdfast.data.synth.SequenceTasks;
import dev.holdfast.nn.small.TanhRnn;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.OptionalDouble;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Upper losses without a bound on their smoothness: one in closed form, and a recurrent encoder. */
final class SteepBeds {
    private static final double[] START = {8, -8, 8};
    private static final double SMALL = 1e-2;

    private SteepBeds() {}

    /** {@code sum 0.3 cosh x + |y*(x) - c|²/2} with {@code y*(x) = A^-1 B x}: the curvature grows like its gradient. */
    record Cosh(double[][] toBest, double[] c) {
        /** {@code A = 0.3 M M' + I/2}, and M, B and c normal. */
        static Cosh of(long seed) {
            try (Scope s = Scope.open()) {
                Rng rng = Rng.of(seed).child("cosh");
                Tensor m = rng.normal(ScalarType.Double, 4, 4);
                Tensor a = m.matmul(m.t()).mul(Tensors.scalar(0.3));
                a.diagonal().add_(Tensors.scalar(0.5));
                Tensor b = rng.normal(ScalarType.Double, 4, 3);
                return new Cosh(
                        Tensors.rows(torch.linalg_solve(a, b)), Tensors.doubles(rng.normal(ScalarType.Double, 4)));
            }
        }

        double[] gradient(double[] x) {
            double[] g = new double[x.length];
            for (int i = 0; i < x.length; i++) {
                g[i] = 0.3 * Math.sinh(x[i]);
            }
            for (int j = 0; j < c.length; j++) {
                double off = -c[j];
                for (int i = 0; i < x.length; i++) {
                    off += toBest[j][i] * x[i];
                }
                for (int i = 0; i < x.length; i++) {
                    g[i] += toBest[j][i] * off;
                }
            }
            return g;
        }

        /** Whether descent with exact hypergradients, its rate falling to 0, ends with a small one. */
        boolean solved(double rate, boolean normalized, int steps) {
            double[] x = START.clone();
            double[] momentum = gradient(x);
            for (int t = 0; t < steps; t++) {
                double[] g = gradient(x);
                for (int i = 0; i < x.length; i++) {
                    momentum[i] = normalized ? 0.9 * momentum[i] + 0.1 * g[i] : g[i];
                }
                double length = normalized ? norm(momentum) : 1;
                double now = rate * (1 - (double) t / steps);
                for (int i = 0; i < x.length && length > 0; i++) {
                    x[i] -= now * momentum[i] / length;
                }
            }
            return norm(gradient(x)) < SMALL;
        }
    }

    private static double norm(double[] v) {
        return Math.sqrt(Arrays.stream(v).map(a -> a * a).sum());
    }

    /** How many of ten rates from 1e-4 to 3, spaced evenly in logs, end well. */
    static long rates(Cosh problem, boolean normalized, int steps) {
        return IntStream.range(0, 10)
                .mapToDouble(i -> 1e-4 * Math.pow(3e4, i / 9.0))
                .filter(r -> problem.solved(r, normalized, steps))
                .count();
    }

    /** Sequence tasks that share an encoder. */
    record Sequences(HyperRepresentation.Tasks train, HyperRepresentation.Tasks fresh, int width) {
        static final SequenceTasks.World WORLD = new SequenceTasks.World(16, 4, 5);

        static Sequences of(int tasks, int freshTasks, int width, long seed) {
            Rng rng = Rng.of(seed).child("sequences");
            return new Sequences(
                    tasks(WORLD.draw(tasks, 20, rng.child("secret"), rng.child("train"))),
                    tasks(WORLD.draw(freshTasks, 20, rng.child("secret"), rng.child("fresh"))),
                    width);
        }

        private static HyperRepresentation.Tasks tasks(SequenceTasks t) {
            return new HyperRepresentation.Tasks(t.support(), t.supportLabels(), t.query(), t.queryLabels(), 2);
        }

        private HyperRepresentation problem(long seed) {
            TanhRnn rnn = TanhRnn.of(WORLD.vocabulary(), width, 2, Rng.of(seed).child("rnn"), ScalarType.Float);
            return new HyperRepresentation(rnn.parameters(), rnn::features, width, train, BATCH, 0.05);
        }

        /** Length of the first hypergradient that a plain method sees. */
        double firstLength(BoRepConfig config) {
            return new BoRep<>(problem(0), config, Rng.of(0)).advance().hypergradientNorm();
        }

        /** Accuracy of heads on fresh tasks after so many calls; empty if the run breaks off. */
        OptionalDouble accuracy(BoRepConfig config, long calls, long seed, BooleanSupplier cancelled) {
            TanhRnn rnn = TanhRnn.of(WORLD.vocabulary(), width, 2, Rng.of(seed).child("rnn"), ScalarType.Float);
            HyperRepresentation p = new HyperRepresentation(rnn.parameters(), rnn::features, width, train, 10, 0.05);
            BoRep<int[]> run = new BoRep<>(p, config, Rng.of(seed).child("run"));
            try {
                while (run.gradients() + run.products() < calls && !cancelled.getAsBoolean()) {
                    run.advance();
                }
            } catch (IllegalStateException e) {
                // a series that grows: there is no encoder to be judged
                return OptionalDouble.empty();
            }
            HyperRepresentation heads = p.on(fresh);
            int[] all =
                    IntStream.range(0, Math.toIntExact(fresh.support().size(0))).toArray();
            new EpochSgd(HEAD_RATE, 200, 1e3, 600).run(heads, k -> all);
            return OptionalDouble.of(heads.accuracy());
        }
    }

    private static final int BATCH = 20;

    /** 0.1 for one head, times the 50 tasks over which the loss is a mean. */
    private static final double HEAD_RATE = 5;
}
