package dev.holdfast.data.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.tensor.Rng;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

class SplitsTest {
    @Property(tries = 200, seed = "1")
    void aStratifiedSplitKeepsEveryRowOnceAndTheShareOfEveryClass(
            @ForAll @Size(min = 1, max = 200) int[] raw, @ForAll @DoubleRange(min = 0.05, max = 0.95) double share) {
        long[] y = Arrays.stream(raw).mapToLong(v -> Math.floorMod(v, 5)).toArray();
        Splits.Split s = Splits.stratified(y, share, Rng.of(7));
        int[] all = IntStream.concat(Arrays.stream(s.train()), Arrays.stream(s.test()))
                .sorted()
                .toArray();
        assertThat(all).isEqualTo(IntStream.range(0, y.length).toArray());
        assertThat(s.train()).isSorted();
        assertThat(s.test()).isSorted();
        Map<Long, Integer> total = Splits.counts(y);
        Map<Long, Integer> test =
                Splits.counts(Arrays.stream(s.test()).mapToLong(i -> y[i]).toArray());
        total.forEach((c, n) -> {
            int k = test.getOrDefault(c, 0);
            assertThat(k).isBetween(n > 1 ? 1 : 0, n - 1);
            if (k > 1 && k < n - 1) {
                assertThat((double) k).isCloseTo(share * n, org.assertj.core.data.Offset.offset(0.5));
            }
        });
    }

    @Property(tries = 100, seed = "1")
    void aSampleKeepsEveryClassAndIsAFunctionOfTheSeed(
            @ForAll @Size(min = 1, max = 200) int[] raw, @ForAll @IntRange(min = 1, max = 250) int rows) {
        long[] y = Arrays.stream(raw).mapToLong(v -> Math.floorMod(v, 4)).toArray();
        int[] s = Splits.sample(y, rows, Rng.of(3));
        assertThat(s).isSorted().doesNotHaveDuplicates().isEqualTo(Splits.sample(y, rows, Rng.of(3)));
        assertThat(Splits.counts(Arrays.stream(s).mapToLong(i -> y[i]).toArray())
                        .keySet())
                .isEqualTo(Splits.counts(y).keySet());
        if (rows >= y.length) {
            assertThat(s).hasSize(y.length);
        }
    }

    @Test
    void anotherSeedSplitsOtherwise() {
        long[] y = new long[100];
        assertThat(Splits.plain(100, 0.2, Rng.of(1)).test()).hasSize(20);
        assertThat(Splits.plain(100, 0.2, Rng.of(1)).test())
                .isNotEqualTo(Splits.plain(100, 0.2, Rng.of(2)).test());
        assertThat(Splits.stratified(y, 0.2, Rng.of(1)).test())
                .isNotEqualTo(Splits.stratified(y, 0.2, Rng.of(2)).test());
    }

    @Test
    void aShareOutsideZeroAndOneIsRefused() {
        assertThatThrownBy(() -> Splits.plain(10, 0, Rng.of(1))).hasMessageContaining("between 0 and 1");
        assertThatThrownBy(() -> Splits.stratified(new long[10], 1, Rng.of(1))).hasMessageContaining("between 0 and 1");
        assertThatThrownBy(() -> Splits.plain(1, 0.5, Rng.of(1))).hasMessageContaining("at least two rows");
    }

    @Test
    void theNearestNameIsFound() {
        assertThat(Names.nearest("fashon", java.util.List.of("mnist", "fashion")))
                .isEqualTo("fashion");
        assertThat(Names.nearest("LABEL", java.util.List.of("x", "label"))).isEqualTo("label");
        assertThat(Names.nearest("zebra", java.util.List.of("mnist", "fashion")))
                .isNull();
        assertThat(Names.distance("kitten", "sitting")).isEqualTo(3);
        assertThat(Names.distance("lable", "label")).isEqualTo(1);
    }
}
