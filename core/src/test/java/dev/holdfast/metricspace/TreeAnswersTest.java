package dev.holdfast.metricspace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.tree.LabelTrees;
import dev.holdfast.data.tree.Taxonomy;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class TreeAnswersTest {
    private final Taxonomy tree =
            LabelTrees.parse("pets", "animal,\ncat,animal\ndog,animal\ntabby,cat\nsiamese,cat\npoodle,dog\n");

    private Prediction said(Prediction.Kind kind, double[]... rows) {
        return new Prediction(Tensors.of(rows), ClassIndex.named(List.of("siamese", "tabby", "poodle")), kind);
    }

    /** Torn between two cats it says cat; sure, or at a low temperature, it says what the classifier says. */
    @Test
    void answersWithLabelsThatWereNeverLearnt() {
        try (Scope s = Scope.open()) {
            Prediction p =
                    said(Prediction.Kind.PROBABILITIES, new double[] {0.4, 0.5, 0.1}, new double[] {0.05, 0.9, 0.05});
            Prediction q = new TreeAnswers(tree, 1).apply(p);
            assertThat(q.columns().size()).isEqualTo(6);
            assertThat(q.classes()).containsExactly(tree.idOf("cat"), tree.idOf("tabby"));
            assertThat(new TreeAnswers(tree, 0.01).apply(p).classes())
                    .containsExactly(tree.idOf("tabby"), tree.idOf("tabby"));
            assertThat(new TreeAnswers(tree, 1).keepsDecision()).isFalse();
        }
    }

    @Test
    void refusesWhatIsNotInTheTree() {
        try (Scope s = Scope.open()) {
            Prediction p = new Prediction(
                    Tensors.of(new double[][] {{1, 2}}),
                    ClassIndex.named(List.of("tabby", "newt")),
                    Prediction.Kind.LOGITS);
            assertThatThrownBy(() -> new TreeAnswers(tree, 1).apply(p)).hasMessageContainingAll("'newt'", "6 labels");
            assertThatThrownBy(() -> new TreeAnswers(tree, 0)).hasMessageContaining("temperature");
            assertThatThrownBy(
                            () -> new TreeAnswers(tree, 1).apply(said(Prediction.Kind.SCORES, new double[] {1, 2, 3})))
                    .hasMessageContainingAll("SCORES", "calibrate");
        }
    }
}
