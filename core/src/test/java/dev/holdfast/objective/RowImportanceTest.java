package dev.holdfast.objective;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.head.HeadSpec;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.model.Mlp;
import dev.holdfast.objective.RowImportance.Power;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The fast sums over rows are those of one backward pass a row. */
@ExtendWith(NativeMemory.class)
class RowImportanceTest {
    @ParameterizedTest
    @EnumSource(Power.class)
    void oneBackwardPassALayerGivesTheSumsOfOneARow(Power power) {
        MemoryDataset data = Clouds.of(ScalarType.Double, 3, 5, 4, 1, "train");
        Model model = new Mlp(List.of(4L), List.of(7, 6), Init.KAIMING_UNIFORM, Activation.RELU, 0)
                .with(HeadSpec.linear(), ClassIndex.numbered(3))
                .build(Rng.of(2), ScalarType.Double);
        NetObjective on = new NetObjective(model, new CrossEntropy(), data);
        Batch b = data.rows(IntStream.range(0, 15).toArray());
        for (UnaryOperator<Tensor> weight : List.<UnaryOperator<Tensor>>of(
                losses -> losses.mul(Tensors.scalar(0)).add(Tensors.scalar(1)),
                losses -> losses.neg().exp())) {
            ParamVector fast = RowImportance.sum(on, b, power, weight);
            ParamVector slow = RowImportance.byRow(on, b, power, weight);
            // and both are the definition
            double[] w = Tensors.doubles(weight.apply(on.at(b).perSample().detach()));
            Tensor defined = null;
            for (int i = 0; i < 15; i++) {
                Tensor g = Autograd.grad(on.at(b.rows(i)).perSample().sum(), on.parameters(), false)
                        .flat();
                Tensor term = (power == Power.SQUARE ? g.mul(g) : g.abs()).mul(Tensors.scalar(w[i]));
                defined = defined == null ? term : defined.add(term);
            }
            assertThat(Tensors.doubles(fast.flat())).containsExactly(Tensors.doubles(defined), within(1e-12));
            assertThat(Tensors.doubles(slow.flat())).containsExactly(Tensors.doubles(defined), within(1e-12));
            assertThat(defined.sum().item_double()).isPositive();
        }
    }
}
