package dev.holdfast.loss.multilabel;

import static dev.holdfast.loss.multilabel.ComicGoldenTest.input;
import static dev.holdfast.loss.multilabel.ComicGoldenTest.leaf;
import static dev.holdfast.loss.multilabel.ComicGoldenTest.leaves;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.loss.BinaryCrossEntropy;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.balance.GroupedCosineHead;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Losses of label sets in the limits in which they are known ones, and what all of them promise. */
@ExtendWith(NativeMemory.class)
class MultiLabelLossesTest {
    private static Tensor logits(int n, int labels) {
        return Rng.of(3).normal(ScalarType.Double, n, labels).mul(Tensors.scalar(2));
    }

    private static Tensor labels(int n, int labels) {
        return Rng.of(4)
                .uniform(ScalarType.Double, n, labels)
                .lt(Tensors.scalar(0.3))
                .to(ScalarType.Double);
    }

    private static double total(Loss l, Tensor z, Tensor y) {
        return Tensors.item(l.value(input(z, y, 3)).total(null));
    }

    @Test
    void isBinaryCrossEntropyWithoutItsPowers() {
        Tensor z = logits(7, 4);
        Tensor y = labels(7, 4);
        double bce = total(new BinaryCrossEntropy(false, LossValue.Reduction.SUM), z, y);
        LabelCounts n = LabelCounts.of(y);
        assertThat(total(new MultiFocal(MultiFocal.Config.binaryCrossEntropy(), n), z, y))
                .isCloseTo(bce, within(1e-12 * bce));
        assertThat(total(new AsymmetricFocal(0, 0, 0, true), z, y)).isCloseTo(bce, within(1e-12 * bce));
    }

    @Test
    void isTheFocalLossWithoutClassFactors() {
        Tensor z = logits(7, 4);
        Tensor y = labels(7, 4);
        MultiFocal.Config two =
                new MultiFocal.Config(MultiFocal.Form.PAPER, 2, 2, 0, 0, 1.0 / 3, false, true, true, 0, 1);
        double focal = total(new AsymmetricFocal.Focal(2).build(null), z, y);
        assertThat(total(new MultiFocal(two, LabelCounts.of(y)), z, y)).isCloseTo(focal, within(1e-12 * focal));
    }

    @Test
    void recallsNothingAtTauOne() {
        Tensor z = logits(7, 4).mul(Tensors.scalar(10));
        Tensor y = labels(7, 4);
        LabelCounts n = LabelCounts.of(y);
        MultiFocal.Config focal =
                new MultiFocal.Config().withCoOccurrence(false).withExponent(1.0 / 6);
        LabelCorrector rlc = new LabelCorrector(
                new LabelCorrector.Config(
                        1, 0, LabelCorrector.ClassMean.BATCH, 0.9, LabelCorrector.Share.PRESENT, 0, 0, focal),
                n,
                4);
        LossInput in = input(z, y, 0);
        rlc.observe(in);
        assertThat(rlc.recalls()).isEmpty();
        double expected = total(new MultiFocal(focal, n), z, y) * 7 / Tensors.item(y.sum());
        assertThat(total(rlc, z, y)).isCloseTo(expected, within(1e-12 * expected));
    }

    @Test
    void reportsWhatItRecallsAndHowOften() {
        // class 2 is surely there on row 1, and nowhere else
        Tensor z = Tensors.of(new double[][] {{5, -5, -5}, {5, -5, 5}, {-5, 5, -5}});
        Tensor y = Tensors.of(new double[][] {{1, 0, 0}, {1, 0, 0}, {0, 1, 0}});
        LabelCorrector rlc = new LabelCorrector(LabelCorrector.Config.paper(), LabelCounts.of(y), 3);
        rlc.observe(input(z, y, 0));
        assertThat(rlc.recalls()).as("not before its first epoch").isEmpty();
        assertThat(total(rlc, z, y)).isNotNaN();
        rlc.observe(input(z, y, 1));
        rlc.observe(input(z, y, 2));
        assertThat(rlc.recalls()).containsExactly(new LabelCorrector.Recall(1, 2, 2));
        assertThat(rlc.counts().counts())
                .as("recalls of the present epoch alone")
                .containsExactly(2, 1, 1);

        LabelCorrector again = new LabelCorrector(LabelCorrector.Config.paper(), LabelCounts.of(y), 3);
        again.load(rlc.state());
        assertThat(again.recalls()).isEqualTo(rlc.recalls());
        assertThat(total(again, z, y)).isEqualTo(total(rlc, z, y));
    }

    @Test
    void takesRowsWithoutLabels() {
        Tensor z = leaf(logits(3, 4));
        Tensor y = Tensors.zeros(ScalarType.Double, 3, 4);
        Tensor loss = new MultiFocal(new MultiFocal.Config(), LabelCounts.of(labels(9, 4)))
                .value(input(z, y, 0))
                .total(null);
        assertThat(Tensors.finite(loss)).isTrue();
        assertThat(Tensors.finite(Autograd.grad(loss, leaves(z), false).get(0))).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"bce", "multi-focal", "asl", "focal", "hill", "splc", "db-focal"})
    void everyNamedLossTakesSetsAndClassesAndHidesUnknownEntries(String kind) {
        Schema schema = Schema.vectors(2, ClassIndex.numbered(4));
        Loss l = LossConfig.all().get(kind).build(schema);
        // far logits must not give a loss or a slope that is no number
        Tensor z = leaf(logits(7, 4).mul(Tensors.scalar(30)));
        Tensor y = labels(7, 4);
        l.observe(input(z, y, 1));
        LossInput in = input(z, y, 1);
        Tensor total = l.value(in).total(null);
        assertThat(Tensors.item(total)).isGreaterThan(0);
        assertThat(Tensors.finite(Autograd.grad(total, leaves(z), false).get(0)))
                .as(kind)
                .isTrue();
        LossInput one = new LossInput(
                z, Target.ClassIds.of(0, 1, 2, 3, 0, 1, 2), Rows.of(0, 1, 2, 3, 4, 5, 6), ClassIndex.numbered(4));
        assertThat(Tensors.finite(l.value(one).total(null))).isTrue();
        Tensor known = Tensors.zeros(ScalarType.Double, 7, 4);
        LossInput nothing =
                new LossInput(z, new Target.MultiLabel(y, known), Rows.of(0, 1, 2, 3, 4, 5, 6), ClassIndex.numbered(4));
        assertThat(Tensors.item(l.value(nothing).total(null))).isZero();
        assertThat(Tensors.finite(l.value(one.among(c -> c.classId() >= 0)).total(null)))
                .isTrue();
    }

    @Test
    void countsWhatItObservesAndSavesIt() {
        Tensor z = logits(7, 4);
        Tensor y = labels(7, 4);
        MultiFocal l = new MultiFocal.Config().build(Schema.vectors(2, ClassIndex.numbered(4)));
        double before = total(l, z, y);
        l.observe(input(z, y, 0));
        double counted = total(new MultiFocal(new MultiFocal.Config(), LabelCounts.of(y)), z, y);
        assertThat(total(l, z, y)).isCloseTo(counted, within(1e-12)).isNotEqualTo(before);
        MultiFocal again = new MultiFocal.Config().build(Schema.vectors(2, ClassIndex.numbered(4)));
        again.load(l.state());
        assertThat(total(again, z, y)).isEqualTo(total(l, z, y));
    }

    @Test
    void headAndTailLogitsEqualThePlainOnesWithoutADirectionAndScaleAwayLengths() {
        GroupedCosineHead head = new GroupedCosineHead.Spec(16, 1.0 / 32, 2, 0.9)
                .build("head", 6, ClassIndex.numbered(3), Rng.of(1), ScalarType.Double);
        Tensor x = logits(5, 6);
        double[] plain = Tensors.doubles(head.forward(x, Pass.eval()));
        assertThat(Tensors.doubles(head.biased(x, GroupedCosineHead.HEAD, Pass.eval())))
                .containsExactly(plain, within(1e-12));
        assertThat(Tensors.doubles(head.biased(x, GroupedCosineHead.TAIL, Pass.eval())))
                .containsExactly(plain, within(1e-12));
        head.follow(x);
        Tensor far = x.mul(Tensors.scalar(100));
        assertThat(Tensors.doubles(head.biased(far, GroupedCosineHead.TAIL, Pass.eval())))
                .containsExactly(Tensors.doubles(head.biased(x, GroupedCosineHead.TAIL, Pass.eval())), within(1e-9));
    }

    @Test
    void refusesWhatDoesNotFit() {
        assertThatThrownBy(() -> new GroupedCosineHead.Spec(16, 0, 4, 0.9)
                        .build("head", 6, ClassIndex.numbered(3), Rng.of(1), ScalarType.Double))
                .hasMessageContainingAll("6", "4 groups");
        assertThatThrownBy(() -> total(
                        new LabelCorrector(LabelCorrector.Config.paper(), new LabelCounts(3), 3),
                        logits(2, 4),
                        labels(2, 4)))
                .hasMessageContaining("4");
        assertThatThrownBy(
                        () -> new MultiFocal.Config(MultiFocal.Form.PAPER, -1, 3, 1, 1, 1, true, true, true, 0.05, 1.2))
                .hasMessageContaining("gammaPos -1");
    }
}
