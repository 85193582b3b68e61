package dev.holdfast.studies.training;

import dev.holdfast.nn.small.BigramTable;
import dev.holdfast.nn.small.RiverValley;
import dev.holdfast.optim.Schedule;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.stream.IntStream;

/** Two toys with hills and a river: a valley in the plane, and logits of next tokens. */
final class ValleyBeds {
    private ValleyBeds() {}

    /** Means over chains after the last step. */
    record River(double progress, double hill, double loss) {}

    /** Descent from (0, 0) with noise on both gradients. */
    static River river(RiverValley v, Schedule factor, double peak, double noise, int steps, int chains, Rng rng) {
        double[] mean = new double[3];
        for (int i = 0; i < chains; i++) {
            double[] at = {0, 0};
            for (int t = 0; t < steps; t++) {
                at = v.step(at[0], at[1], peak * factor.at(t), noise * rng.nextGaussian(), noise * rng.nextGaussian());
            }
            mean[0] += at[0] / chains;
            mean[1] += v.hill(at[0], at[1]) / chains;
            mean[2] += v.loss(at[0], at[1]) / chains;
        }
        return new River(mean[0], mean[1], mean[2]);
    }

    /** Loss above the entropy, of rows whose next token is certain and of the others. */
    record Excess(double certain, double uncertain) {
        double total() {
            return certain + uncertain;
        }
    }

    /**
     * Tokens with known chances of the next one: row i has the weight 1 / (i + 1), every other row in a drawn order is certain,
     * the others are uniform over 2 to 4 tokens.
     *
     * @param next tokens that can follow each, all equally likely
     */
    record Bigrams(double[] weights, int[][] next) {
        static Bigrams of(int vocabulary, Rng rng) {
            double[] w = IntStream.range(0, vocabulary)
                    .mapToDouble(i -> 1.0 / (i + 1))
                    .toArray();
            double sum = Arrays.stream(w).sum();
            int[] order = rng.child("rows").permutation(vocabulary);
            int[][] next = new int[vocabulary][];
            for (int i = 0; i < vocabulary; i++) {
                Rng row = rng.child("next", i);
                int many = order[i] % 2 == 0 ? 1 : 2 + row.below(3);
                next[i] = Arrays.copyOf(row.permutation(vocabulary), many);
            }
            return new Bigrams(Arrays.stream(w).map(a -> a / sum).toArray(), next);
        }

        /** Descent on the logits from zero, by batches of pairs. */
        Excess train(Schedule factor, double peak, int batch, int steps, Rng rng) {
            int v = weights.length;
            double[][] z = new double[v][v];
            double[] upTo = weights.clone();
            Arrays.parallelPrefix(upTo, Double::sum);
            int[] last = new int[batch];
            int[] following = new int[batch];
            double[][] q = new double[batch][];
            for (int t = 0; t < steps; t++) {
                for (int b = 0; b < batch; b++) {
                    int found = Arrays.binarySearch(upTo, rng.next());
                    last[b] = Math.min(v - 1, found < 0 ? -found - 1 : found + 1);
                    following[b] = next[last[b]][rng.below(next[last[b]].length)];
                    q[b] = softmax(z[last[b]]);
                }
                double step = peak * factor.at(t) / batch;
                for (int b = 0; b < batch; b++) {
                    double[] row = z[last[b]];
                    for (int j = 0; j < v; j++) {
                        row[j] -= step * (q[b][j] - (j == following[b] ? 1 : 0));
                    }
                }
            }
            return excess(z);
        }

        private static double[] softmax(double[] z) {
            double most = Arrays.stream(z).max().orElseThrow();
            double[] q = Arrays.stream(z).map(a -> Math.exp(a - most)).toArray();
            double sum = Arrays.stream(q).sum();
            return Arrays.stream(q).map(a -> a / sum).toArray();
        }

        private Excess excess(double[][] logits) {
            try (Scope s = Scope.open()) {
                double[][] p = new double[weights.length][weights.length];
                for (int i = 0; i < p.length; i++) {
                    for (int j : next[i]) {
                        p[i][j] = 1.0 / next[i].length;
                    }
                }
                BigramTable table = new BigramTable(Tensors.of(weights, weights.length), Tensors.of(p));
                double[] losses = Tensors.doubles(table.rowLosses(Tensors.of(logits)));
                double[] least = Tensors.doubles(table.rowEntropies());
                double[] both = new double[2];
                for (int i = 0; i < losses.length; i++) {
                    both[next[i].length == 1 ? 0 : 1] += weights[i] * (losses[i] - least[i]);
                }
                return new Excess(both[0], both[1]);
            }
        }
    }
}
