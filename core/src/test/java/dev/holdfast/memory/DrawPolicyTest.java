package dev.holdfast.memory;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.tensor.Rng;
import java.util.Arrays;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class DrawPolicyTest {
    private static int[] classes(int size, int seed) {
        Rng rng = Rng.of(seed);
        return IntStream.range(0, size).map(i -> rng.below(4)).toArray();
    }

    @Property(tries = 300)
    void slotsAreDistinctFilledAndAsManyAsAskedFor(
            @ForAll @IntRange(max = 30) int size,
            @ForAll @IntRange(max = 40) int n,
            @ForAll @IntRange(max = 100_000) int seed) {
        int[] y = classes(size, seed);
        for (DrawPolicy p : new DrawPolicy[] {DrawPolicy.uniform(), DrawPolicy.balanced()}) {
            int[] slots = p.slots(y, n, Rng.of(seed));
            assertThat(slots).hasSize(Math.min(n, size)).doesNotHaveDuplicates();
            assertThat(Arrays.stream(slots).allMatch(s -> s >= 0 && s < size)).isTrue();
            assertThat(p.slots(y, n, Rng.of(seed))).containsExactly(slots);
        }
    }

    @Test
    void uniformDrawsGiveEverySlotTheSameChance() {
        int[] hits = new int[10];
        int trials = 10_000;
        for (int t = 0; t < trials; t++) {
            for (int s : DrawPolicy.uniform().slots(new int[10], 3, Rng.of(3).child("draw", t))) {
                hits[s]++;
            }
        }
        // 3000 expected, standard deviation 45.8
        for (int h : hits) {
            assertThat(h).isBetween(2800, 3200);
        }
    }

    @Test
    void balancedDrawsGiveEveryClassTheSameChance() {
        // one row of class 1 among nine of class 0
        int[] y = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
        int rare = 0;
        for (int t = 0; t < 2000; t++) {
            rare += DrawPolicy.balanced().slots(y, 1, Rng.of(4).child("draw", t))[0] == 3 ? 1 : 0;
        }
        assertThat(rare).isBetween(900, 1100);
        // when it is used up, the rest comes from the other class
        assertThat(DrawPolicy.balanced().slots(y, 10, Rng.of(5))).hasSize(10).doesNotHaveDuplicates();
    }
}
