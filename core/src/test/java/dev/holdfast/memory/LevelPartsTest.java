package dev.holdfast.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import dev.holdfast.testing.NativeTry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What learners of label levels are made of: sampling, memory and loss, against golden vectors and in their limits. */
@ExtendWith(NativeMemory.class)
@AddLifecycleHook(NativeTry.class)
class LevelPartsTest {
    /** Compared by {@code BlurryTest} and {@code FlexibleReplayTest}. */
    private static final Set<String> ELSEWHERE = Set.of("adaptive-lr", "i-blurry-split", "anytime-metrics");

    private static final Function<int[], Prediction> NOBODY = slots -> {
        throw new AssertionError("nobody was to be asked");
    };

    static Stream<GoldenCase> cases() {
        return Golden.cases("50-hle").filter(c -> !ELSEWHERE.contains(c.kind()));
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agreesWithTheGoldenVectors(GoldenCase c) {
        switch (c.kind()) {
            case "fms" -> sampling(c);
            case "importance-memory" -> {
                c.assertOutput("withoutPseudoLabels", memory(c, ImportanceMemory.Pseudo.OFF));
                c.assertOutput("withPseudoLabels", memory(c, ImportanceMemory.Pseudo.MEAN_PROB));
            }
            case "multi-level-loss" -> loss(c);
            default -> c.failOnKind();
        }
        c.assertAllCompared();
    }

    private static void sampling(GoldenCase c) {
        long[] first = Arrays.stream(c.ints("firstSeenAt")).asLongStream().toArray();
        double[] ofClass = new FlexibleSampling(c.number("horizonFactor"))
                .keepProbability(c.integer("samplesSeen"), c.integer("totalSamples"), first);
        double[] p = Arrays.stream(c.ints("streamLabels"))
                .mapToDouble(y -> ofClass[y])
                .toArray();
        FlexibleSampling.Choice choice =
                FlexibleSampling.choose(p, c.vector("uniforms"), c.integer("batchSize"), c.integer("memoryLength"));
        c.assertOutput("keepProbability", p);
        c.assertOutput("kept", choice.kept());
        c.assertOutput("memoryDraws", choice.memoryDraws());
    }

    /** Classes in the order in which they are named, at their levels. */
    private static ClassIndex classes(JsonNode levels) {
        List<ClassIndex.Column> columns = new ArrayList<>();
        levels.properties()
                .forEach(f -> columns.add(new ClassIndex.Column(
                        columns.size(), f.getKey(), f.getValue().asInt(), -1)));
        return ClassIndex.of(columns);
    }

    private static Map<String, Object> memory(GoldenCase c, ImportanceMemory.Pseudo pseudo) {
        ClassIndex classes = classes(c.input("levels"));
        Map<String, Integer> idOf = new HashMap<>();
        classes.columns().forEach(k -> idOf.put(k.name(), k.classId()));
        int capacity = c.integer("capacity");
        ImportanceMemory m =
                new ImportanceMemory(capacity, new ImportanceMemory.Config(c.number("ema"), pseudo, false), classes);
        List<Integer> ids = new ArrayList<>();
        List<String> labels = new ArrayList<>();
        List<Map<String, Object>> trace = new ArrayList<>();
        List<ClassIndex.Column> seen = new ArrayList<>();
        for (JsonNode e : c.input("events")) {
            switch (e.get("op").asText()) {
                case "insert" -> {
                    String label = e.get("cls").asText();
                    int id = idOf.get(label);
                    if (seen.stream().noneMatch(k -> k.classId() == id)) {
                        seen.add(classes.columns().get(id));
                    }
                    boolean full = ids.size() == capacity;
                    int slot = m.admit(
                            e.get("id").asInt(), id, slots -> said(e.get("probs"), slots, ids, seen), Rng.of(1));
                    Map<String, Object> entry = new LinkedHashMap<>();
                    entry.put("slot", slot);
                    entry.put("decision", full ? decision(m.lastEviction(), classes, ids) : Double.NaN);
                    trace.add(entry);
                    if (full) {
                        ids.set(slot, e.get("id").asInt());
                        labels.set(slot, label);
                    } else {
                        ids.add(e.get("id").asInt());
                        labels.add(label);
                    }
                }
                case "train" -> m.trained(Golden.ints(e.get("indices")));
                case "update" -> m.feedback(IntStream.range(0, ids.size()).toArray(), Golden.vector(e.get("loss")));
                default -> c.failOnKind();
            }
        }
        return Map.of("ids", ids, "classes", labels, "importance", m.importance(), "trace", trace);
    }

    private static Map<String, Object> decision(ImportanceMemory.Eviction e, ClassIndex classes, List<Integer> ids) {
        Map<String, String> pseudo = new HashMap<>();
        e.pseudo()
                .forEach((h, k) ->
                        pseudo.put(Integer.toString(h), classes.columns().get(k).name()));
        return Map.of(
                "star", classes.columns().get(e.largest()).name(),
                "pseudo", pseudo,
                "pool", e.pool(),
                "evicted", ids.get(e.slot()));
    }

    /** Probabilities as the case gives them: by row, then by level, classes in order of appearance. */
    private static Prediction said(JsonNode probs, int[] slots, List<Integer> ids, List<ClassIndex.Column> seen) {
        double[][] p = new double[slots.length][seen.size()];
        for (int i = 0; i < slots.length; i++) {
            Map<Integer, Integer> next = new HashMap<>();
            for (int k = 0; k < seen.size(); k++) {
                int level = seen.get(k).level();
                int at = next.merge(level, 1, Integer::sum) - 1;
                p[i][k] = probs.get(ids.get(slots[i]).toString())
                        .get(Integer.toString(level))
                        .get(at)
                        .asDouble();
            }
        }
        return new Prediction(Tensors.of(p), ClassIndex.of(seen), Prediction.Kind.PROBABILITIES);
    }

    private static void loss(GoldenCase c) {
        JsonNode levels = c.input("logitsPerLevel");
        List<ClassIndex.Column> columns = new ArrayList<>();
        Tensor[] parts = new Tensor[levels.size()];
        int[] start = new int[levels.size()];
        for (int h = 0; h < parts.length; h++) {
            parts[h] = Golden.tensor(levels.get(h));
            start[h] = columns.size();
            for (int k = 0; k < parts[h].size(1); k++) {
                columns.add(new ClassIndex.Column(columns.size(), "c" + columns.size(), h, -1));
            }
        }
        int[] level = c.ints("level");
        int[] label = c.ints("label");
        long[] y = IntStream.range(0, level.length)
                .mapToLong(i -> start[level[i]] + label[i])
                .toArray();
        LossInput in = input(Tensors.cat(1, parts), Target.ClassIds.of(y), ClassIndex.of(columns));
        c.assertOutput("loss", new CrossEntropy().value(in).total(null).item_double());
        Tensor hot = Tensors.oneHot(Arrays.stream(y).mapToInt(i -> (int) i).toArray(), columns.size(), in.scores());
        assertThat(new CrossEntropy()
                        .value(input(in.scores(), new Target.Soft(hot), in.columns()))
                        .total(null)
                        .item_double())
                .isCloseTo(c.expected("loss").asDouble(), within(1e-12));
    }

    private static LossInput input(Tensor scores, Target target, ClassIndex columns) {
        return new LossInput(scores, target, Rows.of(new long[(int) scores.size(0)]), columns);
    }

    private static ClassIndex levels(int... level) {
        return ClassIndex.of(IntStream.range(0, level.length)
                .mapToObj(k -> new ClassIndex.Column(k, "c" + k, level[k], -1))
                .toList());
    }

    /** Smoothing spreads over the row's own level; a level with one class has nothing to learn. */
    @Test
    void smoothingStaysInsideALevelAndOneClassCostsNothing() {
        ClassIndex columns = levels(0, 1, 1, 2);
        Tensor scores = Tensors.of(new double[][] {{3, 1, 2, -4}, {0, 5, -1, 7}});
        CrossEntropy smooth = new CrossEntropy(0.2, LossValue.Reduction.MEAN);
        double[] own = Tensors.doubles(
                smooth.value(input(scores, Target.ClassIds.of(2, 1), columns)).perSample());
        double[] alone = Tensors.doubles(smooth.value(
                        input(Tensors.of(new double[][] {{1, 2}, {5, -1}}), Target.ClassIds.of(1, 0), levels(0, 0)))
                .perSample());
        assertThat(own).containsExactly(alone, within(1e-12));
        Tensor soft = Tensors.of(new double[][] {{0, 0.25, 0.75, 0}, {1, 0, 0, 0}});
        double[] mixed = Tensors.doubles(
                smooth.value(input(scores, new Target.Soft(soft), columns)).perSample());
        double[] mixedAlone = Tensors.doubles(smooth.value(input(
                        Tensors.of(new double[][] {{1, 2}}),
                        new Target.Soft(Tensors.of(new double[][] {{0.25, 0.75}})),
                        levels(0, 0)))
                .perSample());
        assertThat(mixed[0]).isCloseTo(mixedAlone[0], within(1e-12));
        assertThat(mixed[1]).isCloseTo(0, within(1e-12));
        assertThat(new CrossEntropy()
                        .value(input(scores, Target.ClassIds.of(0, 3), columns))
                        .total(null)
                        .item_double())
                .isCloseTo(0, within(1e-12));
        // columns that take no part leave the others of their level
        assertThat(new CrossEntropy()
                        .value(input(scores, Target.ClassIds.of(0, 1), columns).among(c -> c.classId() != 2))
                        .total(null)
                        .item_double())
                .isCloseTo(0, within(1e-12));
    }

    @Property(tries = 50)
    void allRowsStayWhenManyWereSeenAndNoneOfAClassThatCameNow(
            @ForAll @IntRange(min = 1, max = 5) int classes, @ForAll @DoubleRange(min = 0.1, max = 4) double k) {
        long[] first = IntStream.range(0, classes).mapToLong(i -> i + 1).toArray();
        FlexibleSampling s = new FlexibleSampling(k);
        assertThat(s.keepProbability(1_000_000, 1000, first)).containsOnly(1);
        assertThat(s.keepProbability(first[classes - 1], 1000, first)[classes - 1])
                .isZero();
        double[] none = new double[3];
        assertThat(FlexibleSampling.choose(none, new double[3], 8, 0).kept()).containsExactly(0, 1, 2);
        assertThat(FlexibleSampling.choose(none, new double[3], 8, 20).memoryDraws())
                .isEqualTo(8);
    }

    private static Map<Integer, Integer> counts(ReplayBuffer b) {
        Map<Integer, Integer> n = new HashMap<>();
        Arrays.stream(b.classIds()).forEach(k -> n.merge(k, 1, Integer::sum));
        return n;
    }

    private static void offer(
            ImportanceMemory m, List<Integer> held, int id, int classId, Function<int[], Prediction> ask) {
        int slot = m.admit(id, classId, ask, Rng.of(0));
        if (slot == held.size()) {
            held.add(classId);
        } else {
            held.set(slot, classId);
        }
    }

    @Property(tries = 50)
    void aFlatBalancedStreamLeavesABalancedMemory(
            @ForAll @IntRange(min = 2, max = 6) int classes, @ForAll @IntRange(min = 6, max = 40) int capacity) {
        ImportanceMemory m =
                new ImportanceMemory(capacity, ImportanceMemory.Config.flat(), ClassIndex.numbered(classes));
        List<Integer> held = new ArrayList<>();
        for (int i = 0; i < 10 * capacity; i++) {
            offer(m, held, i, i % classes, NOBODY);
            assertThat(held.size()).isLessThanOrEqualTo(capacity);
        }
        for (int c = 0; c < classes; c++) {
            int k = c;
            long n = held.stream().filter(y -> y == k).count();
            assertThat(n).isBetween((long) capacity / classes - 1, (long) capacity / classes + 1);
        }
    }

    /** With a floor no class of another level is starved, whatever the network says of it. */
    @Property(tries = 50)
    void theFloorProtectsEveryClass(@ForAll @IntRange(max = 10_000) int seed) {
        ClassIndex classes = levels(0, 0, 1, 1, 1, 1);
        int capacity = 24;
        ImportanceMemory m = new ImportanceMemory(capacity, ImportanceMemory.Config.levels(), classes);
        List<Integer> held = new ArrayList<>();
        Rng rng = Rng.of(seed);
        Function<int[], Prediction> ask = slots ->
                new Prediction(rng.child("ask", held.size()).uniform(slots.length, 6), classes, Prediction.Kind.LOGITS);
        for (int i = 0; i < 200; i++) {
            int c = i < 60 ? i % 2 : 2 + i % 4;
            int[] before = IntStream.range(0, 6)
                    .map(k -> (int) held.stream().filter(y -> y == k).count())
                    .toArray();
            offer(m, held, i, c, ask);
            if (held.size() == capacity && m.lastEviction() != null) {
                int share = capacity / 6;
                int largest = m.lastEviction().largest();
                for (int k = 0; k < 6; k++) {
                    int lost = k;
                    int now = (int) held.stream().filter(y -> y == lost).count();
                    if (now < before[k] && k != largest) {
                        assertThat(now).isGreaterThanOrEqualTo(share);
                    }
                }
            }
        }
    }

    @Test
    void equalImportanceMeansTheOldestGoes() {
        ImportanceMemory m = new ImportanceMemory(4, ImportanceMemory.Config.flat(), ClassIndex.numbered(2));
        int[] labels = {1, 0, 0, 0};
        for (int i = 0; i < 4; i++) {
            m.admit(i, labels[i], NOBODY, Rng.of(0));
        }
        assertThat(m.admit(4, 0, NOBODY, Rng.of(0))).isEqualTo(1);
        // a tie of classes goes to the one that came first
        assertThat(m.admit(5, 1, NOBODY, Rng.of(0))).isEqualTo(2);
        assertThat(m.lastEviction().largest()).isZero();
    }

    /** On one level there is nobody to ask, so labels that the network gives change nothing. */
    @Test
    void oneLevelMakesPseudoLabelsIdle() {
        ImportanceMemory m = new ImportanceMemory(3, ImportanceMemory.Config.levels(), ClassIndex.numbered(5));
        for (int i = 0; i < 20; i++) {
            m.admit(i, i % 5, NOBODY, Rng.of(0));
        }
        assertThat(m.importance()).hasSize(3);
    }

    @Test
    void badInputChangesNothing() {
        ImportanceMemory m = new ImportanceMemory(3, ImportanceMemory.Config.flat(), ClassIndex.numbered(2));
        m.admit(0, 0, NOBODY, Rng.of(0));
        assertThatThrownBy(() -> m.admit(1, 7, NOBODY, Rng.of(0))).hasMessageContaining("Class 7");
        assertThatThrownBy(() -> m.feedback(new int[] {0, 1}, new double[] {1, 1}))
                .hasMessageContaining("holds 1 entries");
        assertThat(m.importance()).hasSize(1);
        assertThatThrownBy(() -> new ImportanceMemory.Config(1, ImportanceMemory.Pseudo.OFF, false))
                .hasMessageContaining("ema");
        assertThatThrownBy(() -> new FlexibleSampling(0)).hasMessageContaining("horizon");
        assertThatThrownBy(() -> FlexibleSampling.choose(new double[3], new double[2], 4, 9))
                .hasMessageContaining("2 draws");
        assertThatThrownBy(() -> new FlexibleSampling(1).keepProbability(1, 0, new long[] {1}))
                .hasMessageContaining("totalSamples");
    }

    @Test
    void aMemoryIsRestoredToTheBit() {
        ClassIndex classes = levels(0, 1, 1);
        ImportanceMemory a = new ImportanceMemory(4, ImportanceMemory.Config.levels(), classes);
        for (int i = 0; i < 4; i++) {
            a.admit(i, i % 3, NOBODY, Rng.of(0));
        }
        a.trained(0, 0, 2);
        a.feedback(new int[] {0, 1, 2, 3}, new double[] {1, 2, 3, 4});
        a.trained(1, 3);
        ImportanceMemory b = new ImportanceMemory(4, ImportanceMemory.Config.levels(), classes);
        b.load(a.state());
        for (ImportanceMemory m : List.of(a, b)) {
            m.feedback(new int[] {0, 1, 2, 3}, new double[] {0.5, 2.5, 2, 1});
        }
        assertThat(b.importance()).isEqualTo(a.importance());
        assertThat(a.importance()).doesNotContain(Double.NaN).isNotEqualTo(new double[4]);
        assertThatThrownBy(() -> new ImportanceMemory(5, ImportanceMemory.Config.levels(), classes).load(a.state()))
                .hasMessageContaining("saved");
        assertThat(counts(new ReplayBuffer(4, a, DrawPolicy.uniform(), Rng.of(0))))
                .isEmpty();
    }
}
