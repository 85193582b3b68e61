package dev.holdfast.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.tensor.Rng;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class QuadraticProgramTest {
    @Example
    void freeMinimumAndBoundMinimum() {
        double[][] p = {{2, 0}, {0, 4}};
        assertThat(QuadraticProgram.lowerBounded(p, new double[] {-2, -4}, 0))
                .containsExactly(new double[] {1, 1}, within(1e-14));
        assertThat(QuadraticProgram.lowerBounded(p, new double[] {2, -4}, 0))
                .containsExactly(new double[] {0, 1}, within(1e-14));
        assertThat(QuadraticProgram.lowerBounded(p, new double[] {-2, -4}, 3)).containsExactly(3, 3);
        assertThat(QuadraticProgram.lowerBounded(new double[0][], new double[0], 1))
                .isEmpty();
    }

    /** The conditions of Karush, Kuhn and Tucker are necessary and, the problem being convex, sufficient. */
    @Property(tries = 500)
    void theSolutionIsFeasibleAndNoDirectionLeadsDown(
            @ForAll @IntRange(min = 1, max = 12) int n,
            @ForAll @IntRange(max = 9999) int seed,
            @ForAll @IntRange(max = 2) int lower) {
        Rng rng = Rng.of(seed);
        double[][] p = new double[n][n];
        double[][] root = new double[n][n];
        double[] q = new double[n];
        for (int i = 0; i < n; i++) {
            q[i] = 3 * rng.nextGaussian();
            for (int j = 0; j < n; j++) {
                root[i][j] = rng.nextGaussian();
            }
        }
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                p[i][j] = i == j ? 1e-3 : 0;
                for (int k = 0; k < n; k++) {
                    p[i][j] += root[i][k] * root[j][k];
                }
            }
        }
        double[] x = QuadraticProgram.lowerBounded(p, q, lower * 0.5);
        for (int i = 0; i < n; i++) {
            double slope = q[i];
            for (int j = 0; j < n; j++) {
                slope += p[i][j] * x[j];
            }
            assertThat(x[i]).isGreaterThanOrEqualTo(lower * 0.5);
            assertThat(slope).isGreaterThan(-1e-7);
            assertThat(slope * (x[i] - lower * 0.5)).isCloseTo(0, within(1e-6));
        }
    }

    @Example
    void nonsenseIsRefused() {
        assertThatThrownBy(() -> QuadraticProgram.lowerBounded(new double[2][2], new double[3], 0))
                .hasMessageContaining("3 unknowns");
        assertThatThrownBy(() -> QuadraticProgram.lowerBounded(new double[][] {{1}}, new double[] {Double.NaN}, 0))
                .hasMessageContaining("finite");
        assertThatThrownBy(() -> QuadraticProgram.lowerBounded(new double[][] {{0}}, new double[] {-1}, 0))
                .hasMessageContaining("singular");
    }
}
