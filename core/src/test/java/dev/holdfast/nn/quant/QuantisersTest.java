package dev.holdfast.nn.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import dev.holdfast.testing.NativeTry;
import java.util.Arrays;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Rounding to few bits, against every level one by one. */
@ExtendWith(NativeMemory.class)
@AddLifecycleHook(NativeTry.class)
class QuantisersTest {
    @Provide
    Arbitrary<Grid> grids() {
        return Arbitraries.of(Grid.values()).filter(g -> g != Grid.FULL);
    }

    /** The levels >= 0 of a grid, as fractions of the largest. */
    private static double[] levels(Grid g) {
        return switch (g) {
            case FP4_E2M1 ->
                DoubleStream.of(0, 0.5, 1, 1.5, 2, 3, 4, 6).map(l -> l / 6).toArray();
            case FP4_AUTHORS -> DoubleStream.of(0, 1, 2, 3, 4).map(l -> l / 4).toArray();
            case FP4_E1M2 ->
                IntStream.rangeClosed(0, 7).mapToDouble(k -> k / 7.0).toArray();
            default -> {
                int top = (1 << (g.bits() - 1)) - 1;
                yield IntStream.rangeClosed(0, top)
                        .mapToDouble(k -> k / (double) top)
                        .toArray();
            }
        };
    }

    private static Tensor numbers(int seed, double scale, ScalarType type, long... shape) {
        // cubes have heavy tails, as activations do
        return Rng.of(seed).normal(type, shape).pow(Tensors.scalar(3)).mul(Tensors.scalar(scale));
    }

    @Property(tries = 60)
    void everyEntryGoesToItsNearestLevelAndOutliersStay(
            @ForAll("grids") Grid grid,
            @ForAll @IntRange(min = 1, max = 9) int width,
            @ForAll @IntRange(min = 1, max = 5) int group,
            @ForAll @IntRange(min = 0, max = 4) int kept,
            @ForAll @IntRange(min = 0, max = 1000) int seed) {
        int outliers = Math.min(kept, group - 1);
        try (Scope s = Scope.open()) {
            double[][] x = Tensors.rows(numbers(seed, 2, ScalarType.Double, 3, width));
            double[][] q = Tensors.rows(new AbsmaxQuantiser(grid, group, outliers).apply(Tensors.of(x)));
            for (int row = 0; row < 3; row++) {
                for (int from = 0; from < width; from += group) {
                    double[] in = Arrays.copyOfRange(x[row], from, Math.min(width, from + group));
                    double[] out = Arrays.copyOfRange(q[row], from, Math.min(width, from + group));
                    requireNearest(grid, outliers, in, out);
                }
            }
        }
    }

    private static void requireNearest(Grid grid, int outliers, double[] in, double[] out) {
        double[] sizes = Arrays.stream(in).map(Math::abs).sorted().toArray();
        double end = sizes.length <= outliers ? 0 : sizes[sizes.length - 1 - outliers];
        for (int i = 0; i < in.length; i++) {
            double size = Math.abs(in[i]);
            if (size > end) {
                assertThat(out[i]).isEqualTo(in[i]);
            } else {
                double nearest = Arrays.stream(levels(grid))
                        .map(l -> Math.abs(l * Math.max(end, 1e-6) - size))
                        .min()
                        .orElseThrow();
                assertThat(Math.abs(out[i] - in[i])).isCloseTo(nearest, within(1e-12));
            }
        }
    }

    @Property(tries = 60)
    void roundingTwiceIsRoundingOnce(
            @ForAll("grids") Grid grid,
            @ForAll @IntRange(min = 3, max = 40) int group,
            @ForAll @IntRange(min = 0, max = 2) int outliers,
            @ForAll boolean single,
            @ForAll @DoubleRange(min = 0.01, max = 1000) double scale,
            @ForAll @IntRange(min = 0, max = 1000) int seed) {
        try (Scope s = Scope.open()) {
            AbsmaxQuantiser q = new AbsmaxQuantiser(grid, group, outliers);
            Tensor once = q.apply(numbers(seed, scale, single ? ScalarType.Float : ScalarType.Double, 4, 40));
            assertThat(once.scalar_type().intern()).isEqualTo(single ? ScalarType.Float : ScalarType.Double);
            assertThat(Tensors.doubles(q.apply(once))).containsExactly(Tensors.doubles(once));
        }
    }

    /** The error of a weight is half a step at most, whatever the range of its group. */
    @Property(tries = 60)
    void weightsAreOffByHalfAStep(
            @ForAll @IntRange(min = 2, max = 8) int bits,
            @ForAll @IntRange(min = 1, max = 50) int group,
            @ForAll @DoubleRange(min = -5, max = 5) double shift,
            @ForAll @IntRange(min = 0, max = 1000) int seed) {
        try (Scope s = Scope.open()) {
            AffineQuantiser q = new AffineQuantiser(bits, group, true);
            Tensor w = numbers(seed, 1, ScalarType.Double, 6, 7).add(Tensors.scalar(shift));
            AffineQuantiser.Codes codes = q.codes(w);
            double[] scales = Tensors.doubles(codes.scales());
            double[] in = Tensors.doubles(w);
            double[] out = Tensors.doubles(q.apply(w));
            double[] code = Tensors.doubles(codes.codes());
            int size = Math.min(group, in.length);
            assertThat(scales).hasSize((in.length + size - 1) / size);
            for (int i = 0; i < in.length; i++) {
                double step = scales[i / size];
                assertThat(Math.abs(out[i] - in[i])).isLessThanOrEqualTo(step / 2 * (1 + 1e-9));
                assertThat(code[i]).isBetween(0.0, (1 << bits) - 1.0).isEqualTo(Math.rint(code[i]));
            }
        }
    }

    /** d sum(Q(w) c) / dw = c, exactly. */
    @Property(tries = 20)
    void theGradientPassesStraightThrough(
            @ForAll @IntRange(min = 2, max = 8) int bits, @ForAll @IntRange(min = 0, max = 1000) int seed) {
        try (Scope s = Scope.open()) {
            Tensor w = numbers(seed, 1, ScalarType.Float, 5, 6).set_requires_grad(true);
            Tensor c = numbers(seed + 1, 1, ScalarType.Float, 5, 6);
            Tensor q = new AffineQuantiser(bits, 8, true).apply(w);
            Tensor used = Autograd.straightThrough(w, q);
            assertThat(Tensors.doubles(used.detach())).containsExactly(Tensors.doubles(q));
            assertThat(Tensors.doubles(Leaf.gradient(used.mul(c).sum(), w))).containsExactly(Tensors.doubles(c));
        }
    }

    /** Over noise spread evenly, what is rounded is right on average; and it goes to one of the two levels around. */
    @Property(tries = 30)
    void stochasticRoundingIsRightOnAverage(
            @ForAll("grids") Grid grid, @ForAll @DoubleRange(min = 0.01, max = 0.99) double share) {
        try (Scope s = Scope.open()) {
            int n = 400;
            // first the end of the grid, which the kept outlier beyond it leaves in place
            Tensor x = Tensors.of(new double[] {7, 1, share}, 1, 3).expand(n, 3);
            double[] u = IntStream.range(0, 3 * n)
                    .mapToDouble(i -> (i / 3 + 0.5) / n - 0.5)
                    .toArray();
            double[][] q = Tensors.rows(new AbsmaxQuantiser(grid, 3, 1).apply(x, Tensors.of(u, n, 3)));
            double sum = 0;
            for (double[] row : q) {
                assertThat(row[0]).isEqualTo(7);
                assertThat(levels(grid)).usingComparatorWithPrecision(1e-12).contains(row[2]);
                sum += row[2];
            }
            assertThat(sum / n).isCloseTo(share, within(1.0 / n));
        }
    }

    @Test
    void groupsDoNotReachFromRowToRow() {
        try (Scope s = Scope.open()) {
            AbsmaxQuantiser q = new AbsmaxQuantiser(Grid.INT4, 4, 1);
            Tensor x = numbers(3, 1, ScalarType.Double, 3, 10);
            Tensor changed = x.clone();
            changed.select(0, 1).mul_(Tensors.scalar(100));
            double[][] a = Tensors.rows(q.apply(x));
            double[][] b = Tensors.rows(q.apply(changed));
            assertThat(b[0]).containsExactly(a[0]);
            assertThat(b[2]).containsExactly(a[2]);
            // the incomplete group of a row is rounded as if it stood alone
            Tensor last = Tensors.slice(x, 1, 8, 10).contiguous();
            assertThat(Tensors.doubles(Tensors.slice(q.apply(x), 1, 8, 10).contiguous()))
                    .containsExactly(Tensors.doubles(q.apply(last)));
            // so is that of a weight
            AffineQuantiser w = new AffineQuantiser(4, 8, false);
            Tensor flat = x.reshape(-1).add(Tensors.scalar(5));
            assertThat(Tensors.doubles(Tensors.slice(w.apply(flat), 24, 30)))
                    .containsExactly(Tensors.doubles(w.apply(Tensors.slice(flat, 24, 30))));
        }
    }

    /** A group of weights on one side of zero: the published formula shifts it, the stretched range does not. */
    @Test
    void aRangeWithoutZeroIsStretched() {
        try (Scope s = Scope.open()) {
            Tensor w = Tensors.of(new double[] {3, 3.2, 3.7, 4}, 4);
            double[] authors = Tensors.doubles(new AffineQuantiser(4, 4, false).apply(w));
            assertThat(authors).containsExactly(new double[] {1, 1, 1, 1}, within(1e-12));
            double[] ours = Tensors.doubles(new AffineQuantiser(4, 4, true).apply(w));
            assertThat(ours).containsExactly(new double[] {2.9333, 3.2, 3.7333, 4}, within(1e-4));
            // a constant group is exact
            Tensor constant = Tensors.of(new double[] {-2, -2, -2}, 3);
            assertThat(Tensors.doubles(new AffineQuantiser(2, 3, true).apply(constant)))
                    .containsExactly(new double[] {-2, -2, -2}, within(1e-12));
        }
    }

    @Test
    void zerosTinyNumbersAndNumbersThatAreNotFinite() {
        try (Scope s = Scope.open()) {
            AbsmaxQuantiser q = new AbsmaxQuantiser(Grid.FP4_E2M1, 4, 1);
            assertThat(Tensors.doubles(q.apply(Tensors.zeros(ScalarType.Float, 2, 4))))
                    .containsOnly(0);
            assertThat(Tensors.doubles(q.apply(Tensors.of(new double[] {1e-9, -1e-9, 0, 1e-9}, 4))))
                    .containsExactly(new double[] {1e-9, 0, 0, 0}, within(0.0));
            assertThat(q.apply(Tensors.zeros(ScalarType.Float, 0, 4)).numel()).isZero();
            assertThat(new AffineQuantiser(4, 4, true)
                            .apply(Tensors.zeros(ScalarType.Float, 0, 4))
                            .numel())
                    .isZero();
            // they are not hidden: one is an outlier, of two the second makes its group NaN
            double inf = Double.POSITIVE_INFINITY;
            assertThat(Tensors.doubles(q.apply(Tensors.of(new double[] {inf, 1, 0.5, 0}, 4))))
                    .containsExactly(new double[] {inf, 1, 0.5, 0}, within(1e-12));
            assertThat(Tensors.doubles(q.apply(Tensors.of(new double[] {Double.NaN, Double.NaN, 0.5, 0}, 4))))
                    .contains(Double.NaN);
        }
    }

    @Test
    void badSettingsAreRefused() {
        assertThatThrownBy(() -> new AbsmaxQuantiser(Grid.FULL, 4, 0)).hasMessageContaining("FULL");
        assertThatThrownBy(() -> new AbsmaxQuantiser(Grid.INT4, 0, 0)).hasMessageContaining("at least 1");
        assertThatThrownBy(() -> new AbsmaxQuantiser(Grid.INT4, 4, 4)).hasMessageContaining("are 4");
        assertThatThrownBy(() -> new AbsmaxQuantiser(Grid.INT4, 4, -1)).hasMessageContaining("-1");
        assertThatThrownBy(() -> new AffineQuantiser(1, 4, true)).hasMessageContaining("2 to 8 bits but has 1");
        assertThatThrownBy(() -> new AffineQuantiser(9, 4, true)).hasMessageContaining("has 9");
        assertThatThrownBy(() -> new AffineQuantiser(4, -3, true)).hasMessageContaining("-3");
        try (Scope s = Scope.open()) {
            Tensor x = Tensors.zeros(ScalarType.Float, 2, 4);
            assertThatThrownBy(
                            () -> new AbsmaxQuantiser(Grid.INT4, 4, 1).apply(x, Tensors.zeros(ScalarType.Float, 4, 2)))
                    .hasMessageContaining("noise");
        }
    }
}
