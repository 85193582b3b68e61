package dev.holdfast.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.evaluate.metric.Anytime;
import dev.holdfast.tensor.Rng;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import dev.holdfast.testing.NativeTry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Blurry streams lose no row, keep disjoint classes together, and follow their seed. */
@ExtendWith(NativeMemory.class)
@AddLifecycleHook(NativeTry.class)
class BlurryTest {
    private static Blurry.Config config(int parts, int n, int m, Blurry.Shares shares) {
        return new Blurry.Config(parts, n, m, shares, new Dealing(1, 4, false, false));
    }

    private static Dataset rows(Experience e) {
        return (Dataset) e.train();
    }

    /** Rows of each class in each part. */
    private static Map<Long, int[]> spread(Scenario s) {
        Map<Long, int[]> of = new HashMap<>();
        int parts = s.experiences().size();
        for (Experience e : s) {
            for (long id : rows(e).classIds()) {
                of.computeIfAbsent(id, k -> new int[parts])[e.index()]++;
            }
        }
        return of;
    }

    private static int homes(int[] counts) {
        return (int) Arrays.stream(counts).filter(k -> k > 0).count();
    }

    /** The published check: 50-10 with one class a part keeps 92 % at home and gives 2 % to each other part. */
    @Test
    void fiftyTenKeepsNinetyTwoOfAHundredRowsAtHome() {
        MemoryDataset data = Clouds.of(10, 500, 1, 1, "train");
        Scenario s = Blurry.of(config(5, 50, 10, Blurry.Shares.EQUAL), data, data, Rng.of(4));
        int disjoint = 0;
        for (int[] counts : spread(s).values()) {
            if (homes(counts) == 1) {
                disjoint++;
                continue;
            }
            int home = Arrays.stream(counts).max().orElseThrow();
            assertThat(home).isBetween(450, 470);
            assertThat(Arrays.stream(counts).sum() - home).isBetween(30, 50);
        }
        assertThat(disjoint).isEqualTo(5);
        assertThat(s.experiences()).allSatisfy(e -> assertThat(e.train().size()).isEqualTo(1000));
        assertThat(s.table()).startsWith("i-Blurry-50-10 5 parts, hidden boundaries\npart");
    }

    @Property(tries = 80)
    void everyRowArrivesOnceAndItsClassIsTestedFromItsFirstPartOn(
            @ForAll @IntRange(min = 2, max = 5) int parts,
            @ForAll @IntRange(max = 100) int n,
            @ForAll @IntRange(max = 100) int m,
            @ForAll Blurry.Shares shares,
            @ForAll @IntRange(max = 100_000) int seed) {
        int classes = 2 * parts + seed % 3;
        MemoryDataset train = Clouds.of(classes, 8, 2, 1, "train");
        MemoryDataset test = Clouds.of(classes, 2, 2, 1, "test");
        Scenario s = Blurry.of(config(parts, n, m, shares), train, test, Rng.of(seed));
        List<Long> arrived = new ArrayList<>();
        Set<Long> seen = new TreeSet<>();
        int task = -1;
        for (Experience e : s) {
            Dataset d = rows(e);
            IntStream.range(0, (int) d.size()).forEach(i -> arrived.add(d.id(i)));
            Set<Long> here = new TreeSet<>();
            Arrays.stream(d.classIds()).forEach(here::add);
            assertThat(e.classes().columns())
                    .extracting(c -> (long) c.classId())
                    .containsExactlyElementsOf(here);
            boolean fresh = seen.addAll(here);
            assertThat(e.task()).isEqualTo(fresh ? ++task : task);
            Set<Long> tested = new TreeSet<>();
            s.tests().stream()
                    .filter(t -> t.task() <= e.task())
                    .forEach(t -> Arrays.stream(t.data().classIds()).forEach(tested::add));
            assertThat(tested).isEqualTo(seen);
        }
        assertThat(arrived).doesNotHaveDuplicates().hasSize((int) train.size());
        assertThat(s.tests().stream().mapToLong(t -> t.data().size()).sum()).isEqualTo(test.size());
        int disjoint = Blurry.disjointClasses(classes, n, parts);
        assertThat(disjoint % parts).isZero();
        assertThat(spread(s).values().stream().filter(c -> homes(c) == 1).count())
                .isGreaterThanOrEqualTo(m == 0 ? classes : disjoint);
    }

    @Test
    void theSeedAloneDecides() {
        MemoryDataset data = Clouds.of(8, 10, 2, 1, "train");
        Blurry.Config c = config(4, 50, 20, Blurry.Shares.RANDOM);
        Scenario a = Blurry.of(c, data, data, Rng.of(1));
        assertThat(fingerprints(Blurry.of(c, data, data, Rng.of(1)))).isEqualTo(fingerprints(a));
        assertThat(fingerprints(Blurry.of(c, data, data, Rng.of(2)))).isNotEqualTo(fingerprints(a));
        // shares of the stochastic version differ in size
        assertThat(a.experiences().stream().map(e -> e.train().size()).distinct())
                .hasSizeGreaterThan(1);
    }

    private static List<String> fingerprints(Scenario s) {
        return s.experiences().stream().map(e -> rows(e).fingerprint()).toList();
    }

    @Test
    void nonsenseIsRefused() {
        MemoryDataset data = Clouds.of(3, 2, 2, 1, "train");
        assertThatThrownBy(() -> config(1, 50, 10, Blurry.Shares.EQUAL)).hasMessageContaining("at least 2 parts");
        assertThatThrownBy(() -> config(2, 101, 10, Blurry.Shares.EQUAL)).hasMessageContaining("disjointPercent");
        assertThatThrownBy(() -> config(2, 50, -1, Blurry.Shares.EQUAL)).hasMessageContaining("blurryPercent");
        assertThatThrownBy(() -> Blurry.of(config(5, 0, 0, Blurry.Shares.EQUAL), data, data, Rng.of(1)))
                .hasMessageContaining("no row")
                .hasMessageContaining("fewer parts");
        assertThatThrownBy(() -> Blurry.of(config(9, 0, 0, Blurry.Shares.RANDOM), data, data, Rng.of(1)))
                .hasMessageContaining("no row");
    }

    /** Kinds that are compared where these parts are tested: {@code LevelPartsTest}, {@code FlexibleReplayTest}. */
    private static final Set<String> ELSEWHERE = Set.of("adaptive-lr", "fms", "importance-memory", "multi-level-loss");

    static Stream<GoldenCase> cases() {
        return Golden.cases("50-hle").filter(c -> !ELSEWHERE.contains(c.kind()));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithTheGoldenSplits(GoldenCase c) {
        switch (c.kind()) {
            case "i-blurry-split" -> split(c);
            case "anytime-metrics" -> {
                Anytime a = Anytime.of(
                        c.vector("periodicAccuracy"), c.vector("taskEndAccuracy"), c.matrix("classAccuracyAtTaskEnds"));
                c.assertOutput("aAuc", a.areaUnderCurve());
                c.assertOutput("aAvg", a.average());
                c.assertOutput("aLast", a.last());
                c.assertOutput("fLast", a.forgetting());
            }
            default -> c.failOnKind();
        }
        c.assertAllCompared();
    }

    private static void split(GoldenCase c) {
        int[] order = c.ints("classOrder");
        int parts = c.integer("tasks");
        int disjoint = Blurry.disjointClasses(order.length, c.integer("disjointPercent"), parts);
        Blurry.Groups g = Blurry.groups(order, disjoint, equal(disjoint, parts), equal(order.length - disjoint, parts));
        JsonNode samples = c.input("samplesOfClass");
        int[][] home = new int[parts][];
        Arrays.setAll(home, t -> rows(samples, g.blurry()[t]));
        int[] pool = c.ints("poolPermutation");
        int[][] mixed = Blurry.blur(home, c.integer("blurryPercent"), pool, equal(pool.length, parts));
        List<Map<String, Object>> tasks = new ArrayList<>();
        for (int t = 0; t < parts; t++) {
            tasks.add(Map.of(
                    "disjointClasses", g.disjoint()[t],
                    "blurryClasses", g.blurry()[t],
                    "samples",
                            IntStream.concat(Arrays.stream(rows(samples, g.disjoint()[t])), Arrays.stream(mixed[t]))
                                    .sorted()
                                    .toArray()));
        }
        c.assertOutput("tasks", tasks);
    }

    private static int[] equal(int n, int parts) {
        return IntStream.rangeClosed(0, parts).map(t -> t * n / parts).toArray();
    }

    private static int[] rows(JsonNode samples, int[] classes) {
        return Arrays.stream(classes)
                .flatMap(k -> Arrays.stream(Golden.longs(samples.get(k))).mapToInt(i -> (int) i))
                .toArray();
    }

    /** Shares that do not divide: the first part of a third is not larger than the last by more than one. */
    @Test
    void equalSharesDifferByAtMostOneRowOfThePool() {
        MemoryDataset data = Clouds.of(6, 17, 1, 1, "train");
        Scenario s = Blurry.of(config(3, 0, 100, Blurry.Shares.EQUAL), data, data, Rng.of(4));
        assertThat(s.experiences())
                .allSatisfy(e -> assertThat((double) e.train().size()).isCloseTo(34, within(1.0)));
    }
}
