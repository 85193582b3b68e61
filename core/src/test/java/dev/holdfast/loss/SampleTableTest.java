package dev.holdfast.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.loss.SampleTable.Duplicates;
import dev.holdfast.loss.SampleTable.Precision;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

@ExtendWith(NativeMemory.class)
class SampleTableTest {
    private static final Tensor LIKE = dev.holdfast.tensor.Scope.own(Tensors.zeros(ScalarType.Double, 1));

    private static SampleTable table(double start, Duplicates d) {
        return new SampleTable(2, start, Precision.FLOAT64, d);
    }

    private static double[][] read(SampleTable t, long... ids) {
        return Tensors.rows(t.read(ids, LIKE));
    }

    @Test
    void unknownSamplesReadAsTheStartAndGetNoRow() {
        SampleTable t = table(0.25, Duplicates.REFUSE);
        assertThat(read(t, 5, 1_000_000_000_000L)).isDeepEqualTo(new double[][] {{0.25, 0.25}, {0.25, 0.25}});
        assertThat(t.size()).isZero();
        t.write(new long[] {7}, Tensors.of(new double[][] {{1, 2}}));
        assertThat(read(t, 5, 7)).isDeepEqualTo(new double[][] {{0.25, 0.25}, {1, 2}});
        assertThat(t.size()).isEqualTo(1);
        assertThat(t.has(7)).isTrue();
        assertThat(t.has(5)).isFalse();
    }

    /** The table is a map from ids to rows, however it grows. */
    @Property(tries = 60)
    void isAMap(@ForAll @Size(min = 1, max = 150) List<@IntRange(max = 300) Integer> ids) {
        try (var s = dev.holdfast.tensor.Scope.open()) {
            SampleTable t = table(0, Duplicates.LAST_WINS);
            Map<Long, Double> map = new HashMap<>();
            for (int from = 0; from < ids.size(); from += 7) {
                long[] some = ids.subList(from, Math.min(ids.size(), from + 7)).stream()
                        .mapToLong(i -> i)
                        .toArray();
                double[][] rows = new double[some.length][];
                for (int i = 0; i < some.length; i++) {
                    rows[i] = new double[] {from + i + 1, -from - i - 1};
                    map.put(some[i], from + i + 1.0);
                }
                t.write(some, Tensors.of(rows));
            }
            assertThat(t.size()).isEqualTo(map.size());
            map.forEach((id, v) -> assertThat(read(t, id)[0]).containsExactly(v, -v));
            SampleTable copy = table(0, Duplicates.REFUSE);
            copy.load(t.state());
            assertThat(copy.state().sameAs(t.state())).isTrue();
            assertThat(copy.ids()).containsExactly(t.ids());
        }
    }

    @Test
    void aSampleThatComesTwiceIsRefusedUnlessTheLastWins() {
        SampleTable strict = table(0, Duplicates.REFUSE);
        Tensor rows = Tensors.of(new double[][] {{1, 1}, {2, 2}, {3, 3}});
        assertThatThrownBy(() -> strict.write(new long[] {4, 9, 4}, rows))
                .hasMessageContaining("Rows 0 and 2")
                .hasMessageContaining("sample 4")
                .hasMessageContaining("LAST_WINS");
        assertThat(strict.size()).isZero();
        SampleTable lenient = table(0, Duplicates.LAST_WINS);
        lenient.write(new long[] {4, 9, 4}, rows);
        assertThat(read(lenient, 4, 9)).isDeepEqualTo(new double[][] {{3, 3}, {2, 2}});
    }

    @Test
    void badRowsAreRefusedAndChangeNothing() {
        SampleTable t = table(0, Duplicates.REFUSE);
        t.write(new long[] {1}, Tensors.of(new double[][] {{1, 2}}));
        assertThatThrownBy(() -> t.write(new long[] {2, -1}, Tensors.of(new double[][] {{1, 1}, {1, 1}})))
                .hasMessageContaining("Row 1 has sample id -1");
        assertThatThrownBy(() -> t.read(new long[] {-3}, LIKE)).hasMessageContaining("-3");
        assertThatThrownBy(() -> t.write(new long[] {2}, Tensors.of(new double[][] {{1, Double.NaN}})))
                .hasMessageContaining("NaN");
        assertThatThrownBy(() -> t.write(new long[] {2}, Tensors.of(new double[][] {{1, 2, 3}})))
                .hasMessageContaining("[1, 3]")
                .hasMessageContaining("[1, 2]");
        assertThat(t.ids()).containsExactly(1);
        assertThatThrownBy(() -> new SampleTable(0, 0, Precision.FLOAT32, Duplicates.REFUSE))
                .hasMessageContaining("width >= 1");
        assertThatThrownBy(() -> new SampleTable(1, Double.NaN, Precision.FLOAT32, Duplicates.REFUSE))
                .hasMessageContaining("NaN");
        assertThatThrownBy(() -> t.widen(1)).hasMessageContaining("width 2").hasMessageContaining("width 1");
    }

    @ParameterizedTest
    @EnumSource
    void bytesAreThoseOfThePrecision(Precision p) {
        SampleTable t = new SampleTable(3, 0, p, Duplicates.REFUSE);
        t.write(new long[] {3, 4}, Tensors.of(new double[][] {{0.5, 0.25, 2}, {1, 0, 4}}));
        long each = p == Precision.FLOAT16 ? 2 : p == Precision.FLOAT32 ? 4 : 8;
        assertThat(t.bytes()).isEqualTo(2 * 3 * each + 2 * 8);
        // powers of two survive any precision
        assertThat(read(t, 4, 3)).isDeepEqualTo(new double[][] {{1, 0, 4}, {0.5, 0.25, 2}});
        assertThat(t.read(new long[] {3}, LIKE).scalar_type().intern()).isEqualTo(ScalarType.Double);
    }

    @Test
    void columnsCanBeAdded() {
        SampleTable t = table(0.5, Duplicates.REFUSE);
        t.write(new long[] {8}, Tensors.of(new double[][] {{1, 2}}));
        t.widen(3);
        assertThat(read(t, 8, 9)).isDeepEqualTo(new double[][] {{1, 2, 0.5}, {0.5, 0.5, 0.5}});
        for (long id = 100; id < 400; id++) {
            t.write(new long[] {id}, Tensors.of(new double[][] {{id, 0, 1}}));
        }
        assertThat(read(t, 8, 399)).isDeepEqualTo(new double[][] {{1, 2, 0.5}, {399, 0, 1}});
    }

    @Test
    void statesThatDoNotFitAreRefused() {
        SampleTable t = table(0, Duplicates.REFUSE);
        t.write(new long[] {8}, Tensors.of(new double[][] {{1, 2}}));
        State good = t.state().copy();
        SampleTable narrow = new SampleTable(2, 0, Precision.FLOAT32, Duplicates.REFUSE);
        assertThatThrownBy(() -> narrow.load(good)).hasMessageContaining("precision");
        State twice = new State()
                .put("ids", Tensors.of(new long[] {1, 1}, 2))
                .put("rows", Tensors.zeros(ScalarType.Double, 2, 2));
        assertThatThrownBy(() -> t.load(twice)).hasMessageContaining("sample 1 twice");
        State uneven = new State()
                .put("ids", Tensors.of(new long[] {1}, 1))
                .put("rows", Tensors.zeros(ScalarType.Double, 2, 2));
        assertThatThrownBy(() -> t.load(uneven)).hasMessageContaining("shape");
        assertThat(t.state().sameAs(good)).isTrue();
    }
}
