package dev.holdfast.diagnose;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.diagnose.neurons.NeuronPruner;
import dev.holdfast.diagnose.neurons.NeuronScores;
import dev.holdfast.diagnose.neurons.Phase;
import dev.holdfast.nn.small.QuadraticMlp;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(NativeMemory.class)
class NeuronsTest {
    @ParameterizedTest
    @ValueSource(ints = {5, 7, 8, 13})
    void participationIsBetweenOneBinAndAll(int m) {
        try (Scope s = Scope.open()) {
            Tensor rows = Rng.of(m).normal(ScalarType.Double, 20, m);
            double[] ipr = NeuronScores.inverseParticipation(rows, 2, true);
            assertThat(Arrays.stream(ipr).min().orElseThrow()).isGreaterThanOrEqualTo(1.0 / (m / 2 + 1) - 1e-12);
            assertThat(Arrays.stream(ipr).max().orElseThrow()).isLessThanOrEqualTo(1 + 1e-12);
            double[] scaled = NeuronScores.inverseParticipation(rows.mul(Tensors.scalar(-3)), 2, true);
            double[] shifted = NeuronScores.inverseParticipation(
                    Tensors.cat(1, Tensors.slice(rows, 1, 2, m), Tensors.slice(rows, 1, 0, 2)), 2, true);
            assertThat(scaled).containsExactly(ipr, within(1e-9));
            assertThat(shifted).containsExactly(ipr, within(1e-9));
            double[] cosine = IntStream.range(0, m)
                    .mapToDouble(x -> Math.cos(2 * Math.PI * 2 * x / m + 0.3))
                    .toArray();
            Tensor one = Tensors.of(new double[][] {cosine, new double[m]});
            assertThat(NeuronScores.inverseParticipation(one, 2, true))
                    .containsExactly(new double[] {1, 0}, within(1e-9));
            double[] gini = NeuronScores.gini(one);
            assertThat(gini[0]).isGreaterThan(NeuronScores.gini(Tensors.slice(rows, 0, 1))[0]);
            assertThat(gini[1]).isZero();
        }
        assertThatThrownBy(() -> NeuronScores.inverseParticipation(Tensors.of(new double[][] {{1}}), 0, true))
                .hasMessageContaining("exponent");
    }

    /** Modulo 7 the powers of 3 run through all residues: a function of the logarithm becomes a cosine. */
    @Test
    void multiplicationIsAdditionOfLogarithms() {
        try (Scope s = Scope.open()) {
            double[] row = new double[7];
            int power = 1;
            for (int k = 0; k < 6; k++) {
                row[power] = Math.cos(2 * Math.PI * k / 6);
                power = power * 3 % 7;
            }
            Tensor reordered = NeuronScores.byDiscreteLogarithm(Tensors.of(new double[][] {row}));
            assertThat(NeuronScores.inverseParticipation(reordered, 2, true)[0]).isCloseTo(1, within(1e-9));
            assertThatThrownBy(() -> NeuronScores.byDiscreteLogarithm(Tensors.of(new double[2][8])))
                    .hasMessageContaining("8; expected a prime");
        }
    }

    /** What a neuron does for trusted and doubtful rows is the change of their losses when its output is scaled. */
    @Test
    void contributionsAreDerivatives() {
        try (Scope s = Scope.open();
                QuadraticMlp net = QuadraticMlp.of(7, 6, new QuadraticMlp.Options(), Rng.of(1))) {
            int[] a = {1, 2, 3, 4};
            int[] b = {5, 6, 0, 1};
            Tensor h = net.hidden(a, b).detach().to(ScalarType.Double);
            Tensor w = net.parameters().get(1).detach().to(ScalarType.Double);
            Tensor target = Rng.of(2).normal(ScalarType.Double, 4, 7);
            boolean[] doubtful = {false, true, false, true};
            double[] of = NeuronScores.lossContribution(
                    h, w, h.matmul(w.t()).sub(target).mul(Tensors.scalar(2)), doubtful);
            double eps = 1e-6;
            for (int k = 0; k < 6; k++) {
                Tensor scaled = h.clone();
                scaled.select(1, k).mul_(Tensors.scalar(1 + eps));
                double[] before = losses(h, w, target);
                double[] after = losses(scaled, w, target);
                double change = 0;
                for (int i = 0; i < 4; i++) {
                    change += (doubtful[i] ? 0.5 : -0.5) * (after[i] - before[i]) / eps;
                }
                assertThat(of[k]).isCloseTo(change, within(1e-3));
            }
            assertThatThrownBy(() -> NeuronScores.lossContribution(h, w, target, new boolean[4]))
                    .hasMessageContaining("0 of 4");
        }
    }

    private static double[] losses(Tensor h, Tensor w, Tensor target) {
        Tensor miss = h.matmul(w.t()).sub(target);
        return Tensors.doubles(miss.mul(miss).sum(1));
    }

    /** A curve of removals says what the network without these neurons says, and their order is all that counts. */
    @Test
    void pruningIsSilencing() {
        try (Scope s = Scope.open();
                QuadraticMlp net = QuadraticMlp.of(7, 8, new QuadraticMlp.Options(), Rng.of(3))) {
            int[] a = {1, 2, 3};
            int[] b = {4, 5, 6};
            double[] scores = NeuronScores.inverseParticipation(net.u(), net.v(), net.w());
            int[] order = NeuronPruner.order(scores);
            double[] curve = NeuronPruner.curve(
                    net.hidden(a, b), net.parameters().get(1), order, 6, 2, out -> Tensors.item(out.norm()));
            assertThat(curve).hasSize(4);
            NeuronPruner.silence(net.parameters().get(0), net.parameters().get(1), Arrays.copyOf(order, 4));
            assertThat(Tensors.item(net.outputs(a, b).norm())).isCloseTo(curve[2], within(1e-5));
            assertThat(NeuronPruner.best(new double[] {0.5, 0.9, 0.9, 0.1}, 5)).isEqualTo(10);
            assertThat(NeuronPruner.valley(new double[] {0.1, 0.9, 0.12, 0.95, 0.11, 0.92}))
                    .isEqualTo(3);
            assertThat(NeuronPruner.valley(new double[] {1, 1, 1})).isZero();
            assertThat(NeuronPruner.reversed(new double[] {1, 3, 2, 3})).containsExactly(1, 3, 2, 0);
            assertThatThrownBy(() -> NeuronPruner.curve(
                            net.hidden(a, b), net.parameters().get(1), order, 9, 1, o -> 0))
                    .hasMessageContainingAll("8 neurons", "9");
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0.99, 0.1, 0.35, MEMORISATION",
        "0.99, 0.99, 0.35, COEXISTENCE",
        "0.8, 0.99, 0.35, PARTIAL_INVERSION",
        "0.65, 0.99, 0.35, FULL_INVERSION",
        "0.01, 0.01, 0.35, FORGETTING",
        "0.7, 0.6, 0.35, OTHER"
    })
    void phasesAreNamedByTheirAccuracies(double train, double test, double wrong, Phase phase) {
        assertThat(Phase.of(train, test, wrong)).isEqualTo(phase);
    }

    @Test
    void networksRefuseWhatTheyCannotDo() {
        try (Scope s = Scope.open();
                QuadraticMlp norm = QuadraticMlp.of(
                        5, 4, new QuadraticMlp.Options(QuadraticMlp.Activation.RELU, 0.5, true), Rng.of(1));
                QuadraticMlp plain = QuadraticMlp.of(5, 4, new QuadraticMlp.Options(), Rng.of(1))) {
            assertThatThrownBy(() -> norm.train(new int[] {1}, new int[] {2}, Rng.of(1)))
                    .hasMessageContaining("at least two rows");
            assertThatThrownBy(() -> plain.outputs(new int[] {5}, new int[] {0}))
                    .hasMessageContaining("(5, 0)");
            assertThatThrownBy(() -> plain.outputs(new int[] {1, 2}, new int[] {0}))
                    .hasMessageContaining("2 first");
            assertThatThrownBy(plain::gamma).hasMessageContaining("no batch normalisation");
            assertThatThrownBy(() -> new QuadraticMlp.Options(QuadraticMlp.Activation.RELU, 1, false))
                    .hasMessageContaining("Dropout");
            assertThatThrownBy(() -> Phase.of(2, 0, 0)).hasMessageContaining("[0, 1]");
            // dropout draws by its generator, and not in evaluation
            int[] a = {0, 1, 2, 3};
            Tensor one = norm.train(a, a, Rng.of(4));
            assertThat(Tensors.doubles(norm.train(a, a, Rng.of(4)))).containsExactly(Tensors.doubles(one));
            assertThat(Tensors.doubles(norm.train(a, a, Rng.of(5)))).isNotEqualTo(Tensors.doubles(one));
            assertThat(Tensors.doubles(norm.outputs(a, a))).containsExactly(Tensors.doubles(norm.outputs(a, a)));
            assertThat(Autograd.grad(one.sum(), norm.parameters(), false).get(3))
                    .isNotNull();
        }
    }
}
