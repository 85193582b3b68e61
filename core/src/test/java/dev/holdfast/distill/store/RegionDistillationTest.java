package dev.holdfast.distill.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.Progress;
import dev.holdfast.distill.store.RegionDistillation.Mixing;
import dev.holdfast.distill.store.RegionDistillation.Training;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class RegionDistillationTest {
    private static Net student(Dataset images) {
        return new Net(
                new NetConfig(BackboneConfig.mlp(Init.KAIMING_UNIFORM, 16), OptimizerConfig.adam(0.01), true),
                images.schema(),
                Rng.of(9));
    }

    private static SoftLabelStore store(Dataset images) {
        return SoftLabelStore.record(
                images, StoreBed::teacher, StoreBed.config(Compression.top(2), false), Rng.of(5), Progress.NONE);
    }

    private static double accuracy(Net net, Dataset test) {
        return RegionDistillation.accuracy(
                RegionDistillation.teacher(net::predict, test.schema().classes()), test);
    }

    @Test
    void theStudentLearnsFromTheStoreAlone() {
        Dataset images = StoreBed.images(60, Rng.of(1));
        Dataset test = StoreBed.images(90, Rng.of(2));
        SoftLabelStore s = store(images).adapt(LabelAdaptation.defaults(), images);
        for (Mixing m : Mixing.values()) {
            Net net = student(images);
            RegionDistillation.of(100, 32).withMixing(m).run(s, images, net, Rng.of(3));
            assertThat(accuracy(net, test)).as(m.name()).isGreaterThan(0.85);
        }
    }

    @Test
    void epochsCountRegionsAndTheLastOnesTakeOneEach() {
        RegionDistillation d = new RegionDistillation(13, 4, 8, 1, Mixing.NONE);
        List<Integer> taken = new ArrayList<>();
        for (int e = 0; e < 13; e += d.cropsAt(e)) {
            taken.add(d.cropsAt(e));
        }
        assertThat(taken).containsExactly(4, 4, 1, 1, 1, 1, 1);
        assertThat(new RegionDistillation(3, 4, 8, 1, Mixing.NONE).cropsAt(0)).isEqualTo(1);
        Dataset images = StoreBed.images(10, Rng.of(1));
        Net net = student(images);
        Training t = d.run(store(images), images, net, Rng.of(3));
        assertThat(t.epoch()).isEqualTo(13);
        assertThat(net.step()).isEqualTo(d.steps(10)).isEqualTo(2 * 5 + 5 * 2);
    }

    @Test
    void aRunIsAFunctionOfItsArguments() {
        Dataset images = StoreBed.images(20, Rng.of(1));
        SoftLabelStore s = store(images);
        Net a = student(images);
        Net b = student(images);
        RegionDistillation.of(8, 16).run(s, images, a, Rng.of(3));
        RegionDistillation.of(8, 16).run(s, images, b, Rng.of(3));
        assertThat(a.state().sameAs(b.state())).isTrue();
    }

    @Test
    void batchesHoldKeptRegionsOfEachImageSideBySide() {
        Dataset images = StoreBed.images(12, Rng.of(1));
        SoftLabelStore s = store(images).adapt(LabelAdaptation.absolute(0.3, 0.6, 0.95), images);
        Training t = RegionDistillation.of(8, 16).start(s, images, student(images), Rng.of(3));
        Batch b = t.batch(new int[] {3, 0, 7}, 4, Rng.of(1));
        assertThat(b.rows().ids()).containsExactly(103, 103, 103, 103, 100, 100, 100, 100, 107, 107, 107, 107);
        Tensor x = images.rows(3, 0, 7).inputs().x();
        byte[] shown = Tensors.bytes(b.inputs().x());
        int size = shown.length / 12;
        for (int i = 0; i < 12; i++) {
            byte[] one = Arrays.copyOfRange(shown, i * size, (i + 1) * size);
            int image = i / 4;
            boolean found = false;
            for (int at : s.kept(new int[] {3, 0, 7}[image])) {
                byte[] cut = Tensors.bytes(s.config().crop().cut(x, new int[] {image}, s.regions(at)));
                found |= Arrays.equals(cut, one)
                        && Arrays.equals(
                                Tensors.bytes(s.labels(at)),
                                Tensors.bytes(Tensors.rows(((Target.Soft) b.target()).p(), i)));
            }
            assertThat(found).as("row " + i).isTrue();
        }
    }

    @Test
    void theGradientIsWhatIsSaidLessWhatIsTaughtOverTheKeptRegions() {
        Tensor z = Rng.of(1).normal(ScalarType.Double, 5, 4).set_requires_grad(true);
        Tensor y = Rng.of(2).normal(ScalarType.Double, 5, 4).softmax(1);
        Tensor keep = Tensors.of(new double[] {1, 0, 1, 1, 0}, 5);
        Tensor total = value(z, y, keep);
        Tensor g = new Tensor(
                torch.grad(new TensorVector(total), new TensorVector(z)).get(0));
        Tensor expected = z.detach().softmax(1).sub(y).mul(keep.unsqueeze(1)).div(Tensors.scalar(3));
        assertThat(g.sub(expected).abs().max().item_double()).isLessThan(1e-15);
    }

    @Test
    void nothingKeptIsNothingLearnt() {
        Tensor z = Rng.of(1).normal(ScalarType.Double, 3, 4).set_requires_grad(true);
        Tensor y = Rng.of(2).normal(ScalarType.Double, 3, 4).softmax(1);
        Tensor total = value(z, y, Tensors.zeros(ScalarType.Double, 3));
        assertThat(total.item_double()).isZero();
        Tensor g = new Tensor(
                torch.grad(new TensorVector(total), new TensorVector(z)).get(0));
        assertThat(g.abs().max().item_double()).isZero();
    }

    private static Tensor value(Tensor z, Tensor y, Tensor keep) {
        return new CrossEntropy(0, LossValue.Reduction.MEAN_KEPT)
                .value(new LossInput(z, new Target.Soft(y), Rows.of(new long[(int) z.size(0)]), ClassIndex.numbered(4)))
                .total(keep);
    }

    @Test
    void aTeacherWhoseClassesAreInAnotherOrderIsRefused() {
        Dataset images = StoreBed.images(30, Rng.of(1));
        assertThat(RegionDistillation.requireCompetent(StoreBed::teacher, images))
                .isCloseTo(1, within(0.05));
        assertThatThrownBy(() -> RegionDistillation.requireCompetent(
                        x -> StoreBed.teacher(x).roll(new long[] {1}, new long[] {1}), images))
                .hasMessageContaining("another order");
    }

    @Test
    void aStudentThatDoesNotFitTheStoreIsRefused() {
        Dataset images = StoreBed.images(6, Rng.of(1));
        SoftLabelStore s = store(images);
        Net growing = new Net(
                new NetConfig(BackboneConfig.mlp(Init.KAIMING_UNIFORM, 4), OptimizerConfig.adam(0.01), false),
                images.schema(),
                Rng.of(9));
        assertThatThrownBy(() -> RegionDistillation.of(4, 8).start(s, images, growing, Rng.of(1)))
                .hasMessageContaining("allClassesFromStart");
        assertThatThrownBy(() -> new RegionDistillation(4, 4, 10, 1, Mixing.NONE))
                .hasMessageContaining("multiple");
    }
}
