package dev.holdfast.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.augment.ImageOps;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.source.TransformedDataset;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import dev.holdfast.testing.NativeTry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Streams are partitions: every row and every class once, in an order that the seed alone decides. */
@ExtendWith(NativeMemory.class)
@AddLifecycleHook(NativeTry.class)
class ScenariosTest {
    private static ClassIncremental.Config config(int first, int increment, ClassIncremental.Order order) {
        return new ClassIncremental.Config(first, increment, order, false, Dealing.offline(1, 4));
    }

    private static Set<Long> ids(Dataset d) {
        Set<Long> s = new TreeSet<>();
        for (int i = 0; i < d.size(); i++) {
            s.add(d.id(i));
        }
        return s;
    }

    private static List<Long> dealt(Loader l) {
        List<Long> ids = new ArrayList<>();
        while (l.hasNext()) {
            try (Scope s = Scope.open()) {
                LongStream.of(l.next().rows().ids()).forEach(ids::add);
            }
        }
        return ids;
    }

    private static int[] all(Dataset d) {
        return IntStream.range(0, (int) d.size()).toArray();
    }

    @Property(tries = 80)
    void aClassIncrementalSplitIsAPartition(
            @ForAll @IntRange(min = 2, max = 9) int classes,
            @ForAll @IntRange(min = 0, max = 8) int first,
            @ForAll @IntRange(min = 0, max = 8) int increment,
            @ForAll ClassIncremental.Order order,
            @ForAll @IntRange(max = 100_000) int seed) {
        MemoryDataset train = Clouds.of(classes, 3, 2, 1, "train");
        MemoryDataset test = Clouds.of(classes, 2, 2, 1, "test");
        int step = increment > 0 ? increment : Math.max(1, (classes + 4) / 5);
        int head = first > 0 ? first : step;
        if (head >= classes) {
            assertThatThrownBy(() -> ClassIncremental.of(config(first, increment, order), train, test, Rng.of(seed)))
                    .hasMessageContaining("nothing new");
            return;
        }
        Scenario s = ClassIncremental.of(config(first, increment, order), train, test, Rng.of(seed));
        List<Long> rows = new ArrayList<>();
        List<Long> testRows = new ArrayList<>();
        List<Integer> order2 = new ArrayList<>();
        for (Experience e : s) {
            Dataset part = (Dataset) e.train();
            TestSet t = s.tests().get(e.index());
            assertThat(e.task()).isEqualTo(e.index()).isEqualTo(t.task());
            int expected = e.index() == 0 ? head : Math.min(step, classes - order2.size());
            assertThat(e.classes().size()).isEqualTo(expected);
            assertThat(t.classes()).isEqualTo(e.classes());
            for (Dataset d : List.of(part, t.data())) {
                for (long c : d.classIds()) {
                    assertThat(e.classes().columnOf((int) c)).isNotNegative();
                }
            }
            rows.addAll(ids(part));
            testRows.addAll(ids(t.data()));
            e.classes().columns().forEach(c -> {
                assertThat(c.task()).isEqualTo(e.task());
                order2.add(c.classId());
            });
        }
        assertThat(rows).doesNotHaveDuplicates().containsExactlyInAnyOrderElementsOf(ids(train));
        assertThat(testRows).doesNotHaveDuplicates().containsExactlyInAnyOrderElementsOf(ids(test));
        assertThat(order2).doesNotHaveDuplicates().hasSize(classes);
        if (order == ClassIncremental.Order.NATURAL) {
            assertThat(order2).isSorted();
        }
    }

    private static List<Integer> classOrder(long seed) {
        MemoryDataset d = Clouds.of(10, 2, 2, 1, "train");
        List<Integer> order = new ArrayList<>();
        for (Experience e : ClassIncremental.of(config(2, 2, ClassIncremental.Order.SEEDED), d, d, Rng.of(seed))) {
            e.classes().columns().forEach(c -> order.add(c.classId()));
        }
        return order;
    }

    @Test
    void theSeedAloneDecidesTheOrder() {
        assertThat(classOrder(1)).isEqualTo(classOrder(1));
        Set<List<Integer>> orders = new java.util.HashSet<>();
        for (long seed = 0; seed < 20; seed++) {
            orders.add(classOrder(seed));
        }
        assertThat(orders).hasSizeGreaterThan(18);
    }

    @Test
    void rowsOfUndeclaredClassesAreRefusedByRow() {
        Tensor x = Tensors.zeros(ScalarType.Float, 3, 2);
        MemoryDataset bad = MemoryDataset.of(
                Schema.vectors(2, ClassIndex.numbered(2)), Inputs.of(x), Target.ClassIds.of(0, 1, 7), new long[] {
                    40, 41, 42
                });
        MemoryDataset good = Clouds.of(2, 2, 2, 1, "test");
        assertThatThrownBy(
                        () -> ClassIncremental.of(config(1, 1, ClassIncremental.Order.NATURAL), bad, good, Rng.of(1)))
                .hasMessageContaining("Row 42")
                .hasMessageContaining("class 7");
        assertThatThrownBy(
                        () -> ClassIncremental.of(config(1, 1, ClassIncremental.Order.NATURAL), good, bad, Rng.of(1)))
                .hasMessageContaining("test data");
    }

    @Test
    void aPartWithoutRowsIsRefusedByTask() {
        MemoryDataset train = Clouds.of(3, 2, 2, 1, "train");
        Dataset noTwos = train.subset(0, 1, 3, 4);
        assertThatThrownBy(() ->
                        ClassIncremental.of(config(1, 1, ClassIncremental.Order.NATURAL), noTwos, train, Rng.of(1)))
                .hasMessageContaining("task 2");
        assertThatThrownBy(() ->
                        ClassIncremental.of(config(1, 1, ClassIncremental.Order.NATURAL), train, noTwos, Rng.of(1)))
                .hasMessageContaining("task 2")
                .hasMessageContaining("test");
    }

    @Test
    void rowsThatPassOnceRefuseASecondPass() {
        MemoryDataset d = Clouds.of(4, 3, 2, 1, "train");
        Scenario s = ClassIncremental.of(
                new ClassIncremental.Config(2, 2, ClassIncremental.Order.NATURAL, false, new Dealing(1, 4, true, true)),
                d,
                d,
                Rng.of(1));
        for (Experience e : s) {
            assertThat(e.train().rereadable()).isFalse();
            assertThat(e.train()).isNotInstanceOf(Dataset.class);
            assertThat(dealt(e.train().batches(e.pace(), Rng.of(1)))).hasSize(6);
            assertThatThrownBy(() -> e.train().batches(Pace.shuffled(2, 4), Rng.of(1)))
                    .hasMessageContaining("2 epochs");
        }
        assertThatThrownBy(() -> new Dealing(2, 4, true, true)).hasMessageContaining("epochs");
        assertThat(s.table()).contains("one pass");
        assertThat(s.name()).contains("online");
    }

    private static double[] numbers(Dataset d) {
        return Tensors.doubles(d.rows(all(d)).inputs().x());
    }

    @Test
    void permutedDomainsShuffleTheEntriesOfTrainingAndTestRowsAlike() {
        MemoryDataset d = Clouds.of(3, 4, 7, 1, "train");
        DomainIncremental.Config c =
                DomainIncremental.drawn(DomainIncremental.Shift.PERMUTED, 3, Dealing.offline(1, 4));
        Scenario a = DomainIncremental.of(c, d, d, Rng.of(5));
        Scenario b = DomainIncremental.of(c, d, d, Rng.of(5));
        double[][] plain = Tensors.rows(d.rows(all(d)).inputs().x());
        Set<String> seen = new TreeSet<>();
        for (int k = 0; k < 3; k++) {
            Dataset train = (Dataset) a.experiences().get(k).train();
            assertThat(numbers(train)).containsExactly(numbers(a.tests().get(k).data()));
            assertThat(numbers(train))
                    .containsExactly(numbers((Dataset) b.experiences().get(k).train()));
            double[][] moved = Tensors.rows(train.rows(all(train)).inputs().x());
            // one permutation for all rows
            int[] from = new int[7];
            for (int j = 0; j < 7; j++) {
                for (int i = 0; i < 7; i++) {
                    from[j] = plain[0][i] == moved[0][j] ? i : from[j];
                }
            }
            assertThat(Arrays.stream(from).sorted().toArray()).containsExactly(0, 1, 2, 3, 4, 5, 6);
            for (int r = 0; r < plain.length; r++) {
                for (int j = 0; j < 7; j++) {
                    assertThat(moved[r][j]).isEqualTo(plain[r][from[j]]);
                }
            }
            seen.add(Arrays.toString(from));
            assertThat(ids(train)).isEqualTo(ids(d));
            assertThat(train.subset(1, 2).rows(0, 1).inputs().array("x")[1]).containsExactly(moved[2]);
        }
        assertThat(seen).hasSize(3);
        assertThat(a.experiences().get(0).train())
                .extracting(t -> ((Dataset) t).fingerprint())
                .isNotEqualTo(((Dataset) a.experiences().get(1).train()).fingerprint());
    }

    private static MemoryDataset images() {
        Tensor x = Rng.of(3).uniform(6, 1, 5, 5);
        return MemoryDataset.of(
                Schema.of(
                        new Schema.Field("picture", Schema.Field.Kind.IMAGE, List.of(1L, 5L, 5L), 0),
                        Target.ClassIds.class,
                        ClassIndex.numbered(2)),
                Inputs.of(java.util.Map.of("picture", x)),
                Target.ClassIds.of(0, 1, 0, 1, 0, 1));
    }

    @Test
    void rotatedDomainsTurnTrainingAndTestRowsAlike() {
        MemoryDataset d = images();
        DomainIncremental.Config c = DomainIncremental.drawn(DomainIncremental.Shift.ROTATED, 3, Dealing.offline(1, 4));
        Scenario a = DomainIncremental.of(c, d, d, Rng.of(5));
        Scenario b = DomainIncremental.of(c, d, d, Rng.of(5));
        Set<String> seen = new TreeSet<>();
        double[] plain = numbers(d);
        for (int k = 0; k < 3; k++) {
            Dataset train = (Dataset) a.experiences().get(k).train();
            // the field keeps its name
            assertThat(train.rows(0).inputs().fields()).containsExactly("picture");
            double[] turned = numbers(train);
            assertThat(turned).containsExactly(numbers(a.tests().get(k).data()));
            assertThat(turned)
                    .containsExactly(numbers((Dataset) b.experiences().get(k).train()));
            // the middle stays where it is
            for (int r = 0; r < 6; r++) {
                assertThat(turned[25 * r + 12]).isCloseTo(plain[25 * r + 12], within(1e-5));
            }
            seen.add(Arrays.toString(turned));
        }
        assertThat(seen).hasSize(3);
        assertThatThrownBy(() -> DomainIncremental.of(c, Clouds.of(2, 2, 4, 1, "t"), d, Rng.of(1)))
                .hasMessageContaining("permuted");
        assertThatThrownBy(() -> DomainIncremental.drawn(DomainIncremental.Shift.ROTATED, 1, Dealing.offline(1, 4)))
                .hasMessageContaining("at least 2");
    }

    /** Domain d is turned by d steps, train and test alike, and the first is as it is. */
    @Test
    void turningDomainsGoStepByStep() {
        MemoryDataset d = images();
        Scenario s = DomainIncremental.of(DomainIncremental.turning(4, 0, Dealing.offline(1, 4)), d, d, Rng.of(5));
        Tensor plain = d.rows(0, 1).inputs().x();
        double[] angles = {0, 45, 90, 135};
        for (int k = 0; k < 4; k++) {
            Tensor turned = ((Dataset) s.experiences().get(k).train())
                    .rows(0, 1)
                    .inputs()
                    .x();
            assertThat(Tensors.doubles(turned)).isEqualTo(Tensors.doubles(ImageOps.rotate(plain, angles[k])));
            assertThat(Tensors.doubles(
                            s.tests().get(k).data().rows(0, 1).inputs().x()))
                    .isEqualTo(Tensors.doubles(turned));
        }
        assertThat(s.name()).isEqualTo("domain-turning x4");
        assertThat(s.tests().get(1).name()).isEqualTo("turned by 45.00°");
        Scenario by = DomainIncremental.of(DomainIncremental.turning(2, 10, Dealing.offline(1, 4)), d, d, Rng.of(5));
        assertThat(Tensors.doubles(by.tests().get(1).data().rows(0, 1).inputs().x()))
                .isEqualTo(Tensors.doubles(ImageOps.rotate(plain, 10)));
        assertThatThrownBy(() -> DomainIncremental.turning(2, Double.NaN, Dealing.offline(1, 4)))
                .hasMessageContaining("degrees");
    }

    /** A dot below the middle goes to the right of it, and four quarters are none. */
    @Test
    void picturesTurnCounterClockwise() {
        double[] dot = new double[25];
        dot[3 * 5 + 2] = 1;
        double[] right = new double[25];
        right[2 * 5 + 3] = 1;
        Tensor x = Tensors.of(dot, 1, 1, 5, 5);
        assertThat(Tensors.doubles(ImageOps.rotate(x, 90))).containsExactly(right, within(1e-12));
        Tensor full = x;
        for (int i = 0; i < 4; i++) {
            full = ImageOps.rotate(full, 90);
        }
        assertThat(Tensors.doubles(full)).containsExactly(dot, within(1e-12));
        assertThatThrownBy(() -> ImageOps.rotate(Tensors.of(dot, 25), 90)).hasMessageContaining("images");
    }

    @Test
    void jointTrainingSeesEveryRowOfTheStreamOnceAPass() {
        MemoryDataset d = Clouds.of(4, 3, 2, 1, "train");
        for (boolean online : new boolean[] {false, true}) {
            Scenario s = ClassIncremental.of(
                    new ClassIncremental.Config(
                            1, 2, ClassIncremental.Order.SEEDED, false, new Dealing(1, 5, online, true)),
                    d,
                    d,
                    Rng.of(1));
            Scenario joint = Joint.of(s);
            assertThat(joint.experiences()).hasSize(1);
            assertThat(joint.tests()).isEqualTo(s.tests());
            Experience e = joint.experiences().get(0);
            assertThat(e.classes()).isEqualTo(d.schema().classes());
            assertThat(dealt(e.train().batches(e.pace(), Rng.of(2)))).containsExactlyInAnyOrderElementsOf(ids(d));
        }
        Scenario plain = Joint.of(Dealing.offline(2, 5), d, d);
        Experience e = plain.experiences().get(0);
        assertThat(dealt(e.train().batches(e.pace(), Rng.of(2)))).hasSize(24);
    }

    @Property(tries = 100)
    void aConcatenationIsItsPartsInOrder(
            @ForAll @IntRange(max = 100_000) int seed, @ForAll @IntRange(min = 1, max = 5) int parts) {
        MemoryDataset d = Clouds.of(3, 6, 2, 1, "train");
        Rng rng = Rng.of(seed);
        List<Dataset> of = new ArrayList<>();
        List<Integer> flat = new ArrayList<>();
        for (int p = 0; p < parts; p++) {
            // some parts may be empty
            int[] rows = Arrays.copyOf(rng.permutation(18), rng.below(7));
            of.add(d.subset(rows));
            Arrays.stream(rows).forEach(flat::add);
        }
        ConcatSource c = new ConcatSource(of);
        assertThat(c.size()).isEqualTo(flat.size());
        int n = flat.size();
        int[] some = IntStream.generate(() -> n == 0 ? 0 : rng.below(n))
                .limit(n == 0 ? 0 : 9)
                .toArray();
        Batch b = c.rows(some);
        Batch wanted = d.rows(Arrays.stream(some).map(flat::get).toArray());
        assertThat(b.rows().ids()).containsExactly(wanted.rows().ids());
        assertThat(b.classIds()).containsExactly(wanted.classIds());
        assertThat(Tensors.doubles(b.inputs().x()))
                .containsExactly(Tensors.doubles(wanted.inputs().x()));
        if (n == 0) {
            return;
        }
        assertThat(Tensors.longs(((Target.ClassIds) c.target()).ids()))
                .containsExactly(
                        d.rows(flat.stream().mapToInt(i -> i).toArray()).classIds());
        Dataset sub = c.subset(some);
        assertThat(sub.size()).isEqualTo(some.length);
        for (int i = 0; i < some.length; i++) {
            assertThat(sub.id(i)).isEqualTo(wanted.rows().ids()[i]).isEqualTo(c.id(some[i]));
        }
        assertThat(sub.rows(all(sub)).classIds()).containsExactly(wanted.classIds());
    }

    @Test
    void whatPassesOnceAndIsNotInMemoryCannotBeMixed() {
        MemoryDataset d = Clouds.of(2, 2, 2, 1, "train");
        record Stream(Dataset data) implements dev.holdfast.data.DataSource {
            @Override
            public Schema schema() {
                return data.schema();
            }

            @Override
            public long size() {
                return -1;
            }

            @Override
            public boolean rereadable() {
                return false;
            }

            @Override
            public Loader batches(Pace pace, Rng rng) {
                return data.batches(pace, rng);
            }
        }
        assertThatThrownBy(() -> new ConcatSource(List.of(d, new Stream(d)))).hasMessageContaining("Part 1");
    }

    @Test
    void theTableSaysWhatArrivesWhen() {
        MemoryDataset d = Clouds.of(4, 3, 2, 1, "train");
        Scenario s = ClassIncremental.of(
                new ClassIncremental.Config(
                        2, 2, ClassIncremental.Order.NATURAL, true, new Dealing(3, 5, false, false)),
                d,
                d,
                Rng.of(1));
        assertThat(s.name()).isEqualTo("task-incremental 2x2, hidden boundaries");
        assertThat(s.table().lines()).hasSize(4);
        assertThat(s.table()).contains("0, 1").contains("2, 3").contains("hidden");
    }

    @Test
    void changedInputsLeaveOtherFieldsAlone() {
        try (Scope scope = Scope.open()) {
            Schema schema = new Schema(
                    List.of(
                            new Schema.Field("x", Schema.Field.Kind.VECTOR, List.of(3L), 0),
                            new Schema.Field("dose", Schema.Field.Kind.CONDITION, List.of(1L), 0)),
                    Target.ClassIds.class,
                    ClassIndex.numbered(2),
                    java.util.Optional.empty());
            MemoryDataset rows = MemoryDataset.of(
                    schema,
                    Inputs.of(java.util.Map.of(
                            "x", Tensors.of(new double[][] {{1, 2, 3}, {4, 5, 6}}),
                            "dose", Tensors.of(new double[][] {{7}, {8}}))),
                    Target.ClassIds.of(0, 1));
            Dataset doubled = new TransformedDataset(
                    rows,
                    batch -> batch.withInputs(
                            batch.inputs().with("x", batch.inputs().tensor("x").mul(new Scalar(2)))),
                    "doubled");
            Inputs in = doubled.subset(1, 0).rows(0, 1).inputs();
            assertThat(Tensors.rows(in.tensor("x"))).isDeepEqualTo(new double[][] {{8, 10, 12}, {2, 4, 6}});
            assertThat(Tensors.doubles(in.tensor("dose"))).containsExactly(8, 7);
            assertThat(doubled.fingerprint()).isEqualTo(rows.fingerprint() + "/doubled");
        }
    }
}
