package dev.holdfast.math.stream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.tensor.Rng;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class StreamStatisticsTest {
    @Property(tries = 30)
    void jaccardFromCountersIsTheBatchJaccard(@ForAll long seed, @ForAll @IntRange(min = 1, max = 9) int labels) {
        Rng rng = Rng.of(seed);
        boolean[][] y = new boolean[60][labels];
        PairCounter counter = new PairCounter(labels);
        int[] active = new int[labels];
        for (boolean[] row : y) {
            int n = 0;
            for (int l = 0; l < labels; l++) {
                row[l] = rng.next() < 0.3;
                if (row[l]) {
                    active[n++] = l;
                }
            }
            counter.add(active, n);
        }
        PairCounter restored = new PairCounter(labels);
        restored.restore(counter.save());
        for (int i = 0; i < labels; i++) {
            for (int j = 0; j < labels; j++) {
                int both = 0;
                int either = 0;
                for (boolean[] row : y) {
                    both += row[i] && row[j] ? 1 : 0;
                    either += row[i] || row[j] ? 1 : 0;
                }
                assertThat(counter.jaccard(i, j)).isEqualTo(either == 0 ? 0 : (double) both / either);
                assertThat(restored.together(i, j)).isEqualTo(both);
            }
        }
        assertThat(restored.rows()).isEqualTo(60);
    }

    @Test
    void clearedCountersAreLikeNew() {
        PairCounter c = new PairCounter(3);
        c.add(new int[] {0, 2}, 2);
        c.clear();
        assertThat(c.save()).isEqualTo(new PairCounter(3).save());
        assertThatThrownBy(() -> c.restore(new long[3])).hasMessageContaining("expected 7 for 3 labels");
    }

    @Test
    void theCountsOfSomeLabelsAreThoseOfRowsWithoutTheOthers() {
        PairCounter all = new PairCounter(4);
        PairCounter some = new PairCounter(3);
        for (int[] row : new int[][] {{0, 1, 3}, {1, 3}, {2}, {0, 3}, {}}) {
            all.add(row, row.length);
            int[] kept = java.util.Arrays.stream(row)
                    .filter(l -> l == 1 || l == 3)
                    .map(l -> l / 2)
                    .toArray();
            some.add(kept, kept.length);
        }
        // label 7 was not there
        assertThat(all.project(new int[] {1, 3, 7}).save()).isEqualTo(some.save());
        assertThat(some.rows()).isEqualTo(5);
        assertThat(some.together(0, 1)).isEqualTo(2);
    }

    @Test
    void theHoeffdingBoundIsTheFormula() {
        assertThat(HoeffdingBound.of(2, 0.05, 30)).isCloseTo(2 * Math.sqrt(Math.log(20) / 60), within(1e-15));
        assertThat(HoeffdingBound.of(1, 0.05, 0)).isInfinite();
    }

    @Test
    void exponentialMeansBeginWithTheFirstNumber() {
        Ewma m = new Ewma(0.25);
        assertThat(m.mean()).isNaN();
        m.add(4);
        assertThat(m.add(8)).isEqualTo(5);
        assertThat(new Ewma(0.25, 5).add(1)).isEqualTo(m.add(1));
        assertThatThrownBy(() -> new Ewma(0)).hasMessageContaining("alpha");
    }

    @Test
    void slidingWindowsForgetTheOldest() {
        SlidingWindow w = new SlidingWindow(3);
        assertThat(w.mean()).isNaN();
        for (int i = 1; i <= 5; i++) {
            w.add(i);
            assertThat(w.full()).isEqualTo(i >= 3);
        }
        assertThat(w.values()).containsExactly(3, 4, 5);
        assertThat(w.mean()).isEqualTo(4);
        assertThatThrownBy(() -> new SlidingWindow(0)).hasMessageContaining("capacity is 0");
    }
}
