package dev.holdfast.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.LabelTree;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.tree.LabelTrees;
import dev.holdfast.data.tree.Taxonomy;
import dev.holdfast.scenario.HierarchicalStream.Expansion;
import dev.holdfast.tensor.Rng;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import dev.holdfast.testing.NativeTry;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Labels get finer: which rows come when, with which labels, and what they are tested on. */
@ExtendWith(NativeMemory.class)
@AddLifecycleHook(NativeTry.class)
class HierarchicalStreamTest {
    private static final Taxonomy TREE =
            LabelTrees.parse("six", "top,\nbottom,\na,top\nb,top\nc,bottom\n0,a\n1,a\n2,b\n3,b\n4,c\n5,c\n");

    private static HierarchicalStream.Config config(Expansion e, int levels, int parts) {
        return new HierarchicalStream.Config(
                e, levels, parts, ClassIncremental.Order.SEEDED, new Dealing(1, 4, false, false));
    }

    private static Scenario stream(Expansion e, int levels, int parts, long seed) {
        MemoryDataset train = Clouds.of(6, 8, 2, 1, "train");
        MemoryDataset test = Clouds.of(6, 3, 2, 1, "test");
        return HierarchicalStream.of(config(e, levels, parts), TREE, train, test, Rng.of(seed));
    }

    private static List<Long> ids(Experience e) {
        Dataset d = (Dataset) e.train();
        return IntStream.range(0, (int) d.size()).mapToObj(d::id).toList();
    }

    private static long[] labels(Experience e) {
        return ((Dataset) e.train()).classIds();
    }

    @Property(tries = 30)
    void everyRowComesTwiceOrOnceWithALabelOfItsPart(
            @ForAll Expansion expansion,
            @ForAll @IntRange(min = 1, max = 4) int parts,
            @ForAll @IntRange(max = 1000) int seed) {
        Scenario s = stream(expansion, 0, parts, seed);
        LabelTree tree = s.schema().tree().orElseThrow();
        MemoryDataset train = Clouds.of(6, 8, 2, 1, "train");
        long[] leaf = train.classIds();
        List<Long> all = new ArrayList<>();
        for (Experience e : s) {
            long[] y = labels(e);
            List<Long> id = ids(e);
            all.addAll(id);
            Set<Integer> levels = new TreeSet<>();
            for (int i = 0; i < y.length; i++) {
                assertThat(e.classes().columnOf((int) y[i])).isGreaterThanOrEqualTo(0);
                levels.add(tree.level((int) y[i]));
                int above = (int) leaf[id.get(i).intValue()];
                while (tree.level(above) > tree.level((int) y[i])) {
                    above = tree.parent(above);
                }
                assertThat(y[i]).isEqualTo(above);
            }
            assertThat(levels).hasSize(1);
        }
        assertThat(s.experiences()).hasSize(expansion == Expansion.MULTI_DEPTH ? 3 : parts + 1);
        assertThat(new TreeSet<>(all)).hasSize(48);
        assertThat(all).hasSize(expansion == Expansion.DUAL ? 96 : 48);
        // every level is tested on the same rows
        int levels = expansion == Expansion.MULTI_DEPTH ? 3 : 2;
        assertThat(s.tests().stream().mapToLong(t -> t.data().size()).sum()).isEqualTo(18L * levels);
        for (TestSet t : s.tests()) {
            for (long y : t.data().classIds()) {
                assertThat(t.classes().columnOf((int) y)).isGreaterThanOrEqualTo(0);
            }
        }
    }

    /** A sixth of the rows of each class comes with coarse labels where five parts of fine ones follow. */
    @Test
    void singleLabelsShareTheRowsEvenly() {
        Scenario s = stream(Expansion.SINGLE, 0, 3, 1);
        assertThat(s.experiences()).extracting(e -> e.train().size()).containsExactly(12L, 12L, 12L, 12L);
        assertThat(s.name()).isEqualTo("hle single 3-6 3 parts, hidden boundaries");
        assertThat(s.table()).contains("hidden");
    }

    @Test
    void theSeedAloneDecidesAndLevelsCanBeChosen() {
        assertThat(prints(stream(Expansion.SINGLE, 0, 3, 5))).isEqualTo(prints(stream(Expansion.SINGLE, 0, 3, 5)));
        assertThat(prints(stream(Expansion.SINGLE, 0, 3, 5))).isNotEqualTo(prints(stream(Expansion.SINGLE, 0, 3, 6)));
        Scenario two = stream(Expansion.MULTI_DEPTH, 2, 1, 1);
        assertThat(two.name()).startsWith("hle multi-depth 3-6");
        assertThat(two.schema().classes().size()).isEqualTo(9);
    }

    private static List<String> prints(Scenario s) {
        return s.experiences().stream()
                .map(e -> ids(e) + Arrays.toString(labels(e)))
                .toList();
    }

    @Test
    void nonsenseIsRefused() {
        assertThatThrownBy(() -> config(Expansion.DUAL, 3, 2)).hasMessageContaining("MULTI_DEPTH");
        assertThatThrownBy(() -> config(Expansion.DUAL, 1, 2)).hasMessageContaining("at least 2 levels");
        assertThatThrownBy(() -> config(Expansion.DUAL, 2, 0)).hasMessageContaining("parts");
        assertThatThrownBy(() -> stream(Expansion.DUAL, 2, 7, 1)).hasMessageContaining("cannot be dealt to 7");
        assertThatThrownBy(() -> stream(Expansion.MULTI_DEPTH, 4, 1, 1)).hasMessageContaining("4 levels");
        MemoryDataset seven = Clouds.of(7, 2, 2, 1, "train");
        assertThatThrownBy(() -> HierarchicalStream.of(config(Expansion.DUAL, 2, 2), TREE, seven, seven, Rng.of(1)))
                .hasMessageContaining("does not know the classes [6]");
    }
}
