package dev.holdfast.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Clusters on a line against Lloyd's rounds written out, and minima against known ones. */
class KMeans1dTest {
    @Test
    void agreesWithLloydWrittenOut() {
        SplittableRandom random = new SplittableRandom(1);
        for (int round = 0; round < 50; round++) {
            int n = 1 + random.nextInt(60);
            // few distinct values, so that equal centres and empty clusters come up
            double[] few = random.doubles(12).toArray();
            double[] x = random.ints(n, 0, 12).mapToDouble(i -> few[i]).sorted().toArray();
            int k = 1 + random.nextInt(8);
            assertThat(KMeans1d.ofSorted(x, k).assign()).isEqualTo(lloyd(x, k));
        }
    }

    private static int[] lloyd(double[] x, int k) {
        double[] centre = new double[k];
        for (int j = 0; j < k; j++) {
            double at = (j + 0.5) / k * (x.length - 1);
            int low = (int) at;
            centre[j] = x[low] + (at - low) * (x[Math.min(x.length - 1, low + 1)] - x[low]);
        }
        int[] in = nearest(x, centre);
        for (int round = 0; round < 100; round++) {
            for (int j = 0; j < k; j++) {
                double sum = 0;
                int count = 0;
                for (int i = 0; i < x.length; i++) {
                    sum += in[i] == j ? x[i] : 0;
                    count += in[i] == j ? 1 : 0;
                }
                centre[j] = count == 0 ? centre[j] : sum / count;
            }
            in = nearest(x, centre);
        }
        return in;
    }

    private static int[] nearest(double[] x, double[] centre) {
        return Arrays.stream(x)
                .mapToInt(v -> {
                    int best = 0;
                    for (int j = 1; j < centre.length; j++) {
                        // sums are taken in another order there: distances equal but for rounding are ties
                        best = Math.abs(v - centre[j]) < Math.abs(v - centre[best]) - 1e-12 ? j : best;
                    }
                    return best;
                })
                .toArray();
    }

    @Test
    void refusesWhatIsNotSorted() {
        assertThatThrownBy(() -> KMeans1d.ofSorted(new double[] {1, 0}, 2))
                .hasMessageContaining("number 1 is 0.0 after");
        assertThatThrownBy(() -> KMeans1d.ofSorted(new double[0], 2)).hasMessageContaining("needs numbers");
    }

    @Test
    void findsMinimaThatAreKnown() {
        // a narrow bowl and Rosenbrock's valley, whose minimum is at (1, 1)
        double[] bowl = Lbfgs.minimise(
                (x, g) -> {
                    g[0] = 2e4 * (x[0] - 3);
                    g[1] = 2 * (x[1] + 5);
                    return 1e4 * (x[0] - 3) * (x[0] - 3) + (x[1] + 5) * (x[1] + 5);
                },
                new double[] {0, 0},
                1e-9,
                200);
        assertThat(bowl[0]).isCloseTo(3, within(1e-8));
        assertThat(bowl[1]).isCloseTo(-5, within(1e-8));
        double[] valley = Lbfgs.minimise(
                (x, g) -> {
                    double a = 1 - x[0];
                    double b = x[1] - x[0] * x[0];
                    g[0] = -2 * a - 400 * x[0] * b;
                    g[1] = 200 * b;
                    return a * a + 100 * b * b;
                },
                new double[] {-1.2, 1},
                1e-9,
                1000);
        assertThat(valley[0]).isCloseTo(1, within(1e-6));
        assertThatThrownBy(() -> Lbfgs.minimise((x, g) -> Double.NaN, new double[1], 1e-9, 9))
                .hasMessageContaining("NaN");
    }
}
