package dev.holdfast.nn.hyper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Nets;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.head.HeadSpec;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Linear;
import dev.holdfast.nn.layer.Sequence;
import dev.holdfast.nn.model.Classifier;
import dev.holdfast.nn.model.Mlp;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class MagnitudeReportTest {
    private static Layer net(HypernetConfig c) {
        Fresh f = new Fresh(Rng.of(1), ScalarType.Double, Init.KAIMING_NORMAL);
        Layer net =
                new Sequence("net", new Linear("a", 4, 3, true, f), Activation.RELU, new Linear("b", 3, 2, true, f));
        Hypernet.replace(
                net, s -> true, Map.of("gamma", 1L), c.with(List.of(8, 8), Activation.LEAKY_RELU, c.norm()), Rng.of(2));
        return net;
    }

    private static MagnitudeReport report(Layer net, double... gammas) {
        Tensor x = Nets.normal(3, 6, 4);
        return MagnitudeReport.of(net, Tensors.of(gammas, gammas.length, 1), pass -> net.forward(x, pass)
                .square()
                .mean());
    }

    @Test
    void thePlainFormGrowsWithItsConditionAndTheInvariantOneDoesNot() {
        try (Scope s = Scope.open()) {
            MagnitudeReport plain = report(net(HypernetConfig.plain()), 0.1, 0.5, 1);
            double first = plain.points().get(0).theta();
            assertThat(plain.points().get(1).theta() / first).isCloseTo(5, within(1e-9));
            assertThat(plain.points().get(2).theta() / first).isCloseTo(10, within(1e-9));
            // without biases what leaves the first layer is linear in its weights
            assertThat(plain.points().get(2).activations().get("a")
                            / plain.points().get(0).activations().get("a"))
                    .isCloseTo(10, within(1e-9));
            MagnitudeReport mip = report(net(HypernetConfig.mip()), 0.1, 0.5, 1);
            double low = mip.points().stream()
                    .mapToDouble(MagnitudeReport.Point::theta)
                    .min()
                    .orElseThrow();
            double high = mip.points().stream()
                    .mapToDouble(MagnitudeReport.Point::theta)
                    .max()
                    .orElseThrow();
            assertThat(high / low).isLessThan(2);
            assertThat(mip.points().get(0).condition()).containsExactly(0.1);
            assertThat(mip.points().get(0).activations()).containsOnlyKeys("a", "b");
        }
    }

    @Test
    void variancesAreThoseOfTheDefinition() {
        try (Scope s = Scope.open()) {
            Layer net = net(HypernetConfig.plain());
            State before = net.state().copy();
            assertThat(report(net, 0.7).gradientVariance()).isZero();
            assertThat(report(net, 0.7).thetaVariance()).isZero();
            MagnitudeReport two = report(net, 0, 1);
            // theta is 0 at one end and t at the other: variance |t|^2 / 4 over all weights
            double t = two.points().get(1).theta();
            assertThat(two.thetaVariance()).isCloseTo(t * t / 4 / (12 + 3 + 6 + 2), within(1e-12));
            assertThat(two.gradientVariance()).isPositive();
            assertThat(two.points().get(0).gradient()).isZero();
            assertThat(net.state().sameAs(before)).isTrue();
            assertThatThrownBy(() -> report(net)).hasMessageContaining("at least one");
        }
    }

    @Test
    void aConditionalModelReadsTheConditionOfEveryRow() {
        try (Scope s = Scope.open()) {
            Classifier inner = Mlp.of(4, 3).with(HeadSpec.linear()).build(Rng.of(1), ScalarType.Double);
            inner.head().grow(ClassIndex.numbered(2).columns(), Rng.of(4));
            Hypernet.replace(
                    inner,
                    site -> !site.name().startsWith("head"),
                    Map.of("gamma", 2L),
                    HypernetConfig.mip().with(List.of(8), Activation.LEAKY_RELU, HypernetConfig.Norm.NONE),
                    Rng.of(2));
            ConditionalModel model = new ConditionalModel(inner, List.of("gamma"));
            Tensor x = Nets.normal(3, 3, 4);
            Tensor gamma = Tensors.of(new double[][] {{0, 1}, {0.5, 0.5}, {1, 0.2}});
            Inputs rows = Inputs.of(Map.of("x", x, "gamma", gamma));
            Tensor together = model.scores(rows, Pass.eval());
            for (int i = 0; i < 3; i++) {
                Nets.assertClose(model.scores(rows.rows(i), Pass.eval()), Tensors.rows(together, i), 1e-12);
            }
            Nets.assertSame(model.copy(new Copier()).scores(rows, Pass.eval()), together);
            assertThat(model.features(rows, Pass.eval()).shape()).containsExactly(3, 3);
            assertThat(model.parameters().count()).isEqualTo(inner.parameters().count());
            assertThatThrownBy(() -> model.scores(Inputs.of(x), Pass.eval())).hasMessageContaining("gamma");
        }
    }
}
