package dev.holdfast.nn.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.nn.Pass;
import dev.holdfast.nn.model.Vae.Likelihood;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class VaeTest {
    private static Tensor row(double... a) {
        return Tensors.of(a, 1, a.length);
    }

    @Test
    void theDivergenceIsTheClosedForm() {
        // N(1, 4) and N(-2, 0.25) against N(0, 1): ln(1/s) + (s^2 + m^2 - 1) / 2 each
        double expected = -Math.log(2) + (4 + 1 - 1) / 2.0 + Math.log(2) + (0.25 + 4 - 1) / 2.0;
        assertThat(Vae.divergence(row(1, -2), row(Math.log(4), Math.log(0.25))).item_double())
                .isCloseTo(expected, within(1e-12));
        assertThat(Vae.divergence(row(0, 0), row(0, 0)).item_double()).isZero();
    }

    /** The divergence is also E[ln q - ln p], which many draws approach. */
    @Test
    void theDivergenceIsTheMeanOfLogRatios() {
        Tensor z = Rng.of(4).normal(ScalarType.Double, 200_000);
        double[] e = Tensors.doubles(z);
        double mean = 0.7;
        double deviation = 0.6;
        double sum = 0;
        for (double d : e) {
            double x = mean + deviation * d;
            sum += -d * d / 2 - Math.log(deviation) + x * x / 2;
        }
        assertThat(Vae.divergence(row(mean), row(2 * Math.log(deviation))).item_double())
                .isCloseTo(sum / e.length, within(0.01));
    }

    @Test
    void reconstructionsAreNegativeLogLikelihoods() {
        double p = 1 / (1 + Math.exp(-0.3));
        double coin = -(0.25 * Math.log(p) + 0.75 * Math.log(1 - p)) - Math.log(1 - 1 / (1 + Math.exp(2)));
        assertThat(Vae.reconstruction(row(0.25, 0), row(0.3, -2), Likelihood.BERNOULLI)
                        .item_double())
                .isCloseTo(coin, within(1e-12));
        double normal = 0.5 * (1 + 4) + Math.log(2 * Math.PI);
        assertThat(Vae.reconstruction(row(1, 2), row(0, 4), Likelihood.GAUSSIAN).item_double())
                .isCloseTo(normal, within(1e-12));
    }

    @Test
    void theLossIsReconstructionPlusDivergenceOfACodeDrawnByHand() {
        for (Likelihood likelihood : Likelihood.values()) {
            Vae vae = new Vae.Spec(3, List.of(5), 2, likelihood).build(Rng.of(2), ScalarType.Double);
            Tensor x = Tensors.of(new double[][] {{0.1, 0.9, 0.4}, {0.3, 0, 1}});
            Tensor draws = Tensors.of(new double[][] {{1, -1}, {0.5, 2}});
            double[][] code = Tensors.rows(vae.encode(x, Pass.eval()));
            double[][] z = new double[2][2];
            for (int i = 0; i < 2; i++) {
                for (int j = 0; j < 2; j++) {
                    z[i][j] = code[i][j] + Math.exp(code[i][2 + j] / 2) * Tensors.rows(draws)[i][j];
                }
            }
            double[][] y = Tensors.rows(vae.decode(Tensors.of(z), Pass.eval()));
            double[] loss = Tensors.doubles(vae.loss(x, draws, Pass.eval()));
            for (int i = 0; i < 2; i++) {
                double expected = 0;
                for (int j = 0; j < 2; j++) {
                    double v = code[i][2 + j];
                    expected += (code[i][j] * code[i][j] + Math.exp(v) - 1 - v) / 2;
                }
                for (int d = 0; d < 3; d++) {
                    double t = Tensors.rows(x)[i][d];
                    expected += likelihood == Likelihood.BERNOULLI
                            ? -t * Math.log(y[i][d]) - (1 - t) * Math.log(1 - y[i][d])
                            : (t - y[i][d]) * (t - y[i][d]) / 2 + Math.log(2 * Math.PI) / 2;
                }
                assertThat(loss[i]).isCloseTo(expected, within(1e-10));
            }
        }
    }

    @Test
    void aCopySharesNothing() {
        Vae vae = new Vae.Spec(3, List.of(), 2, Likelihood.GAUSSIAN).build(Rng.of(2), ScalarType.Float);
        Vae copy = vae.copy();
        assertThat(copy.state().sameAs(vae.state())).isTrue();
        copy.parameters().get(0).detach().zero_();
        assertThat(copy.state().sameAs(vae.state())).isFalse();
        assertThat(vae.parameters().size()).isEqualTo(4);
    }

    @Test
    void refusesWhatDoesNotFit() {
        assertThatThrownBy(() -> new Vae.Spec(0, List.of(), 2, Likelihood.GAUSSIAN))
                .hasMessageContaining(">= 1");
        Vae vae = new Vae.Spec(3, List.of(4), 2, Likelihood.GAUSSIAN).build(Rng.of(2), ScalarType.Double);
        assertThatThrownBy(() -> vae.encode(row(1, 2), Pass.eval())).hasMessageContaining("[1, 2]");
        assertThatThrownBy(() -> vae.decode(row(1, 2, 3), Pass.eval())).hasMessageContaining("[1, 3]");
    }
}
