package dev.holdfast.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** Which rows stay: chances, quotas, order. */
class StorePoliciesTest {
    /** Item in each slot after offering rows with these classes. */
    private static int[] stored(StorePolicy p, int capacity, int[] classes, Rng rng) {
        int[] slots = new int[capacity];
        Arrays.fill(slots, -1);
        for (int i = 0; i < classes.length; i++) {
            int slot = p.admit(i, classes[i], null, rng.child("admit", i));
            if (slot >= 0) {
                slots[slot] = i;
            }
        }
        return slots;
    }

    /** Every item stays with probability |B|/n: chi-square over 3000 reservoirs of 8 of 40. */
    @Test
    void aReservoirKeepsEveryItemWithTheSameChance() {
        int items = 40;
        int capacity = 8;
        int trials = 3000;
        int[] kept = new int[items];
        for (int t = 0; t < trials; t++) {
            for (int item : stored(
                    new Reservoir(capacity), capacity, new int[items], Rng.of(5).child("trial", t))) {
                kept[item]++;
            }
        }
        double expected = trials * (double) capacity / items;
        // the counts of a trial add up to the capacity, so their covariance is that of draws without replacement
        double variance = expected * (1 - capacity / (double) items) * items / (items - 1.0);
        double chi = 0;
        for (int k : kept) {
            chi += (k - expected) * (k - expected) / variance;
        }
        // 39 degrees of freedom: 99.9 % below 72.1; and a reservoir that is too even is no reservoir either
        assertThat(chi).isBetween(14.0, 72.1);
    }

    @Test
    void aRingKeepsTheNewest() {
        assertThat(stored(new Ring(3), 3, new int[8], Rng.of(1))).containsExactly(6, 7, 5);
    }

    @Property(tries = 200)
    void slotsAreFilledInOrderBeforeAnyIsOverwritten(
            @ForAll @IntRange(min = 1, max = 12) int capacity, @ForAll @IntRange(max = 100_000) int seed) {
        for (StorePolicy p :
                new StorePolicy[] {new Reservoir(capacity), new Ring(capacity), new ClassBalanced(capacity)}) {
            Rng rng = Rng.of(seed);
            for (int i = 0; i < 40; i++) {
                int slot = p.admit(i, rng.below(5), null, rng.child("admit", i));
                if (i < capacity) {
                    assertThat(slot).isEqualTo(i);
                } else {
                    assertThat(slot).isBetween(-1, capacity - 1);
                }
            }
        }
    }

    /** After enough rows of every class, each class holds its share, and only early classes may hold one more. */
    @Property(tries = 100)
    void classBalancedSharesAreEqual(
            @ForAll @IntRange(min = 1, max = 30) int capacity,
            @ForAll @IntRange(min = 1, max = 8) int classes,
            @ForAll @IntRange(max = 100_000) int seed) {
        int[] y = new int[classes * 60];
        for (int i = 0; i < y.length; i++) {
            y[i] = i / 60;
        }
        int[] slots = stored(new ClassBalanced(capacity), capacity, y, Rng.of(seed));
        Map<Integer, Integer> count = new TreeMap<>();
        for (int item : slots) {
            assertThat(item).isNotNegative();
            count.merge(y[item], 1, Integer::sum);
        }
        int share = capacity / classes;
        for (int c = 0; c < classes; c++) {
            assertThat(count.getOrDefault(c, 0)).isBetween(share, share + 1);
        }
    }

    @Test
    void insideAClassEveryRowHasTheSameChance() {
        int trials = 4000;
        Map<Integer, Integer> kept = new HashMap<>();
        for (int t = 0; t < trials; t++) {
            int[] y = new int[20];
            Arrays.fill(y, 10, 20, 1);
            for (int item : stored(new ClassBalanced(4), 4, y, Rng.of(6).child("trial", t))) {
                kept.merge(item, 1, Integer::sum);
            }
        }
        // two of ten of each class: 800 of 4000, standard deviation 25.3
        for (int item = 0; item < 20; item++) {
            assertThat(kept.get(item)).as("item " + item).isBetween(800 - 110, 800 + 110);
        }
    }

    /** GDumb's algorithm 1 with counts kept by hand: who is taken and which class gives way. */
    @Property(tries = 100)
    void theGreedyStoreTakesARowWhileItsClassIsBelowItsShare(
            @ForAll @IntRange(min = 1, max = 12) int capacity,
            @ForAll @IntRange(min = 1, max = 6) int classes,
            @ForAll @IntRange(max = 100_000) int seed) {
        ClassBalanced store = ClassBalanced.greedy(capacity);
        Rng rng = Rng.of(seed);
        Map<Integer, Integer> count = new HashMap<>();
        int[] classOf = new int[capacity];
        Arrays.fill(classOf, -1);
        for (int i = 0; i < 80; i++) {
            int y = rng.below(Math.min(classes, 1 + i / 10));
            count.putIfAbsent(y, 0);
            boolean wanted = count.get(y) == 0 || count.get(y) < (double) capacity / count.size();
            int most = count.values().stream().mapToInt(Integer::intValue).max().orElseThrow();
            int slot = store.admit(i, y, null, rng.child("admit", i));
            assertThat(slot >= 0).isEqualTo(wanted);
            if (slot >= 0) {
                if (classOf[slot] >= 0) {
                    assertThat(Arrays.stream(classOf)).doesNotContain(-1);
                    assertThat(count.get(classOf[slot])).isEqualTo(most);
                    count.merge(classOf[slot], -1, Integer::sum);
                }
                classOf[slot] = y;
                count.merge(y, 1, Integer::sum);
            }
        }
    }

    /** A class that has its share keeps its first rows: nothing of it is exchanged, and free slots wait for others. */
    @Test
    void theGreedyStoreKeepsTheFirstRowsOfAClass() {
        ClassBalanced store = ClassBalanced.greedy(4);
        int[] slot = new int[8];
        int[] y = {0, 1, 0, 0, 0, 1, 1, 0};
        for (int i = 0; i < y.length; i++) {
            slot[i] = store.admit(i, y[i], null, Rng.of(1).child("admit", i));
        }
        assertThat(slot).containsExactly(0, 1, 2, -1, -1, 3, -1, -1);
    }

    /** With fewer slots than classes the oldest give way, whatever their ids. */
    @Test
    void withFewerSlotsThanClassesTheNewestStay() {
        int[] y = {9, 9, 4, 4, 7, 7, 1, 1, 3, 3};
        int[] slots = stored(new ClassBalanced(3), 3, y, Rng.of(2));
        assertThat(Arrays.stream(slots).map(i -> y[i]).toArray()).containsExactlyInAnyOrder(7, 1, 3);
    }

    @Property(tries = 100)
    void aSavedPolicyGoesOnAlike(
            @ForAll @IntRange(min = 1, max = 10) int capacity,
            @ForAll @IntRange(min = 0, max = 30) int cut,
            @ForAll @IntRange(max = 100_000) int seed) {
        StorePolicy[][] pairs = {
            {new Reservoir(capacity), new Reservoir(capacity)},
            {new Ring(capacity), new Ring(capacity)},
            {new ClassBalanced(capacity), new ClassBalanced(capacity)}
        };
        for (StorePolicy[] pair : pairs) {
            Rng rng = Rng.of(seed);
            int[] y = new int[40];
            for (int i = 0; i < y.length; i++) {
                y[i] = rng.below(4);
            }
            for (int i = 0; i < cut; i++) {
                pair[0].admit(i, y[i], null, rng.child("admit", i));
            }
            pair[1].load(pair[0].state());
            for (int i = cut; i < y.length; i++) {
                assertThat(pair[1].admit(i, y[i], null, rng.child("admit", i)))
                        .isEqualTo(pair[0].admit(i, y[i], null, rng.child("admit", i)));
            }
            assertThat(pair[1].state().sameAs(pair[0].state())).isTrue();
        }
    }

    @Test
    void damagedStatesAreRefusedAndChangeNothing() {
        ClassBalanced p = new ClassBalanced(4);
        stored(p, 4, new int[] {0, 1, 1, 2, 2}, Rng.of(1));
        State before = p.state();
        State other = new State()
                .put("filled", 9)
                .put("classes", "0")
                .put("seen.0", 9)
                .put("slots.0", "0 1 2");
        assertThatThrownBy(() -> p.load(other)).hasMessageContaining("9 of 4");
        State garbled = new State()
                .put("filled", 1)
                .put("classes", "x")
                .put("seen.x", 1)
                .put("slots.x", "0");
        assertThatThrownBy(() -> p.load(garbled)).hasMessageContaining("'x'");
        assertThat(p.state().sameAs(before)).isTrue();
        assertThatThrownBy(() -> new Reservoir(0)).hasMessageContaining("capacity is 0");
    }
}
