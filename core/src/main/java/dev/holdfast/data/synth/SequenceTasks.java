package dev.holdfast.data.synth;

import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Two-class tasks about sequences of tokens that share a secret: tokens are of a few kinds, and a task's answer depends
 * linearly on which kinds occur. Who knows the kinds learns a task from few rows; who does not must learn every token. A pure
 * function of its arguments; tensors outlive scopes.
 *
 * @param support int64 [K, rows, length], to train on
 * @param supportLabels int64 [K, rows], 0 or 1
 * @param query int64 [K, rows, length], to be judged by
 * @param queryLabels int64 [K, rows]
 */
public record SequenceTasks(Tensor support, Tensor supportLabels, Tensor query, Tensor queryLabels) {
    /**
     * The world that tasks are drawn from.
     *
     * @param vocabulary tokens, at least as many as kinds
     * @param kinds kinds of tokens, at least 2
     * @param length tokens of a sequence
     */
    public record World(int vocabulary, int kinds, int length) {
        public World {
            if (kinds < 2 || vocabulary < kinds || length < 1) {
                throw new IllegalArgumentException("Tasks about sequences need two kinds, a token of each and a length"
                        + " >= 1 but have " + kinds + ", " + vocabulary + " and " + length + ".");
            }
        }

        /**
         * Tasks of this world.
         *
         * @param secret which token is of which kind: the same for all tasks that share a representation
         * @param rng of tasks and sequences
         */
        public SequenceTasks draw(int tasks, int rows, Rng secret, Rng rng) {
            if (tasks < 1 || rows < 1) {
                throw new IllegalArgumentException(
                        "At least one task of one row is needed but there are " + tasks + " of " + rows + ".");
            }
            int[] order = secret.child("kinds").permutation(vocabulary);
            long[][] ids = new long[2][tasks * rows * length];
            long[][] labels = new long[2][tasks * rows];
            for (int k = 0; k < tasks; k++) {
                Rng task = rng.child("task", k);
                double[] weight = new double[kinds];
                for (int j = 0; j < kinds; j++) {
                    weight[j] = task.nextGaussian();
                }
                for (int i = 0; i < 2 * rows; i++) {
                    int part = i / rows;
                    int row = k * rows + i % rows;
                    labels[part][row] = sequence(order, weight, task, ids[part], row * length) ? 1 : 0;
                }
            }
            return new SequenceTasks(
                    own(ids[0], tasks, rows, length),
                    own(labels[0], tasks, rows),
                    own(ids[1], tasks, rows, length),
                    own(labels[1], tasks, rows));
        }

        /** Writes a sequence and tells its class: the weights of the kinds that occur against those that do not. */
        private boolean sequence(int[] order, double[] weight, Rng rng, long[] ids, int at) {
            boolean[] seen = new boolean[kinds];
            for (int t = 0; t < length; t++) {
                int token = rng.below(vocabulary);
                ids[at + t] = token;
                seen[order[token] % kinds] = true;
            }
            double chance = 1 - Math.pow(1 - 1.0 / kinds, length);
            double sum = 0;
            for (int j = 0; j < kinds; j++) {
                sum += weight[j] * ((seen[j] ? 1 : 0) - chance);
            }
            return sum > 0;
        }
    }

    private static Tensor own(long[] a, long... shape) {
        return Scope.own(Tensors.of(a, shape));
    }
}
