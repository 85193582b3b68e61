package dev.holdfast.estimate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.RecursiveRidge;
import dev.holdfast.testing.NativeMemory;
import dev.holdfast.testing.NativeTry;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Heads that are sums over rows: order, batching, merging and forgetting do not show. */
@ExtendWith(NativeMemory.class)
@AddLifecycleHook(NativeTry.class)
class StatisticHeadsTest {
    private static final int WIDTH = 4;
    private static final int CLASSES = 3;
    private static final int ROWS = 24;
    private static final ClassIndex KNOWN = ClassIndex.numbered(CLASSES);

    private static List<Supplier<StatisticHead>> heads() {
        return List.of(
                () -> new NearestMean(WIDTH),
                () -> new StreamingLda(new StreamingLda.Config(1e-2, StreamingLda.Covariance.POOLED), WIDTH),
                () -> new RidgeHead(WIDTH, 0.1, RecursiveRidge.Form.RECURSIVE),
                () -> new RidgeHead(WIDTH, 0.1, RecursiveRidge.Form.GRAM));
    }

    private static Tensor x() {
        return Rng.of(1).normal(ScalarType.Double, ROWS, WIDTH);
    }

    private static long[] y(int... rows) {
        return Arrays.stream(rows).mapToLong(i -> (i * 7 + i / 5) % CLASSES).toArray();
    }

    private static void update(StatisticHead h, int... rows) {
        h.update(Tensors.rows(x(), rows), KNOWN, y(rows));
    }

    private static double[] scores(StatisticHead h) {
        int[] columns = h.columns().columnsOf(new long[] {0, 1, 2});
        return Tensors.doubles(
                h.scores(Rng.of(2).normal(ScalarType.Double, 5, WIDTH)).index_select(1, Tensors.ids(columns)));
    }

    private static void assertClose(double[] a, double[] b) {
        for (int i = 0; i < b.length; i++) {
            assertThat(Math.abs(a[i] - b[i])).isLessThanOrEqualTo(1e-9 * (1 + Math.abs(b[i])));
        }
    }

    @Property(tries = 30)
    void orderBatchingMergingAndForgettingDoNotShow(
            @ForAll @IntRange(max = 100_000) int seed, @ForAll @IntRange(min = 1, max = ROWS - 1) int cut) {
        int[] order = Rng.of(seed).permutation(ROWS);
        for (Supplier<StatisticHead> make : heads()) {
            StatisticHead whole = make.get();
            update(whole, IntStream.range(0, ROWS).toArray());
            StatisticHead pieces = make.get();
            for (int at = 0; at < ROWS; at += 5) {
                update(pieces, Arrays.copyOfRange(order, at, Math.min(ROWS, at + 5)));
            }
            assertClose(scores(pieces), scores(whole));

            StatisticHead a = make.get();
            StatisticHead b = make.get();
            update(a, Arrays.copyOf(order, cut));
            update(b, Arrays.copyOfRange(order, cut, ROWS));
            a.merge(b);
            assertClose(scores(a), scores(whole));

            int[] gone = Arrays.copyOf(order, 4);
            StatisticHead more = make.get();
            update(more, IntStream.range(0, ROWS).toArray());
            update(more, gone);
            more.remove(Tensors.rows(x(), gone), y(gone));
            assertClose(scores(more), scores(whole));
        }
    }

    /** A class all of whose rows were taken out again has no mean, so it wins no row. */
    @Test
    void aClassWithoutRowsIsNeverChosen() {
        for (StatisticHead h : List.of(heads().get(0).get(), heads().get(1).get())) {
            update(h, IntStream.range(0, ROWS).toArray());
            int[] ones = IntStream.range(0, ROWS).filter(i -> y(i)[0] == 1).toArray();
            h.remove(Tensors.rows(x(), ones), y(ones));
            int column = h.columns().columnOf(1);
            // rows around the origin, where an empty mean would lie
            Tensor near = Rng.of(3).normal(ScalarType.Double, 6, WIDTH).mul(Tensors.scalar(1e-3));
            for (double[] row : Tensors.rows(h.scores(near))) {
                assertThat(row[column]).isEqualTo(Double.NEGATIVE_INFINITY);
                for (int c = 0; c < CLASSES; c++) {
                    assertThat(c == column || Double.isFinite(row[c])).isTrue();
                }
            }
            update(h, ones);
            assertThat(Tensors.finite(h.scores(near))).isTrue();
        }
    }

    @Test
    void badRowsAndForeignHeadsAreRefusedAndChangeNothing() {
        List<Supplier<StatisticHead>> all = new java.util.ArrayList<>(heads());
        all.add(() -> new StreamingLda(new StreamingLda.Config(1e-2, StreamingLda.Covariance.STREAMING), WIDTH));
        for (Supplier<StatisticHead> make : all) {
            StatisticHead h = make.get();
            update(h, 0, 1, 2, 3);
            State before = h.state().copy();
            Tensor nan = Tensors.rows(x(), 4, 5);
            nan.select(0, 1).fill_(Tensors.scalar(Double.NaN));
            assertThatThrownBy(() -> h.update(nan, KNOWN, 0, 2)).hasMessageContaining("NaN");
            assertThatThrownBy(() -> h.update(Tensors.rows(x(), 4), KNOWN, 9)).hasMessageContaining("Class 9");
            assertThatThrownBy(() -> h.update(Tensors.zeros(ScalarType.Double, 1, WIDTH + 1), KNOWN, 0))
                    .isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> h.update(
                            x().abs().mul(Tensors.scalar(h instanceof NearestMean ? 5e307 : 1e200)),
                            KNOWN,
                            y(IntStream.range(0, ROWS).toArray())))
                    .satisfies(e -> assertThat(e.getMessage()).contains("finite"));
            StatisticHead other =
                    h instanceof NearestMean ? all.get(1).get() : all.get(0).get();
            assertThatThrownBy(() -> h.merge(other)).isInstanceOf(IllegalArgumentException.class);
            assertThatThrownBy(() -> h.load(new State())).isInstanceOf(IllegalArgumentException.class);
            assertThat(h.state().sameAs(before))
                    .as(h.getClass().getSimpleName())
                    .isTrue();
            before.tensors().values().forEach(Tensor::close);
        }
    }

    @Test
    void theStreamingCovarianceNeitherMergesNorForgets() {
        StreamingLda h = new StreamingLda(new StreamingLda.Config(1e-2, StreamingLda.Covariance.STREAMING), WIDTH);
        update(h, 0, 1, 2, 3);
        assertThatThrownBy(() -> h.remove(Tensors.rows(x(), 0), y(0))).hasMessageContaining("POOLED");
        assertThatThrownBy(() -> h.merge(
                        new StreamingLda(new StreamingLda.Config(1e-2, StreamingLda.Covariance.STREAMING), WIDTH)))
                .hasMessageContaining("POOLED");
        StreamingLda pooled = new StreamingLda(new StreamingLda.Config(1e-2, StreamingLda.Covariance.POOLED), WIDTH);
        assertThatThrownBy(() -> pooled.load(h.state())).hasMessageContaining("STREAMING");
    }

    @Test
    void aSavedHeadIsTheSameToTheBit() {
        for (Supplier<StatisticHead> make : heads()) {
            StatisticHead a = make.get();
            update(a, 3, 9, 4, 1, 0);
            StatisticHead b = make.get();
            b.load(a.state());
            update(a, 7, 8, 11, 2);
            update(b, 7, 8, 11, 2);
            assertThat(b.state().sameAs(a.state())).isTrue();
            assertThat(scores(b)).containsExactly(scores(a));
        }
    }
}
