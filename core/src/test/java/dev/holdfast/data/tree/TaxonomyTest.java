package dev.holdfast.data.tree;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.BundledSample;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

/** Label trees are read, refused with reasons, and cut to the classes of data. */
@ExtendWith(NativeMemory.class)
class TaxonomyTest {
    private static final String ANIMALS = "# animals\nfish,\nbird,\n\nray, fish\ntrout,fish\nowl,bird\n";

    @Test
    void aFileHasOnePairALine(@TempDir Path dir) throws IOException {
        Path file = Files.writeString(dir.resolve("tree.csv"), ANIMALS);
        Taxonomy t = LabelTrees.open(file.toString());
        assertThat(t.size()).isEqualTo(5);
        assertThat(t.depth()).isEqualTo(2);
        assertThat(t.parent(t.idOf("ray"))).isEqualTo(t.idOf("fish"));
        assertThat(t.level(t.idOf("owl"))).isEqualTo(1);
        assertThat(t.children(t.idOf("fish"))).containsExactly(t.idOf("ray"), t.idOf("trout"));
        assertThat(t.ancestor(t.idOf("owl"), 0)).isEqualTo(t.idOf("bird"));
        assertThat(t.ancestor(t.idOf("bird"), 1)).isEqualTo(-1);
        assertThat(t.edge(t.idOf("bird"))).isZero();
        assertThat(t.edge(t.idOf("owl"))).isEqualTo(1);
        assertThat(t).hasToString("2 levels of [2, 3] classes");
        assertThatThrownBy(() -> t.parent(9)).hasMessageContaining("no class 9");
    }

    @Test
    void nonsenseIsRefusedByLine() {
        assertThatThrownBy(() -> LabelTrees.parse("t.csv", "a,b\nb,c\nc,a"))
                .hasMessageContaining("t.csv")
                .hasMessageContaining("circle");
        assertThatThrownBy(() -> LabelTrees.parse("t.csv", "a,b\nc,b\na,c"))
                .hasMessageContaining("line 3")
                .hasMessageContaining("two parents");
        assertThatThrownBy(() -> LabelTrees.parse("t.csv", "a,b\nlonely")).hasMessageContaining("line 2");
        assertThatThrownBy(() -> LabelTrees.parse("t.csv", "a,")).hasMessageContaining("at least two classes");
        assertThatThrownBy(() -> LabelTrees.read(Path.of("no-such-file.csv"))).hasMessageContaining("no-such-file");
        assertThatThrownBy(() -> LabelTrees.shipped("nothing")).hasMessageContaining("fashion");
    }

    @Test
    void columnsOfATableMakeATree(@TempDir Path dir) throws IOException {
        Path file =
                Files.writeString(dir.resolve("rows.csv"), "x,kind,species\n1,fish,ray\n2,fish,trout\n3,bird,owl\n");
        Taxonomy t = LabelTrees.open(file + "?levels=kind,species");
        assertThat(t.name(t.parent(t.idOf("trout")))).isEqualTo("fish");
        assertThat(t.depth()).isEqualTo(2);
        assertThatThrownBy(() -> LabelTrees.open(file + "?levels=kind,colour")).hasMessageContaining("colour");
        assertThatThrownBy(() -> LabelTrees.open(file + "?levels=kind")).hasMessageContaining("at least two");
        Path twice = Files.writeString(dir.resolve("twice.csv"), "x,kind,species\n1,fish,ray\n2,bird,ray\n3,ray,owl\n");
        assertThatThrownBy(() -> LabelTrees.open(twice + "?levels=kind,species"))
                .hasMessageContaining("ray")
                .hasMessageContaining("two parents");
    }

    @Test
    void aClassHasOneLevel() {
        assertThatThrownBy(() -> Taxonomy.ofRows(List.of(List.of("fish", "ray"), List.of("ray", "owl"))))
                .hasMessageContaining("'ray' stands at level 1")
                .hasMessageContaining("level 0");
        assertThatThrownBy(() -> Taxonomy.ofRows(List.of(List.of("fish", ""))))
                .hasMessageContaining("no label at level 1");
    }

    @Test
    void classesOfDataKeepTheirIds() {
        Taxonomy t = LabelTrees.shipped("fashion").over(ClassIndex.named(BundledSample.FASHION_CLASSES));
        for (int id = 0; id < 10; id++) {
            assertThat(t.name(id)).isEqualTo(BundledSample.FASHION_CLASSES.get(id));
            assertThat(t.level(id)).isEqualTo(1);
        }
        assertThat(t.size()).isEqualTo(13);
        assertThat(t.name(t.parent(1))).isEqualTo("other");
        assertThat(t.classes().columns()).extracting(ClassIndex.Column::level).containsSubsequence(1, 0);
        Taxonomy animals = LabelTrees.parse("animals", ANIMALS);
        assertThatThrownBy(() -> animals.over(ClassIndex.named(List.of("ray", "whale"))))
                .hasMessageContaining("[whale]");
        assertThatThrownBy(() -> animals.over(ClassIndex.named(List.of("ray", "bird"))))
                .hasMessageContaining("'bird' is at level 0");
        // a part of the tree: a class above none of the data's is left out
        assertThat(animals.over(ClassIndex.named(List.of("ray", "trout"))).size())
                .isEqualTo(3);
    }

    @Test
    void shippedTreesAreFoundByTheirClasses() {
        assertThat(LabelTrees.shippedFor(ClassIndex.named(BundledSample.FASHION_CLASSES)))
                .contains(LabelTrees.shipped("fashion"));
        assertThat(LabelTrees.shippedFor(ClassIndex.numbered(10))).contains(LabelTrees.shipped("fashion-mnist-digits"));
        assertThat(LabelTrees.shippedFor(ClassIndex.numbered(11))).isEmpty();
        Taxonomy words = LabelTrees.shipped("wordnet-lexname");
        assertThat(words).hasToString("2 levels of [4, 45] classes");
        assertThat(words.name(words.parent(words.idOf("noun.food")))).isEqualTo("noun");
        assertThat(LabelTrees.shipped("fashion-mnist-digits")).hasToString("3 levels of [2, 6, 20] classes");
    }

    @Test
    void labelsThatSayTheirLevelAreChecked() {
        Taxonomy t = LabelTrees.parse("animals", ANIMALS);
        assertThat(Tensors.longs(
                        t.classIds(levels(new long[] {2, 0}, new long[] {1, 0})).ids()))
                .containsExactly(2, 0);
        assertThatThrownBy(() -> t.classIds(levels(new long[] {2}, new long[] {2})))
                .hasMessageContaining("level 2")
                .hasMessageContaining("0..1");
        assertThatThrownBy(() -> t.classIds(levels(new long[] {2}, new long[] {0})))
                .hasMessageContaining("'ray'")
                .hasMessageContaining("level 1");
        assertThatThrownBy(() -> t.classIds(levels(new long[] {9}, new long[] {0})))
                .hasMessageContaining("class 9");
    }

    private static Target.Levels levels(long[] ids, long[] level) {
        return new Target.Levels(Tensors.of(ids, ids.length), Tensors.of(level, level.length));
    }
}
