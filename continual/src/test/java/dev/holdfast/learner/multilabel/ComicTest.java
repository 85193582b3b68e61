package dev.holdfast.learner.multilabel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.WithTruth;
import dev.holdfast.data.corrupt.HiddenLabels;
import dev.holdfast.data.corrupt.MissingLabels;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.evaluate.Run;
import dev.holdfast.evaluate.metric.AveragePrecision;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.multilabel.LabelCorrector.Recall;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Joint;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** COMIC on rows whose labels are plain to see, of which some are missing. */
@ExtendWith(NativeMemory.class)
class ComicTest {
    private static final int LABELS = 6;
    private static final int WIDTH = 12;

    /** Each label of a row adds its own direction. */
    private static MemoryDataset rows(int n, String part) {
        try (Scope s = Scope.open()) {
            Schema schema = Schema.of(
                    new Schema.Field(Inputs.X, Schema.Field.Kind.VECTOR, List.of((long) WIDTH), 0),
                    Target.MultiLabel.class,
                    ClassIndex.numbered(LABELS));
            Rng rng = Rng.of(9);
            Tensor directions = rng.child("directions").normal(LABELS, WIDTH).mul_(Tensors.scalar(2));
            Tensor y = rng.child("labels-" + part)
                    .uniform(n, LABELS)
                    .lt(Tensors.scalar(0.35))
                    .to(ScalarType.Float);
            Tensor noise = rng.child("noise-" + part).normal(n, WIDTH).mul_(Tensors.scalar(0.3));
            return MemoryDataset.of(
                    schema, Inputs.of(y.matmul(directions).add_(noise)), new Target.MultiLabel(y, null));
        }
    }

    private static void train(Learner l, Dataset train, int epochs) {
        new Run(l, Joint.of(Dealing.offline(epochs, 16), train, train), List.of(), new MetricLog(), Rng.of(2)).finish();
    }

    private static double precision(Learner l, Dataset test) {
        try (Scope s = Scope.open()) {
            Prediction p = l.predict(
                    test.rows(IntStream.range(0, (int) test.size()).toArray()).inputs());
            assertThat(p.kind()).isEqualTo(Prediction.Kind.SIGMOID_LOGITS);
            return AveragePrecision.of(p.scores(), ((Target.MultiLabel) test.target()).y())
                    .mean();
        }
    }

    @ParameterizedTest
    @EnumSource(ComicConfig.Variant.class)
    void learnsFromLabelsOfWhichSomeAreMissing(ComicConfig.Variant variant) {
        WithTruth<HiddenLabels> partial = new MissingLabels(0.4).apply(rows(400, "train"), Rng.of(1));
        MemoryDataset test = rows(200, "test");
        ComicConfig config = ComicConfig.of(NetConfig.defaults()).with(variant);
        try (Scope s = Scope.open();
                Comic l = new Comic(config, test.schema(), Rng.of(3))) {
            train(l, partial.data(), 8);
            assertThat(precision(l, test)).isGreaterThan(0.9);
            assertThat(l.nets().size()).isEqualTo(3);
        }
    }

    @Test
    void recallsLabelsThatAreMissing() {
        WithTruth<HiddenLabels> partial = new MissingLabels(0.3).apply(rows(400, "train"), Rng.of(1));
        ComicConfig config = ComicConfig.of(NetConfig.defaults()).with(true, true, false);
        try (Scope s = Scope.open();
                Comic l = new Comic(config, partial.data().schema(), Rng.of(3))) {
            train(l, partial.data(), 1);
            assertThat(l.missing()).as("not in the first pass").isEmpty();
            train(l, partial.data(), 10);
            Map<Long, Integer> at = partial.truth().positions();
            List<Recall> recalls = l.missing();
            long right = recalls.stream()
                    .filter(r -> partial.truth().hidden(at.get(r.id()), r.classId()))
                    .count();
            assertThat(right).isGreaterThan(20);
            assertThat(right / (double) recalls.size()).isGreaterThan(0.7);
            assertThat(recalls.get(0).hits())
                    .isGreaterThanOrEqualTo(recalls.get(recalls.size() - 1).hits());
        }
    }

    @Test
    void switchesTakePartsAway() {
        ComicConfig config = ComicConfig.of(NetConfig.defaults()).with(false, false, false);
        MemoryDataset train = rows(100, "train");
        try (Scope s = Scope.open();
                Comic l = new Comic(config, train.schema(), Rng.of(3))) {
            train(l, train, 3);
            assertThat(l.nets().size()).isOne();
            assertThat(l.missing()).isEmpty();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"bce", "asl", "hill", "splc", "focal", "db-focal", "multi-focal"})
    void plainTrainingTakesEveryLossOfLabelSets(String kind) {
        MemoryDataset train = rows(300, "train");
        LossConfig loss = LossConfig.all().get(kind);
        try (Scope s = Scope.open();
                Finetune l = new Finetune(new Finetune.Config(NetConfig.defaults(), loss), train.schema(), Rng.of(3))) {
            train(l, train, 10);
            assertThat(precision(l, rows(200, "test"))).isGreaterThan(0.9);
        }
    }

    @Test
    void refusesRowsWithOneClassAndLossesOfOneClass() {
        Schema one = Schema.vectors(3, ClassIndex.numbered(4));
        assertThatThrownBy(() -> new Comic(ComicConfig.of(NetConfig.defaults()), one, Rng.of(1)))
                .hasMessageContainingAll("sets of labels", "ClassIds");
        assertThatThrownBy(() -> new Finetune(
                        Finetune.Config.of(NetConfig.defaults()), rows(4, "few").schema(), Rng.of(1)))
                .hasMessageContaining("sets of labels");
    }
}
