package dev.holdfast.learner.analytic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Pace;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.estimate.LinearSvm;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A class meets the classes of its own part, and none else, ever. */
@ExtendWith(NativeMemory.class)
class DeeSilTest {
    private static final int CLASSES = 6;
    private static final int WIDTH = 5;

    private static MemoryDataset data() {
        return Clouds.of(ScalarType.Double, CLASSES, 7, WIDTH, 1, "train");
    }

    private static DeeSil learner() {
        return new DeeSil(new DeeSil.Config(FeatureSpace.Config.inputs(), 1, 1e-12), data().schema(), Rng.of(3));
    }

    private static Experience part(int index, int from, int to) {
        long[] y = data().classIds();
        Dataset rows = data().subset(IntStream.range(0, y.length)
                .filter(i -> y[i] >= from && y[i] < to)
                .toArray());
        return new Experience(index, index, rows, ClassIndex.numbered(CLASSES), true, Pace.inOrder(100));
    }

    private static Tensor alone(Experience e, int from, int classes) {
        Dataset d = (Dataset) e.train();
        Tensor x = FeatureTranslation.normalise(
                d.rows(IntStream.range(0, (int) d.size()).toArray()).inputs().x());
        int[] y = Arrays.stream(d.classIds()).mapToInt(c -> (int) c - from).toArray();
        LinearSvm.Fit fit = LinearSvm.fit(new LinearSvm.Config(1, 1e-12), x, y, classes);
        return Tensors.cat(1, fit.weight(), fit.bias().unsqueeze(1));
    }

    private static double gap(Tensor a, Tensor b) {
        return a.sub(b).abs().max().item_double();
    }

    @Test
    void everyPartIsAMachineOfItsOwnAndStaysAsItIs() {
        DeeSil l = learner();
        l.end(part(0, 0, 3));
        Tensor first = l.state().tensor("weights").clone();
        assertThat(gap(first, alone(part(0, 0, 3), 0, 3))).isLessThanOrEqualTo(1e-8);
        l.end(part(1, 3, 5));
        l.end(part(2, 5, 6));
        Tensor w = l.state().tensor("weights");
        assertThat(gap(Tensors.slice(w, 0, 3), first)).isZero();
        assertThat(gap(Tensors.slice(w, 3, 5), alone(part(1, 3, 5), 3, 2))).isLessThanOrEqualTo(1e-8);
        assertThat(l.predict(data().rows(0, 1).inputs()).columns().size()).isEqualTo(CLASSES);
        // nothing but machines is kept
        assertThat(l.footprint().bytes()).isEqualTo(8L * CLASSES * (WIDTH + 1));
    }

    @Test
    void aReturningClassIsRefusedAndChangesNothing() {
        DeeSil l = learner();
        l.end(part(0, 0, 3));
        var before = l.state().copy();
        assertThatThrownBy(() -> l.end(part(1, 2, 4))).hasMessageContaining("Class 2");
        assertThat(l.state().sameAs(before)).isTrue();
        before.tensors().values().forEach(Tensor::close);
        assertThatThrownBy(() -> learner().predict(data().rows(0).inputs())).isInstanceOf(IllegalStateException.class);
    }
}
