package dev.holdfast.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class SchemaTest {
    @Test
    void aSchemaIsChecked() {
        assertThatThrownBy(() -> new Schema.Field("x", Schema.Field.Kind.VECTOR, List.of(0L), 0))
                .hasMessageContaining("sizes >= 1");
        assertThatThrownBy(() -> new Schema.Field("", Schema.Field.Kind.VECTOR, List.of(), 0))
                .hasMessageContaining("name");
        Schema.Field x = new Schema.Field("x", Schema.Field.Kind.VECTOR, List.of(2L, 3L), 0);
        assertThat(x.count()).isEqualTo(6);
        assertThatThrownBy(() ->
                        new Schema(List.of(x, x), Target.ClassIds.class, ClassIndex.EMPTY, java.util.Optional.empty()))
                .hasMessageContaining("two input fields named 'x'");
        assertThatThrownBy(() ->
                        new Schema(List.of(), Target.ClassIds.class, ClassIndex.EMPTY, java.util.Optional.empty()))
                .hasMessageContaining("at least one");
    }

    @Test
    void anErrorHasItsParts() {
        DataException e = DataException.at("f.csv, line 3", "The value is 'x'.", "a number", "Correct it.");
        assertThat(e).hasMessage("f.csv, line 3: The value is 'x'. Expected a number.\nCorrect it.");
        assertThat(List.of(e.where(), e.what(), e.expected(), e.fix()))
                .containsExactly("f.csv, line 3", "The value is 'x'.", "a number", "Correct it.");
    }

    @Test
    void columnsAreAppendedNeverReordered() {
        ClassIndex a = ClassIndex.named(List.of("cat", "dog"));
        ClassIndex b = a.plus(List.of(new ClassIndex.Column(7, "eel")));
        assertThat(b.columnOf(7)).isEqualTo(2);
        assertThat(b.columnsOf(new long[] {1, 7, 0})).containsExactly(1, 2, 0);
        assertThat(b.columnOf(3)).isEqualTo(-1);
        assertThat(a.missing(b)).extracting(ClassIndex.Column::classId).containsExactly(7);
        assertThatThrownBy(() -> b.columnsOf(new long[] {0, 3})).hasMessageContaining("Row 1 has class 3");
        assertThatThrownBy(() -> b.plus(List.of(new ClassIndex.Column(7, "eel"))))
                .hasMessageContaining("two columns");
        assertThat(b.where(c -> c.classId() > 0)).containsExactly(false, true, true);
    }

    @Test
    void oneClassMayHaveAColumnInEachTask() {
        ClassIndex i = ClassIndex.of(List.of(new ClassIndex.Column(0, "a", 0, 0), new ClassIndex.Column(0, "a", 0, 1)));
        assertThat(i.columnOf(0, 1)).isEqualTo(1);
        assertThat(i.columnOf(0, 5)).isZero();
    }

    @Test
    void inputsShowEitherForm() {
        try (Scope s = Scope.open()) {
            Inputs bytes = Inputs.of(Tensors.ofBytes(new byte[] {0, (byte) 255, 51}, 3, 1));
            assertThat(Tensors.floats(bytes.x()))
                    .containsExactly(0f, 255 * (float) (1 / 255.0), 51 * (float) (1 / 255.0));
            Inputs rows = Inputs.of(new double[][] {{1, 2}, {3, 4}, {5, 6}});
            assertThat(Tensors.doubles(rows.x())).containsExactly(1, 2, 3, 4, 5, 6);
            assertThat(rows.rows(2, 0).array("x")).isEqualTo(new double[][] {{5, 6}, {1, 2}});
            Inputs texts = Inputs.of(List.of("a", "b"));
            assertThat(Inputs.concat(texts, texts.rows(1)).text("x")).containsExactly("a", "b", "b");
            assertThatThrownBy(texts::x).hasMessageContaining("texts, not numbers");
            assertThatThrownBy(() -> rows.text("x")).hasMessageContaining("numbers, not texts");
            assertThatThrownBy(() -> rows.array("z")).hasMessageContaining("no field 'z'");
            assertThatThrownBy(() -> Inputs.of(Map.of("a", new double[2][1], "b", new double[3][1])))
                    .hasMessageContaining("rows");
        }
    }

    @Test
    void aBatchIsCheckedAndCut() {
        try (Scope s = Scope.open()) {
            Inputs x = Inputs.of(new double[3][1]);
            assertThatThrownBy(() -> new Batch(x, Target.ClassIds.of(0, 1), Rows.of(0, 1, 2)))
                    .hasMessageContaining("3 rows of inputs but 2 targets");
            assertThatThrownBy(() -> new Batch(x, new Target.None(), Rows.of(0)))
                    .hasMessageContaining("1 row ids");
            Batch b = new Batch(
                    x, Target.ClassIds.of(4, 5, 6), Rows.of(7, 8, 9), 1, 2, new long[] {1, 2, 3}, new long[] {3, 2, 1});
            Batch c = b.rows(2, 0);
            assertThat(c.classIds()).containsExactly(6, 4);
            assertThat(c.rows().ids()).containsExactly(9, 7);
            assertThat(c.time()).containsExactly(3, 1);
            assertThat(c.group()).containsExactly(1, 3);
            assertThatThrownBy(() -> new Rows(new long[2], Tensors.of(new float[3], 3), null, 0, 0))
                    .hasMessageContaining("row weights");
        }
    }

    @Test
    void theBestColumnIsTheLowerOneOnTies() {
        try (Scope s = Scope.open()) {
            Prediction p = new Prediction(
                    Tensors.of(new float[] {1, 3, 3, 9, 2, 0}, 2, 3), ClassIndex.numbered(3), Prediction.Kind.SCORES);
            assertThat(p.classes()).containsExactly(1, 0);
            assertThat(p.classes(c -> c.classId() > 0)).containsExactly(1, 1);
            assertThatThrownBy(() -> p.classes(c -> false)).hasMessageContaining("No score column");
        }
    }

    @Test
    void aPaceIsChecked() {
        assertThatThrownBy(() -> Pace.shuffled(0, 1)).hasMessageContaining("epochs >= 1");
        assertThatThrownBy(() -> new Pace(1, 1, -1, null)).hasMessageContaining("sampler");
        assertThat(Pace.shuffled(3, 4).batches(9)).isEqualTo(9);
    }
}
