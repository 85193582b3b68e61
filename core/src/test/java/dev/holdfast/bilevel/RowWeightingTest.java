package dev.holdfast.bilevel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

class RowWeightingTest {
    private static final int[] LABELS = {0, 1, 2, 0, 1, 2, 2, 1};
    private static final int[] TRUSTED = {0, 1, 2, 1, 0};

    private static RowWeighting problem(double ridge) {
        return new RowWeighting(x(), LABELS, trusted(), TRUSTED, 3, ridge);
    }

    private static Tensor x() {
        return Rng.of(1).normal(ScalarType.Double, 8, 4);
    }

    private static Tensor trusted() {
        return Rng.of(2).normal(ScalarType.Double, 5, 4);
    }

    /** The closed form is the slope of the trusted loss after exact training, as finite differences see it. */
    @Test
    void hypergradientIsTheSlopeOfTheTrustedLoss() {
        try (Scope s = Scope.open()) {
            RowWeighting w = problem(0.1);
            Tensor lambda = Rng.of(3).normal(ScalarType.Double, 8);
            Tensor zero = Tensors.zeros(ScalarType.Double, 3, 4);
            Tensor best = w.minimum(lambda, zero, 1e-12);
            double[] found =
                    Tensors.doubles(w.hypergradient(lambda, best, new InverseHvp.ConjugateGradient(0, 100, 0), null)
                            .lambda());
            double e = 1e-5;
            for (int i = 0; i < 8; i++) {
                Tensor up = lambda.clone();
                up.select(0, i).add_(Tensors.scalar(e));
                Tensor down = lambda.clone();
                down.select(0, i).sub_(Tensors.scalar(e));
                double slope = (w.trustedLoss(w.minimum(up, best, 1e-12)) - w.trustedLoss(w.minimum(down, best, 1e-12)))
                        / (2 * e);
                assertThat(found[i]).isCloseTo(slope, within(1e-8));
            }
        }
    }

    /** At any W, not only at the minimum, the closed form equals double backward through the same losses. */
    @Test
    void closedFormEqualsAutograd() {
        try (Scope s = Scope.open()) {
            RowWeighting w = problem(0.1);
            Parameters lambda = Quadratic.leaf("lambda", Rng.of(3).normal(ScalarType.Double, 8));
            Parameters layer = Quadratic.leaf("w", Rng.of(4).normal(ScalarType.Double, 3, 4));
            Tensor x = x();
            Tensor t = trusted();
            Tensor y = Tensors.oneHot(LABELS, 3, x);
            Tensor good = Tensors.oneHot(TRUSTED, 3, x);
            BilevelProblem<Object> graph = new BilevelProblem<>() {
                @Override
                public Parameters upper() {
                    return lambda;
                }

                @Override
                public Parameters lower() {
                    return layer;
                }

                @Override
                public Tensor lowerLoss(Object batch) {
                    Tensor v = layer.get(0);
                    Tensor ce = x.matmul(v.t()).log_softmax(1).mul(y).sum(1).neg();
                    return ce.mul(lambda.get(0).sigmoid()).mean().add(v.mul(v).sum(), Tensors.scalar(0.05));
                }

                @Override
                public Tensor upperLoss(Object batch) {
                    return t.matmul(layer.get(0).t())
                            .log_softmax(1)
                            .mul(good)
                            .sum(1)
                            .mean()
                            .neg();
                }

                @Override
                public Object lowerBatch(Rng rng) {
                    return null;
                }

                @Override
                public Object upperBatch(Rng rng) {
                    return null;
                }
            };
            Hypergradient expected = Hypergradient.of(graph, null, q -> null, new InverseHvp.Exact(), null);
            Tensor now = layer.get(0).detach();
            RowWeighting.Gradient found = w.hypergradient(lambda.get(0).detach(), now, new InverseHvp.Exact(), null);
            assertThat(Tensors.doubles(found.v())).containsExactly(Tensors.doubles(expected.v()), within(1e-10));
            assertThat(Tensors.doubles(found.lambda()))
                    .containsExactly(Tensors.doubles(expected.h().flat()), within(1e-10));
            assertThat(Tensors.doubles(w.lowerGradient(lambda.get(0).detach(), now)))
                    .containsExactly(
                            Tensors.doubles(Autograd.grad(graph.lowerLoss(null), layer, false)
                                    .flat()),
                            within(1e-10));
        }
    }

    @Test
    void refusesWhatHasNoSingleMinimum() {
        try (Scope s = Scope.open()) {
            assertThatThrownBy(() -> problem(0))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("ridge");
            assertThatThrownBy(() -> new RowWeighting(x(), LABELS, trusted(), new int[0], 3, 0.1))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThatThrownBy(() -> new HyperCleaning(0, 0.1, 0, 0.2, 0.9, 2, 10))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("steps >= 1");
        assertThatThrownBy(() -> new HyperCleaning(0, 0.1, 1, 0, 0.9, 2, 10))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("rate");
    }
}
