package dev.holdfast.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.corrupt.ImageShift;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.evaluate.Compatibility;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.registry.Registry;
import dev.holdfast.scenario.Experience.Protocol;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** New classes and drift in one stream. */
@ExtendWith(NativeMemory.class)
class GilcdTest {
    private static final Dataset TRAIN = Clouds.of(10, 8, 4, 1, "train");
    private static final Dataset TEST = Clouds.of(10, 6, 4, 1, "test");

    private static Gilcd.Config config() {
        return Gilcd.Config.images(Dealing.offline(1, 4))
                .withRows(20)
                .withDrifts(List.of(
                        new ImageShift.None(), ImageShift.featureNoise(0.25), new ImageShift.Contrast(0.45, 0.3)));
    }

    private static Scenario scenario(Gilcd.Config c, long seed) {
        return Gilcd.of(c, TRAIN, TEST, Rng.of(seed));
    }

    private static List<Long> classes(Experience e) {
        List<Long> all = new ArrayList<>();
        Loader l = e.train().batches(e.pace(), Rng.of(1));
        while (l.hasNext()) {
            try (Scope s = Scope.open()) {
                Arrays.stream(l.next().classIds()).forEach(all::add);
            }
        }
        return all;
    }

    @Test
    void aBaseThenFewLabelsAndStreamsWithout() {
        Scenario s = scenario(config(), 1);
        List<Experience> e = s.experiences();
        // base; stream; two new classes and stream; two more and stream
        assertThat(e)
                .extracting(Experience::protocol)
                .containsExactly(
                        Protocol.TRAIN,
                        Protocol.TEST_THEN_ADAPT,
                        Protocol.TRAIN,
                        Protocol.TEST_THEN_ADAPT,
                        Protocol.TRAIN,
                        Protocol.TEST_THEN_ADAPT);
        assertThat(e).extracting(x -> x.classes().size()).containsExactly(6, 6, 2, 8, 2, 10);
        assertThat(e).extracting(Experience::boundaryKnown).containsExactly(true, false, false, false, false, false);
        assertThat(e).extracting(x -> x.train().rereadable()).containsExactly(true, false, false, false, false, false);
        assertThat(e).extracting(x -> x.train().size()).containsExactly(48L, 20L, 10L, 20L, 10L, 20L);
        assertThat(s.tests()).isEmpty();
        for (Experience x : e) {
            assertThat(classes(x)).allMatch(id -> x.classes().columnOf(id.intValue()) >= 0);
        }
        // each class is new once
        assertThat(classes(e.get(2))).doesNotContainAnyElementsOf(classes(e.get(0)));
        assertThat(classes(e.get(4))).doesNotContainAnyElementsOf(classes(e.get(2)));
    }

    @Test
    void itIsAFunctionOfItsSeed() {
        assertThat(classes(scenario(config(), 1).experiences().get(5)))
                .isEqualTo(classes(scenario(config(), 1).experiences().get(5)))
                .isNotEqualTo(classes(scenario(config(), 2).experiences().get(5)));
    }

    @Test
    void wildStreamsAreSortedSmallAndFullOfGarbage() {
        Gilcd.Config wild = config().wild(3, Gilcd.Order.BY_CLASS, 0.3);
        Experience last = scenario(wild, 1).experiences().get(5);
        List<Long> y = classes(last);
        assertThat(last.pace().batchSize()).isEqualTo(3);
        assertThat(y).filteredOn(id -> id == Target.ClassIds.NO_CLASS).hasSize(9);
        List<Integer> columns = y.stream()
                .filter(id -> id >= 0)
                .map(id -> last.classes().columnOf(id.intValue()))
                .toList();
        assertThat(columns).hasSize(20).isSorted();
        assertThat(scenario(wild, 1).name()).contains("by class").contains("30 % garbage");
    }

    @Test
    void garbageOfAnotherSetHasItsShapeChecked() {
        Dataset other = Clouds.of(3, 5, 4, 9, "train");
        Scenario s = Gilcd.of(config().wild(4, Gilcd.Order.SHUFFLED, 0.5), TRAIN, TEST, other, Rng.of(1));
        assertThat(classes(s.experiences().get(1))).contains(Target.ClassIds.NO_CLASS);
        assertThatThrownBy(() -> Gilcd.of(
                        config().wild(4, Gilcd.Order.SHUFFLED, 0.5),
                        TRAIN,
                        TEST,
                        Clouds.of(3, 5, 7, 9, "train"),
                        Rng.of(1)))
                .hasMessageContaining("garbage rows");
    }

    @Test
    void driftsChangeTheStreamAsTheySay() {
        try (Scope s = Scope.open()) {
            Experience contrast = scenario(config(), 1).experiences().get(5);
            Loader l = contrast.train().batches(contrast.pace(), Rng.of(1));
            Batch b = l.next();
            for (int i = 0; i < b.size(); i++) {
                double[] x = Tensors.doubles(b.inputs().x().select(0, i));
                double[] clean = null;
                for (int k = 0; k < TEST.size(); k++) {
                    clean = TEST.id(k) == b.rows().ids()[i]
                            ? Tensors.doubles(TEST.rows(k).inputs().x())
                            : clean;
                }
                for (int k = 0; k < x.length; k++) {
                    assertThat(x[k]).isCloseTo(0.45 * clean[k] + 0.3, within(1e-5));
                }
            }
        }
    }

    @Test
    void allPartsHoldTheSameKindOfNumbers() {
        try (Scope s = Scope.open()) {
            Dataset bytes = MemoryDataset.of(
                    Schema.images(1, 2, 2, ClassIndex.numbered(4)),
                    Inputs.of(Tensors.ofBytes(new byte[64], 16, 1, 2, 2)),
                    Target.ClassIds.of(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3));
            Gilcd.Config c =
                    Gilcd.Config.images(Dealing.offline(1, 4)).withClasses(2, 1).wild(4, Gilcd.Order.SHUFFLED, 0.2);
            Gilcd.Config few = new Gilcd.Config(2, 1, 2, c.drifts(), 0, 4, c.order(), 0.2, c.classOrder(), c.dealing());
            for (Experience e : Gilcd.of(few, bytes, bytes, Rng.of(1))) {
                Batch b = e.train().batches(e.pace(), Rng.of(1)).next();
                assertThat(b.inputs().tensor("x").scalar_type().intern()).isEqualTo(ScalarType.Float);
            }
        }
    }

    @Test
    void badSettingsAreRefused() {
        assertThatThrownBy(() -> scenario(config().withClasses(10, 0), 1)).hasMessageContaining("nothing new");
        assertThatThrownBy(() -> config().wild(0, Gilcd.Order.SHUFFLED, 0)).hasMessageContaining("batchSize");
        assertThatThrownBy(() -> config().wild(1, Gilcd.Order.SHUFFLED, 1)).hasMessageContaining("garbage");
        assertThatThrownBy(() -> config().withDrifts(List.of())).hasMessageContaining("session");
        assertThatThrownBy(() -> Gilcd.Config.images(new Dealing(1, 4, true, true)))
                .hasMessageContaining("announced");
        assertThatThrownBy(() -> scenario(config().withDrifts(List.of(new ImageShift.Blur())), 1))
                .hasMessageContaining("Only images");
        Gilcd.Config many = new Gilcd.Config(
                6,
                2,
                9,
                config().drifts(),
                5,
                4,
                Gilcd.Order.SHUFFLED,
                0,
                ClassIncremental.Order.NATURAL,
                Dealing.offline(1, 4));
        assertThatThrownBy(() -> scenario(many, 1)).hasMessageContaining("8 training rows but 9");
    }

    @Test
    void itCanBeNamedAndFitsLearnersThatNeedOnlyABase() {
        Scenario s = create(Registry.load().scenario("drifting-classes"));
        assertThat(Compatibility.obstacles(Capabilities.of(Trait.NEEDS_BASE, Trait.UNLABELLED), s))
                .isEmpty();
        assertThat(Compatibility.obstacles(Capabilities.of(Trait.NEEDS_BOUNDARIES), s))
                .isNotEmpty();
        assertThat(Compatibility.obstacles(Capabilities.of(Trait.NEEDS_BASE), Stream.of(TEST, 4)))
                .singleElement()
                .asString()
                .contains("base");
    }

    private static <C extends Record> Scenario create(dev.holdfast.registry.ScenarioPlugin<C> p) {
        return p.create(p.defaults(), TRAIN, TEST, Rng.of(1));
    }
}
