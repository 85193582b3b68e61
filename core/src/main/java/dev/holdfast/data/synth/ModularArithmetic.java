package dev.holdfast.data.synth;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * All pairs (a, b) of residues modulo p with the label a op b mod p, split into training and test rows, on which networks
 * first learn by heart and later understand; optionally with wrong labels on a share of the training rows.
 *
 * <p>Doshi et al.: <i>To grok or not to grok</i>, arXiv 2310.13061; Prieto et al., arXiv 2501.04697. A pure function of its
 * configuration and seed.
 *
 * @param train rows; ids are a p + b
 * @param test rows with right labels
 * @param corrupted places of training rows whose label was drawn anew: the first ones
 * @param truth right class of every training row
 */
public record ModularArithmetic(MemoryDataset train, MemoryDataset test, int[] corrupted, long[] truth) {
    /** What is done to a and b. */
    public enum Operation {
        ADD,
        SUBTRACT,
        MULTIPLY;

        /** a op b mod p. */
        public int of(int a, int b, int p) {
            return Math.floorMod(
                    switch (this) {
                        case ADD -> (long) a + b;
                        case SUBTRACT -> (long) a - b;
                        case MULTIPLY -> (long) a * b;
                    },
                    p);
        }
    }

    /** How a pair becomes numbers. */
    public enum Encoding {
        /** Two one-hot vectors, a's first: 2 p numbers. */
        ONE_HOT,
        /** a and b as they are. */
        INDEX,
        /** The binary digits of a, then of b, lowest first. */
        BINARY
    }

    /**
     * @param p modulus, >= 2
     * @param fraction share of the pairs that is trained on, in (0, 1)
     * @param noise share of the training rows whose label is drawn uniformly over all residues, in [0, 1)
     */
    public record Config(int p, Operation operation, Encoding encoding, double fraction, double noise) {
        public Config {
            if (p < 2 || p > 2000) {
                throw new IllegalArgumentException("The modulus must be in 2..2000 but is " + p + ".");
            }
            if (!(fraction > 0 && fraction < 1) || !(noise >= 0 && noise < 1)) {
                throw new IllegalArgumentException(
                        "Modular arithmetic needs a fraction in (0, 1) and noise in [0, 1) but has " + fraction
                                + " and " + noise + ".");
            }
        }

        /** Addition of one-hot pairs with right labels. */
        public Config(int p, double fraction) {
            this(p, Operation.ADD, Encoding.ONE_HOT, fraction, 0);
        }
    }

    /** Rows by seed. */
    public static ModularArithmetic of(Config c, Rng rng) {
        int p = c.p;
        int[] order = rng.child("pairs").permutation(p * p);
        int n = (int) Math.floor(c.fraction * p * p);
        if (n == 0 || n == p * p) {
            throw new IllegalArgumentException(
                    "Of " + p * p + " pairs, a fraction of " + c.fraction + " leaves none to train or to test on.");
        }
        long[] right = labels(c, Arrays.copyOf(order, n));
        long[] given = right.clone();
        int wrong = (int) Math.floor(c.noise * n);
        Rng draws = rng.child("noise");
        for (int i = 0; i < wrong; i++) {
            given[i] = draws.below(p);
        }
        int[] rest = Arrays.copyOfRange(order, n, p * p);
        return new ModularArithmetic(
                rows(c, Arrays.copyOf(order, n), given),
                rows(c, rest, labels(c, rest)),
                IntStream.range(0, wrong).toArray(),
                right);
    }

    private static long[] labels(Config c, int[] pairs) {
        return Arrays.stream(pairs)
                .mapToLong(k -> c.operation.of(k / c.p, k % c.p, c.p))
                .toArray();
    }

    private static MemoryDataset rows(Config c, int[] pairs, long[] labels) {
        int bits = Integer.SIZE - Integer.numberOfLeadingZeros(c.p - 1);
        int width =
                switch (c.encoding) {
                    case ONE_HOT -> 2 * c.p;
                    case INDEX -> 2;
                    case BINARY -> 2 * bits;
                };
        float[] x = new float[pairs.length * width];
        for (int i = 0; i < pairs.length; i++) {
            int a = pairs[i] / c.p;
            int b = pairs[i] % c.p;
            switch (c.encoding) {
                case ONE_HOT -> {
                    x[i * width + a] = 1;
                    x[i * width + c.p + b] = 1;
                }
                case INDEX -> {
                    x[i * width] = a;
                    x[i * width + 1] = b;
                }
                case BINARY -> {
                    for (int k = 0; k < bits; k++) {
                        x[i * width + k] = a >> k & 1;
                        x[i * width + bits + k] = b >> k & 1;
                    }
                }
            }
        }
        try (Scope s = Scope.open()) {
            return MemoryDataset.of(
                    Schema.vectors(width, ClassIndex.numbered(c.p)),
                    Inputs.of(Tensors.of(x, pairs.length, width)),
                    Target.ClassIds.of(labels),
                    Arrays.stream(pairs).asLongStream().toArray());
        }
    }
}
