package dev.holdfast.learner.hyper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.nn.hyper.HypernetConfig;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class ConditionalNetTest {
    private static final int ROWS = 64;

    private static Schema schema(Schema.Field.Kind second) {
        return new Schema(
                List.of(
                        new Schema.Field("x", Schema.Field.Kind.VECTOR, List.of(2L), 0),
                        new Schema.Field("turn", second, List.of(1L), 0)),
                Target.ClassIds.class,
                ClassIndex.numbered(2),
                Optional.empty());
    }

    private static ConditionalNet.Config config(double low, double high) {
        return new ConditionalNet.Config(
                new NetConfig(BackboneConfig.mlp(Init.KAIMING_NORMAL, 16), OptimizerConfig.adam(3e-3), true),
                HypernetConfig.mip().with(List.of(16, 16), Activation.LEAKY_RELU, HypernetConfig.Norm.NONE),
                low,
                high);
    }

    /** Which side of a line a point is on; the line turns with the condition, and at its end the sides have swapped. */
    private static Batch batch(int step, double span) {
        Tensor x = Rng.of(1).child("x", step).normal(ROWS, 2);
        Tensor turn = Rng.of(1).child("turn", step).uniform(ROWS, 1);
        double[][] p = Tensors.rows(x);
        double[] a = Tensors.doubles(turn);
        long[] y = new long[ROWS];
        for (int i = 0; i < ROWS; i++) {
            y[i] = Math.cos(Math.PI * a[i]) * p[i][0] + Math.sin(Math.PI * a[i]) * p[i][1] > 0 ? 1 : 0;
        }
        long[] ids = new long[ROWS];
        return new Batch(
                Inputs.of(Map.of("x", x, "turn", turn.mul(Tensors.scalar(span)))), Target.ClassIds.of(y), Rows.of(ids));
    }

    @Test
    void oneNetworkLearnsATaskThatTurnsWithTheCondition() {
        try (ConditionalNet net = new ConditionalNet(config(0, 180), schema(Schema.Field.Kind.CONDITION), Rng.of(2))) {
            for (int step = 0; step < 400; step++) {
                try (Scope s = Scope.open()) {
                    net.learn(batch(step, 180));
                }
            }
            try (Scope s = Scope.open()) {
                Batch test = batch(1_000, 180);
                int[] said = net.predict(test.inputs()).classes();
                long[] truth = test.classIds();
                int right = 0;
                for (int i = 0; i < ROWS; i++) {
                    right += said[i] == truth[i] ? 1 : 0;
                }
                // without the condition half of them would be the best one could do
                assertThat(right).isGreaterThan(ROWS * 85 / 100);
                assertThat(net.footprint().parameters())
                        .isEqualTo(net.model().parameters().count());
            }
        }
    }

    @Test
    void rowsWithoutAConditionAreRefused() {
        assertThatThrownBy(() -> new ConditionalNet(config(0, 1), schema(Schema.Field.Kind.VECTOR), Rng.of(2)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("CONDITION");
        assertThatThrownBy(() -> config(1, 1)).hasMessageContaining("low < high");
    }
}
