package dev.holdfast.diagnose;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.diagnose.curvature.Hutchinson;
import dev.holdfast.diagnose.curvature.Lanczos;
import dev.holdfast.diagnose.curvature.PowerIteration;
import dev.holdfast.diagnose.stability.LinearisedSgd;
import dev.holdfast.diagnose.stability.Sharpness;
import dev.holdfast.diagnose.stability.Stability;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.nn.small.DiagonalLinear;
import dev.holdfast.nn.small.TwoLayerRelu;
import dev.holdfast.objective.Objective;
import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.LinearAlgebra;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@ExtendWith(NativeMemory.class)
class StabilityTest {
    private static Tensor normal(long seed, long... shape) {
        return Rng.of(seed).normal(ScalarType.Double, shape);
    }

    private static LinearOperator matrix(Tensor a) {
        return new LinearOperator() {
            @Override
            public long size() {
                return a.size(0);
            }

            @Override
            public Tensor apply(Tensor v) {
                return a.matmul(v);
            }
        };
    }

    private static Tensor symmetric(long seed, int n) {
        Tensor a = normal(seed, n, n);
        return a.add(a.t());
    }

    /** The bounds enclose the critical rate, larger batches allow larger rates, and all rows at once are GD. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void ratesAreOrderedAsTheoryOrdersThem(long seed) {
        try (Scope s = Scope.open()) {
            int n = 3 + (int) seed;
            LinearisedSgd sgd = new LinearisedSgd(normal(seed, n, 2 + 2 * (seed % 4)));
            double one = sgd.critical(1, true);
            assertThat(sgd.sufficient()).isLessThanOrEqualTo(one * (1 + 1e-9));
            assertThat(one).isLessThanOrEqualTo(sgd.traceBound() * (1 + 1e-9));
            assertThat(one).isLessThanOrEqualTo(sgd.critical(2, true) * (1 + 1e-9));
            assertThat(sgd.critical(2, true)).isLessThanOrEqualTo(sgd.critical(2, false) * (1 + 1e-9));
            assertThat(sgd.critical(2, false)).isLessThanOrEqualTo(sgd.gdCritical() * (1 + 1e-9));
            assertThat(sgd.critical(n, false)).isCloseTo(sgd.gdCritical(), within(1e-9));
            assertThat(sgd.critical(1, false)).isCloseTo(one, within(1e-9));
            // the map's radius is 1 exactly there
            assertThat(sgd.radius(one, 1, true)).isCloseTo(1, within(1e-8));
            assertThat(sgd.radius(1.1 * one, 1, true)).isGreaterThan(1);
        }
    }

    @Test
    void rowsOfThePMatrixSumToHalfTheSquaredGradients() {
        try (Scope s = Scope.open()) {
            Tensor g = normal(3, 5, 9);
            LinearisedSgd sgd = new LinearisedSgd(g);
            double[] squares = Tensors.doubles(g.mul(g).sum(1));
            double[] sums = Tensors.doubles(sgd.p().sum(1));
            for (int i = 0; i < 5; i++) {
                assertThat(sums[i]).isCloseTo(squares[i] / 2, within(1e-10));
            }
            assertThat(1 / Tensors.item(LinearAlgebra.eigh(sgd.p()).values().max()))
                    .isCloseTo(sgd.critical(1, true), within(1e-10));
        }
    }

    @Test
    void boundsAreReachedWhereTheyShouldBe() {
        try (Scope s = Scope.open()) {
            Tensor orthogonal =
                    LinearAlgebra.orthonormal(normal(4, 6, 4)).t().mul(Tensors.of(new double[] {1, 2, 0.5, 3}, 4, 1));
            LinearisedSgd apart = new LinearisedSgd(orthogonal);
            assertThat(apart.critical(1, true)).isCloseTo(2 / 9.0, within(1e-10));
            Tensor g = normal(5, 4, 7);
            LinearisedSgd equal = new LinearisedSgd(g.div(g.mul(g).sum(1).sqrt().unsqueeze(1)));
            assertThat(equal.critical(1, true)).isCloseTo(equal.traceBound(), within(1e-10));
            assertThat(equal.sufficient()).isCloseTo(equal.traceBound(), within(1e-10));
        }
    }

    /** The second moment that the map predicts is the mean over all equally likely batches of one row. */
    @Test
    void theMapIsWhatSgdDoesToTheSecondMoment() {
        try (Scope s = Scope.open()) {
            Tensor g = normal(6, 3, 3);
            LinearisedSgd sgd = new LinearisedSgd(g);
            double eta = 0.7 * sgd.critical(1, true);
            Tensor moment = LinearAlgebra.orthonormal(normal(7, 3, 3)).diag().diag();
            double growth = 0;
            for (int t = 0; t < 300; t++) {
                Tensor next = Tensors.zerosLike(moment, 3, 3);
                for (int i = 0; i < 3; i++) {
                    Tensor gi = g.select(0, i);
                    Tensor move = torchEye(3).sub(gi.outer(gi).mul(Tensors.scalar(eta)));
                    next.add_(move.matmul(moment).matmul(move).div(Tensors.scalar(3)));
                }
                growth = Tensors.item(next.norm()) / Tensors.item(moment.norm());
                moment = next.div(next.norm());
            }
            assertThat(growth).isCloseTo(sgd.radius(eta, 1, true), within(1e-6));
        }
    }

    private static Tensor torchEye(int n) {
        return org.bytedeco.pytorch.global.torch.eye(n).to(ScalarType.Double);
    }

    @Test
    void verdictsNameWhatStays() {
        try (Scope s = Scope.open()) {
            Tensor g = normal(8, 6, 10);
            LinearisedSgd sgd = new LinearisedSgd(g);
            double critical = sgd.critical(1, true);
            Stability below = Stability.of(g, 0.99 * critical, 1, Rng.of(1));
            assertThat(below.sgdStable()).isTrue();
            assertThat(below.gdStable()).isTrue();
            assertThat(below.withinTraceBound()).isTrue();
            Stability above = Stability.of(g, 1.01 * critical, 1, Rng.of(1));
            assertThat(above.sgdStable()).isFalse();
            assertThat(above.alignmentMin()).isPositive().isLessThanOrEqualTo(above.alignmentMedian());
            assertThat(above.toString()).contains("SGD leaves", "gradient descent stays");
            assertThat(Stability.doubt(0, 1)).isEmpty();
            assertThat(Stability.doubt(0.1, 1))
                    .hasValueSatisfying(t -> assertThat(t).contains("0.1", "not fitted"));
        }
    }

    @Test
    void allSignsOrADiagonalGiveTheTraceExactly() {
        try (Scope s = Scope.open()) {
            Tensor a = symmetric(9, 4);
            double[][] signs = new double[16][4];
            for (int i = 0; i < 16; i++) {
                for (int j = 0; j < 4; j++) {
                    signs[i][j] = (i >> j & 1) == 1 ? 1 : -1;
                }
            }
            Hutchinson.Result all = Hutchinson.run(matrix(a), Tensors.of(signs));
            assertThat(all.trace().mean()).isCloseTo(Tensors.item(a.trace()), within(1e-12));
            assertThat(all.frobeniusSquared().mean())
                    .isCloseTo(Tensors.item(a.mul(a).sum()), within(1e-11));
            Hutchinson.Result diagonal =
                    new Hutchinson(1, 0).run(matrix(a.diag().diag()), Rng.of(2), a);
            assertThat(diagonal.trace().mean()).isCloseTo(Tensors.item(a.trace()), within(1e-12));
            // precise at once, so it stops at the least number of probes
            assertThat(new Hutchinson(50, 0.05)
                            .run(matrix(a.diag().diag()), Rng.of(2), a)
                            .trace()
                            .n())
                    .isEqualTo(10);
        }
    }

    @Test
    void lanczosFindsTheSpectrumAndItsVectors() {
        try (Scope s = Scope.open()) {
            Tensor a = symmetric(10, 7);
            Lanczos.Result r = new Lanczos(7, 0).run(matrix(a), normal(11, 7));
            assertThat(r.ritz())
                    .containsExactly(
                            Tensors.doubles(LinearAlgebra.eigh(a).values().flip(0)), within(1e-9));
            Tensor v = r.vector(0);
            assertThat(Tensors.item(
                            a.matmul(v).sub(v.mul(Tensors.scalar(r.largest()))).norm()))
                    .isLessThan(1e-9);
            // an invariant subspace ends it early: two distinct eigenvalues, two steps
            Tensor two = Tensors.of(new double[][] {{1, 0, 0}, {0, 1, 0}, {0, 0, 5}});
            assertThat(new Lanczos(3, 0).run(matrix(two), normal(12, 3)).ritz())
                    .containsExactly(new double[] {5, 1}, within(1e-12));
            // cut off early, the residual says how far off it may be
            Tensor big = symmetric(13, 60);
            Lanczos.Result early = new Lanczos(12, 0).run(matrix(big), normal(14, 60));
            double truth = Tensors.item(LinearAlgebra.eigh(big).values().max());
            assertThat(Math.abs(truth - early.largest())).isLessThanOrEqualTo(early.residuals()[0]);
            assertThat(new Lanczos(60, 1e-3).run(matrix(big), normal(14, 60)).ritz().length)
                    .isLessThan(60);
            double[] power = PowerIteration.rayleigh(matrix(a.matmul(a)), normal(15, 7), 400);
            assertThat(power[399]).isCloseTo(Math.pow(Math.max(r.largest(), -r.smallest()), 2), within(1e-6));
        }
    }

    /** The sum over rows of (w2 . tanh(w1 x) - 1)^2 / 2. */
    private record Tiny(Parameters parameters) implements Objective {
        @Override
        public LossValue at(Batch b) {
            Tensor f = b.inputs().x().matmul(parameters.get(0).t()).tanh().matmul(parameters.get(1));
            Tensor miss = f.sub(Tensors.scalar(1));
            return new SampleLosses("square", miss.mul(miss).div(Tensors.scalar(2)), LossValue.Reduction.MEAN);
        }

        @Override
        public DataSource data() {
            return null;
        }
    }

    @Test
    void sharpnessOfAnyLossIsThatOfItsHessian() {
        Tensor w1 = Scope.own(normal(16, 3, 2)).set_requires_grad(true);
        Tensor w2 = Scope.own(normal(17, 3)).set_requires_grad(true);
        Parameters p = new Parameters(
                List.of(
                        new ParamMeta("w1", ParamMeta.Role.HIDDEN, 2, 3, true, 0),
                        new ParamMeta("w2", ParamMeta.Role.HEAD, 3, 1, true, 0)),
                List.of(w1, w2));
        try (Scope s = Scope.open()) {
            Batch b = new Batch(
                    Inputs.of(normal(18, 8, 2)), Target.ClassIds.of(new long[8]), Rows.of(0, 1, 2, 3, 4, 5, 6, 7));
            Tiny loss = new Tiny(p);
            double[][] h = new double[9][];
            dev.holdfast.objective.HvpOperator hvp = new dev.holdfast.objective.HvpOperator(loss, List.of(b));
            for (int i = 0; i < 9; i++) {
                h[i] = Tensors.doubles(hvp.apply(torchEye(9).select(0, i)));
            }
            Tensor dense = Tensors.of(h);
            double[] eigen =
                    Tensors.doubles(LinearAlgebra.eigh(dense.add(dense.t()).div(Tensors.scalar(2)))
                            .values());
            Sharpness sharp = Sharpness.of(loss, List.of(b), Rng.of(1), new Lanczos(9, 0), new Hutchinson(2000, 0));
            assertThat(sharp.largest()).isCloseTo(eigen[8], within(1e-8));
            assertThat(sharp.smallest()).isCloseTo(eigen[0], within(1e-8));
            assertThat(sharp.trace().mean())
                    .isCloseTo(
                            Tensors.item(dense.trace()),
                            within(4 * sharp.trace().standardError()));
            assertThat(sharp.products()).isEqualTo(2009);
            assertThat(Sharpness.largest(loss, List.of(b), Rng.of(2), new Lanczos(9, 0)))
                    .isCloseTo(eigen[8], within(1e-8));
            assertThat(sharp.toString()).contains("lambda_max");
        }
        w1.close();
        w2.close();
    }

    /** tr H bounds the norms that it should, with equality for balanced weights. */
    @Test
    void tracesBoundNorms() {
        try (Scope s = Scope.open()) {
            TwoLayerRelu relu = new TwoLayerRelu(normal(19, 6), normal(20, 6, 4));
            assertThat(relu.populationTrace()).isGreaterThan(relu.traceLowerBound());
            Tensor w = normal(21, 6, 4);
            TwoLayerRelu balanced = new TwoLayerRelu(w.mul(w).sum(1).sqrt().div(Tensors.scalar(2)), w);
            assertThat(balanced.populationTrace()).isCloseTo(balanced.traceLowerBound(), within(1e-12));
            DiagonalLinear net = new DiagonalLinear(normal(22, 5), normal(23, 5));
            double[] of =
                    Tensors.doubles(LinearAlgebra.eigh(net.populationHessian()).values());
            double[] curvature = Tensors.doubles(net.curvatures().sort(0, false).get0());
            for (int i = 0; i < 5; i++) {
                assertThat(of[i]).isCloseTo(0, within(1e-12));
                assertThat(of[5 + i]).isCloseTo(curvature[i], within(1e-12));
            }
            DiagonalLinear.Squares squares = new DiagonalLinear.Squares(normal(24, 5), normal(25, 5));
            double[] least = Tensors.doubles(squares.predictor().abs().mul(Tensors.scalar(4)));
            double[] has = Tensors.doubles(squares.curvatures());
            for (int i = 0; i < 5; i++) {
                assertThat(has[i]).isGreaterThanOrEqualTo(least[i]);
            }
            // the closed-form gradients are those of the outputs
            Tensor x = normal(26, 3, 5);
            double eps = 1e-6;
            Tensor u = squares.u();
            Tensor moved = u.clone();
            moved.select(0, 2).add_(Tensors.scalar(eps));
            Tensor difference = x.matmul(new DiagonalLinear.Squares(moved, squares.v()).predictor())
                    .sub(x.matmul(squares.predictor()))
                    .div(Tensors.scalar(eps));
            assertThat(Tensors.doubles(squares.gradients(x).select(1, 2)))
                    .containsExactly(Tensors.doubles(difference), within(1e-5));
        }
    }

    @Test
    void badInputIsRefusedWithWhatToDo() {
        try (Scope s = Scope.open()) {
            assertThatThrownBy(() -> new LinearisedSgd(Tensors.zeros(ScalarType.Double, 3, 2)))
                    .hasMessageContainingAll("3 output gradients are 0", "Maybe");
            LinearisedSgd sgd = new LinearisedSgd(normal(1, 3, 2));
            assertThatThrownBy(() -> sgd.critical(4, true)).hasMessageContainingAll("n = 3", "4");
            assertThatThrownBy(() -> sgd.critical(0, true)).hasMessageContaining("0");
            assertThatThrownBy(() -> sgd.radius(0, 1, true)).hasMessageContaining("rate");
            assertThatThrownBy(() -> sgd.alignment(Tensors.zeros(ScalarType.Double, 2)))
                    .hasMessageContaining("loss > 0");
            assertThatThrownBy(() -> Stability.of(normal(1, 3, 2), -1, 1, Rng.of(1)))
                    .hasMessageContaining("-1");
            assertThatThrownBy(() -> new Lanczos(0, 1)).hasMessageContaining("steps >= 1");
            assertThatThrownBy(() -> new Hutchinson(0, 1)).hasMessageContaining("probes >= 1");
            Tensor a = symmetric(2, 3);
            assertThatThrownBy(() -> new Lanczos().run(matrix(a), Tensors.zeros(ScalarType.Double, 3)))
                    .hasMessageContaining("is 0");
            assertThatThrownBy(() -> PowerIteration.rayleigh(matrix(a), Tensors.zeros(ScalarType.Double, 3), 3))
                    .hasMessageContainingAll("length is 0", "Maybe");
            Tensor broken = a.div(Tensors.scalar(0));
            assertThatThrownBy(() -> new Lanczos().run(matrix(broken), normal(3, 3)))
                    .hasMessageContainingAll("step 1", "Maybe");
            assertThatThrownBy(() -> new Hutchinson().run(matrix(broken), Rng.of(1), a))
                    .hasMessageContainingAll("probe 0", "Maybe");
            assertThatThrownBy(() -> Sharpness.edge(0, 0)).hasMessageContaining("rate > 0");
            assertThat(Sharpness.edge(0.1, 0.9)).isCloseTo(38, within(1e-12));
        }
    }
}
