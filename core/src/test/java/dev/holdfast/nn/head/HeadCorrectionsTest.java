package dev.holdfast.nn.head;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.nn.Head;
import dev.holdfast.nn.Pass;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class HeadCorrectionsTest {
    private static final boolean[] LAST_IS_NEW = {false, false, true};

    private static double loss(double a, double b, double[][] z, int[] y) {
        // every class weighs the same: classes 0, 1, 2 with 1, 1 and 2 rows
        double[] weight = {1.0 / 3, 1.0 / 3, 1.0 / 6, 1.0 / 6};
        double sum = 0;
        for (int i = 0; i < z.length; i++) {
            double[] q = {z[i][0], z[i][1], a * z[i][2] + b};
            sum += weight[i] * (Math.log(Math.exp(q[0]) + Math.exp(q[1]) + Math.exp(q[2])) - q[y[i]]);
        }
        return sum;
    }

    @Test
    void theFitIsTheMinimum() {
        double[][] z = {{1, 0, 2}, {0.5, 1, 1.5}, {0, 1, 1}, {2, 0, 1.2}};
        int[] y = {0, 1, 2, 2};
        BiasCorrection fit = BiasCorrection.fit(z, y, LAST_IS_NEW, 0);
        double best = loss(fit.alpha(), fit.beta(), z, y);
        assertThat(best).isLessThan(loss(1, 0, z, y) - 0.01);
        double h = 1e-5;
        assertThat(loss(fit.alpha() + h, fit.beta(), z, y) - loss(fit.alpha() - h, fit.beta(), z, y))
                .isCloseTo(0, within(1e-9));
        assertThat(loss(fit.alpha(), fit.beta() + h, z, y) - loss(fit.alpha(), fit.beta() - h, z, y))
                .isCloseTo(0, within(1e-9));
    }

    /** Two columns, the logit of the new one always 0: only beta acts, and beta = logit of the old one is even odds. */
    @Test
    void aConstantLogitIsShiftedToEvenOdds() {
        double[][] z = {{3, 0}, {3, 0}};
        BiasCorrection fit = BiasCorrection.fit(z, new int[] {0, 1}, new boolean[] {false, true}, 0);
        assertThat(fit.alpha()).isEqualTo(1);
        assertThat(fit.beta()).isCloseTo(3, within(1e-9));
    }

    /** Rows that are all told apart would send alpha to infinity. */
    @Test
    void theRidgeKeepsAFitWithoutAMinimumFinite() {
        double[][] z = {{1, 0, -5}, {0, 1, -5}, {0, 0, 5}};
        BiasCorrection fit = BiasCorrection.fit(z, new int[] {0, 1, 2}, LAST_IS_NEW, 1e-3);
        assertThat(fit.alpha()).isBetween(1.0, 10.0);
        assertThat(fit.beta()).isFinite();
        assertThat(BiasCorrection.fit(z, new int[] {0, 1, 2}, LAST_IS_NEW, 1e6).alpha())
                .isCloseTo(1, within(1e-5));
    }

    @Test
    void withoutRowsOfBothKindsNothingIsCorrected() {
        double[][] z = {{1, 0, 2}, {0, 1, 2}};
        assertThat(BiasCorrection.fit(z, new int[] {0, 1}, LAST_IS_NEW, 0)).isEqualTo(BiasCorrection.NONE);
        assertThat(BiasCorrection.fit(z, new int[] {2, 2}, LAST_IS_NEW, 0)).isEqualTo(BiasCorrection.NONE);
        assertThat(BiasCorrection.fit(new double[0][], new int[0], LAST_IS_NEW, 0))
                .isEqualTo(BiasCorrection.NONE);
        assertThatThrownBy(() -> BiasCorrection.fit(z, new int[] {0, 1}, LAST_IS_NEW, -1))
                .hasMessageContaining("ridge");
    }

    private static Head head() {
        Head h = HeadSpec.linear().build("head", 2, ClassIndex.numbered(3), Rng.of(1), ScalarType.Double);
        Parameters p = h.parameters();
        p.assign(new ParamVector(p, new Tensor[] {
            Tensors.of(new double[][] {{3, 4}, {0, 1}, {6, 8}}), Tensors.of(new double[] {1, 2, 3}, 3)
        }));
        return h;
    }

    @Test
    void alignedRowsAreAsLongAsOldOnes() {
        Head h = head();
        // old lengths 5 and 1, mean 3; the new one has 10
        assertThat(HeadRows.alignment(h.parameters().get(0), new int[] {0, 1}, new int[] {2}))
                .isEqualTo(0.3);
        HeadRows.align(h, new int[] {0, 1}, new int[] {2});
        assertThat(Tensors.doubles(h.parameters().get(0)))
                .containsExactly(new double[] {3, 4, 0, 1, 1.8, 2.4}, within(1e-12));
        assertThat(Tensors.doubles(h.parameters().get(1))).containsExactly(1, 2, 3);
        assertThat(h.parameters().get(0).requires_grad()).isTrue();
    }

    @Test
    void rowsOfZerosAreNotAlignedAndEmptySetsRefused() {
        Tensor w = Tensors.of(new double[][] {{0, 0}, {1, 0}});
        assertThat(HeadRows.alignment(w, new int[] {0}, new int[] {1})).isEqualTo(1);
        assertThat(HeadRows.alignment(w, new int[] {1}, new int[] {0})).isEqualTo(1);
        assertThatThrownBy(() -> HeadRows.alignment(w, new int[0], new int[] {1}))
                .hasMessageContaining("0 and 1");
    }

    @Test
    void aBiasLayerTakenIntoTheHeadDoesTheSame() {
        Head h = head();
        Tensor x = Tensors.of(new double[][] {{1, -2}, {0.5, 0.25}});
        double[][] before = Tensors.rows(h.forward(x, Pass.eval()));
        HeadRows.correct(h, new int[] {0, 2}, new BiasCorrection(0.5, -1));
        double[][] after = Tensors.rows(h.forward(x, Pass.eval()));
        for (int i = 0; i < 2; i++) {
            assertThat(after[i])
                    .containsExactly(
                            new double[] {0.5 * before[i][0] - 1, before[i][1], 0.5 * before[i][2] - 1}, within(1e-12));
        }
    }

    @Test
    void aHeadWithoutRowsToChangeIsRefused() {
        Head h = HeadSpec.nearestMean().build("head", 2, ClassIndex.numbered(2), Rng.of(1), ScalarType.Double);
        assertThatThrownBy(() -> HeadRows.align(h, new int[] {0}, new int[] {1}))
                .hasMessageContaining("linear head");
    }
}
