package dev.holdfast.optim;

import dev.holdfast.nn.small.BigramTable;
import dev.holdfast.nn.small.RiverValley;
import dev.holdfast.optim.schedule.CyclicCosine;
import dev.holdfast.optim.schedule.StableDecay;
import dev.holdfast.optim.schedule.StableDecay.Shape;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.LinearAlgebra;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(NativeMemory.class)
class StableDecayGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("16-wsd-s");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "wsd" ->
                    c.assertOutput(
                            "lr",
                            rates(
                                    c,
                                    StableDecay.once(
                                            c.integer("warmup"),
                                            c.integer("total"),
                                            c.integer("decay_steps"),
                                            c.number("min") / c.number("peak"),
                                            shape(c)),
                                    c.integer("total")));
                case "wsd-s-rewarm" -> c.assertOutput("lr", rates(c, segments(c, c.integer("rewarmup")), last(c)));
                case "cyclic-cosine" ->
                    c.assertOutput(
                            "lr",
                            rates(
                                    c,
                                    new CyclicCosine(
                                            c.integer("warmup"), longs(c, "ends"), c.number("min") / c.number("peak")),
                                    last(c)));
                case "wsd-branches-trunk-constant-after-warm-up" -> {
                    StableDecay d = segments(c, 0);
                    c.assertOutput(
                            "branches",
                            d.branches().stream()
                                    .map(b -> Map.of(
                                            "branch_from_step",
                                            b.from(),
                                            "lr",
                                            b.factors().stream()
                                                    .map(f -> f * c.number("peak"))
                                                    .toList()))
                                    .toList());
                    c.assertOutput("total_updates", d.branchedUpdates());
                }
                case "quadratic-valley-exact-moments" -> valley(c);
                case "curved-river-valley-sgd-given-noise" -> river(c);
                case "bigram-table" -> bigram(c);
                default -> c.failOnKind();
            }
        }
        c.assertAllCompared();
    }

    private static Shape shape(GoldenCase c) {
        return Shape.valueOf(c.text("decay").toUpperCase(Locale.ROOT));
    }

    private static List<Long> longs(GoldenCase c, String input) {
        return Arrays.stream(c.ints(input)).mapToObj(i -> (long) i).toList();
    }

    private static int last(GoldenCase c) {
        int[] ends = c.ints("ends");
        return ends[ends.length - 1];
    }

    private static StableDecay segments(GoldenCase c, long rewarm) {
        return new StableDecay(
                c.integer("warmup"),
                longs(c, "ends"),
                longs(c, "decay_steps"),
                c.number("min") / c.number("peak"),
                shape(c),
                rewarm);
    }

    private static double[] rates(GoldenCase c, Schedule s, int n) {
        return LongStream.range(0, n)
                .mapToDouble(t -> c.number("peak") * s.at(t))
                .toArray();
    }

    private static void valley(GoldenCase c) {
        RiverValley v = new RiverValley(c.number("curvature"), c.number("river_slope"), 0, 1);
        double noise = c.number("noise_std");
        double stationary = v.stationaryVariance(c.number("eta"), noise);
        c.assertOutput("stationary_variance", stationary);
        c.assertOutput("stationary_hill_loss", v.curvature() / 2 * stationary);
        List<Double> rates = new ArrayList<>();
        List<Double> variances = new ArrayList<>(List.of(stationary));
        double now = stationary;
        for (int t = 0; t < c.expected("greedy_optimal_eta").size(); t++) {
            double rate = v.greedyRate(now, noise);
            now = v.nextVariance(now, rate, noise);
            rates.add(rate);
            variances.add(now);
        }
        c.assertOutput("greedy_optimal_eta", rates);
        c.assertOutput("greedy_variance", variances);
        double[] schedule = c.vector("schedule");
        double variance = c.number("variance0");
        double[] hills = new double[schedule.length];
        for (int t = 0; t < hills.length; t++) {
            variance = v.nextVariance(variance, schedule[t], noise);
            hills[t] = v.curvature() / 2 * variance;
        }
        c.assertOutput("expected_hill_loss_along_schedule", hills);
        c.assertOutput("river_progress", v.slope() * Arrays.stream(schedule).sum());
    }

    private static void river(GoldenCase c) {
        RiverValley v =
                new RiverValley(c.number("curvature"), c.number("slope"), c.number("amplitude"), c.number("frequency"));
        double[] at = c.vector("start");
        double[][] noise = c.matrix("noise");
        double[] lr = c.vector("lr");
        List<Object> path = new ArrayList<>();
        for (int t = 0; t < lr.length; t++) {
            at = v.step(at[0], at[1], lr[t], noise[t][0], noise[t][1]);
            path.add(List.of(at[0], at[1], v.loss(at[0], at[1])));
        }
        c.assertOutput("x_y_loss_after_each_step", path);
    }

    private static void bigram(GoldenCase c) {
        BigramTable b = new BigramTable(c.tensor("row_weights"), c.tensor("next_token"));
        Tensor z = c.tensor("logits");
        c.assertOutput("loss", b.loss(z));
        c.assertOutput("row_losses", b.rowLosses(z));
        c.assertOutput("row_entropies", b.rowEntropies());
        c.assertOutput("excess", b.excess(z));
        c.assertOutput("grad", b.gradient(z));
        Tensor h = b.rowHessians(z);
        c.assertOutput(
                "row_hessian_eigenvalues",
                IntStream.range(0, (int) h.size(0))
                        .mapToObj(
                                i -> LinearAlgebra.eigh(h.select(0, i)).values().flip(0))
                        .toList());
        // at the best logits the softmax is the row of chances itself
        Tensor best = b.next().add(Tensors.scalar(1e-300)).log();
        Tensor sharp = b.rowHessians(best);
        c.assertOutput(
                "row_sharpness_at_optimum",
                IntStream.range(0, (int) h.size(0))
                        .mapToObj(i -> Tensors.item(
                                LinearAlgebra.eigh(sharp.select(0, i)).values().max()))
                        .toList());
        List<Double> losses = new ArrayList<>();
        double[] lr = c.vector("lr");
        double[][] pairs = c.matrix("sampled_pairs");
        for (int t = 0; t < lr.length; t++) {
            z = BigramTable.seen(z, (int) pairs[t][0], (int) pairs[t][1], lr[t]);
            losses.add(b.loss(z));
        }
        c.assertOutput("loss_after_each_sgd_step", losses);
        c.assertOutput("final_logits", z);
    }
}
