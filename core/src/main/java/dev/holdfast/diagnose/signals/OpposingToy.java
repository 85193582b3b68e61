package dev.holdfast.diagnose.signals;

import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Regression in which two small groups of rows pull in opposite directions: y = beta'x_s + c |x_o| with x_s ~ N(0, I), and
 * x_o = 0 but for the two groups, where it is a and -a. No linear predictor can fit both, so the best weight on x_o is 0.
 * Rosenfeld, Risteski, arXiv 2311.04163, section 3; sizes and scales are ours.
 *
 * @param x inputs [n, d + 1], x_o last; ordinary rows first
 * @param y targets [n]
 * @param group 0 ordinary, 1 with x_o near a, 2 with x_o near -a
 */
public record OpposingToy(Tensor x, Tensor y, int[] group) {
    /**
     * @param ordinary inputs besides x_o
     * @param rows rows, the two groups included
     * @param each rows of each group
     * @param a magnitude of x_o
     * @param c weight of its magnitude in the target
     */
    public record Config(int ordinary, int rows, int each, double a, double c) {
        public Config {
            if (ordinary < 1 || each < 1 || rows < 2 * each) {
                throw new IllegalArgumentException(
                        "The toy needs at least one ordinary input and two groups within the rows" + " but has "
                                + ordinary + " inputs, " + rows + " rows and groups of " + each + ".");
            }
        }

        /** Ten inputs, 200 rows of which two groups of 10 have a = 8 and c = 1/4. */
        public Config() {
            this(10, 200, 10, 8, 0.25);
        }
    }

    /** In float64, by seed. */
    public static OpposingToy of(Config k, Rng rng) {
        int n = k.rows;
        int d = k.ordinary;
        int[] group = new int[n];
        Arrays.fill(group, n - 2 * k.each, n - k.each, 1);
        Arrays.fill(group, n - k.each, n, 2);
        double[] scale = new double[n];
        double[] outlier = new double[n];
        Rng noise = rng.child("outlier");
        for (int i = 0; i < n; i++) {
            // the groups are told by x_o, so their other inputs are small
            scale[i] = group[i] == 0 ? 1 : 0.3;
            outlier[i] = group[i] == 0 ? 0 : (group[i] == 1 ? k.a : -k.a) + 0.1 * noise.nextGaussian();
        }
        Tensor signal = rng.child("x").normal(ScalarType.Double, n, d).mul(Tensors.of(scale, n, 1));
        Tensor beta = rng.child("beta").normal(ScalarType.Double, d).mul(Tensors.scalar(1.5));
        Tensor last = Tensors.of(outlier, n);
        return new OpposingToy(
                Tensors.cat(1, signal, last.unsqueeze(1)),
                signal.matmul(beta).add(last.abs(), Tensors.scalar(k.c)),
                group);
    }
}
