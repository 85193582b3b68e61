package dev.holdfast.tensor.linalg;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeTry;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

@AddLifecycleHook(NativeTry.class)
class ClassStatisticsTest {
    private static final int WIDTH = 3;

    /** Counts, means and scatter in plain numbers from all rows at once. */
    private static void requireJoint(ClassStatistics s, double[][] x, int[] y, double tolerance) {
        int classes = s.columns();
        double[] n = new double[classes];
        double[][] mean = new double[classes][WIDTH];
        for (int i = 0; i < x.length; i++) {
            n[y[i]]++;
            for (int j = 0; j < WIDTH; j++) {
                mean[y[i]][j] += x[i][j];
            }
        }
        double[][] scatter = new double[WIDTH][WIDTH];
        for (int c = 0; c < classes; c++) {
            for (int j = 0; j < WIDTH; j++) {
                mean[c][j] /= Math.max(1, n[c]);
            }
        }
        for (int i = 0; i < x.length; i++) {
            for (int j = 0; j < WIDTH; j++) {
                for (int k = 0; k < WIDTH; k++) {
                    scatter[j][k] += (x[i][j] - mean[y[i]][j]) * (x[i][k] - mean[y[i]][k]);
                }
            }
        }
        assertThat(Tensors.doubles(s.counts())).containsExactly(n);
        assertThat(Tensors.doubles(s.means())).containsExactly(flat(mean), within(tolerance));
        assertThat(Tensors.doubles(s.scatter())).containsExactly(flat(scatter), within(tolerance));
    }

    @Property(tries = 100)
    void anyBatchesGiveTheJointStatistics(
            @ForAll @Size(min = 1, max = 40) List<@IntRange(max = 4) Integer> labels,
            @ForAll @IntRange(max = 1000) int seed) {
        int[] y = labels.stream().mapToInt(Integer::intValue).toArray();
        double[][] x = rows(y.length, seed);
        ClassStatistics s = new ClassStatistics(WIDTH);
        Rng rng = Rng.of(seed).child("cuts");
        for (int at = 0; at < y.length; ) {
            int end = Math.min(y.length, at + 1 + rng.below(9));
            s.add(part(x, at, end), Arrays.copyOfRange(y, at, end));
            at = end;
        }
        requireJoint(s, x, y, 1e-10);
        assertThat(s.total()).isEqualTo(y.length);
    }

    @Property(tries = 100)
    void mergingIsAddingBoth(
            @ForAll @Size(min = 1, max = 20) List<@IntRange(max = 4) Integer> labels,
            @ForAll @IntRange(max = 1000) int seed) {
        int[] y = labels.stream().mapToInt(Integer::intValue).toArray();
        double[][] x = rows(y.length, seed);
        int cut = y.length / 2;
        ClassStatistics a = new ClassStatistics(WIDTH);
        ClassStatistics b = new ClassStatistics(WIDTH);
        a.add(part(x, 0, cut), Arrays.copyOfRange(y, 0, cut));
        // b knows the classes back to front
        b.add(
                part(x, cut, y.length),
                Arrays.stream(y, cut, y.length).map(c -> 4 - c).toArray());
        a.merge(b, IntStream.range(0, b.columns()).map(c -> 4 - c).toArray());
        requireJoint(a, x, y, 1e-10);
    }

    @Property(tries = 100)
    void whatIsRemovedWasNeverThere(
            @ForAll @Size(min = 2, max = 20) List<@IntRange(max = 4) Integer> labels,
            @ForAll @IntRange(max = 1000) int seed) {
        int[] y = labels.stream().mapToInt(Integer::intValue).toArray();
        double[][] x = rows(y.length, seed);
        int cut = y.length / 2;
        ClassStatistics s = new ClassStatistics(WIDTH);
        s.add(part(x, 0, y.length), y);
        s.remove(part(x, cut, y.length), Arrays.copyOfRange(y, cut, y.length));
        requireJoint(s, Arrays.copyOf(x, cut), Arrays.copyOf(y, cut), 1e-8);
    }

    @Example
    void farFromZeroNothingIsLost() {
        int[] y = new int[1000];
        double[][] x = rows(1000, 1);
        for (double[] row : x) {
            row[0] += 1e6;
        }
        ClassStatistics s = new ClassStatistics(WIDTH);
        for (int i = 0; i < 1000; i += 10) {
            s.add(part(x, i, i + 10), new int[10]);
        }
        requireJoint(s, x, y, 1e-5);
    }

    @Example
    void badInputChangesNothing() {
        ClassStatistics s = new ClassStatistics(WIDTH);
        s.add(part(rows(4, 1), 0, 4), 0, 1, 0, 1);
        var before = s.state().copy();
        assertThatThrownBy(() -> s.remove(part(rows(3, 1), 0, 3), 0, 0, 0)).hasMessageContaining("More rows");
        assertThatThrownBy(() -> s.remove(part(rows(1, 1), 0, 1), 7)).hasMessageContaining("More rows");
        assertThatThrownBy(() -> s.add(part(rows(2, 1), 0, 2), 0, -1)).hasMessageContaining("Row 1");
        assertThatThrownBy(() -> s.add(part(rows(2, 1), 0, 2), 0)).hasMessageContaining("[2, 3]");
        s.add(Tensors.zeros(ScalarType.Double, 0, WIDTH));
        assertThat(s.state().sameAs(before)).isTrue();
        ClassStatistics copy = new ClassStatistics(WIDTH);
        copy.load(before);
        assertThat(copy.state().sameAs(before)).isTrue();
    }

    private static double[][] rows(int n, long seed) {
        return Tensors.rows(Rng.of(seed).normal(ScalarType.Double, n, WIDTH));
    }

    private static Tensor part(double[][] x, int from, int to) {
        return from == to ? Tensors.zeros(ScalarType.Double, 0, WIDTH) : Tensors.of(Arrays.copyOfRange(x, from, to));
    }

    private static double[] flat(double[][] m) {
        return Arrays.stream(m).flatMapToDouble(Arrays::stream).toArray();
    }
}
