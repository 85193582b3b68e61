package dev.holdfast.math;

/**
 * Philox4x32-10, the counter-based random function: every block of four 32-bit words is a pure function of a 64-bit
 * key and a 128-bit counter, so a draw can be repeated without replaying what came before it.
 *
 * <p>Key = (low word, high word), counter = (block low, block high, 0, 0). The bits agree with the known-answer
 * vectors of the paper's reference library on every machine: only integer arithmetic and {@link StrictMath} are used.
 *
 * <p>Salmon, Moraes, Dror, Shaw: <i>Parallel Random Numbers: As Easy as 1, 2, 3</i>, SC 2011, section 3.
 */
public final class Philox {
    private static final int MULTIPLIER_0 = 0xD2511F53;
    private static final int MULTIPLIER_1 = 0xCD9E8D57;
    private static final int WEYL_0 = 0x9E3779B9;
    private static final int WEYL_1 = 0xBB67AE85;
    private static final long UNSIGNED = 0xFFFFFFFFL;

    private Philox() {}

    /** Writes the four words of one block to {@code out[0..3]}. */
    public static void block(int k0, int k1, int c0, int c1, int c2, int c3, int[] out) {
        for (int round = 0; round < 10; round++) {
            long p0 = (MULTIPLIER_0 & UNSIGNED) * (c0 & UNSIGNED);
            long p1 = (MULTIPLIER_1 & UNSIGNED) * (c2 & UNSIGNED);
            int n0 = (int) (p1 >>> 32) ^ c1 ^ k0;
            int n2 = (int) (p0 >>> 32) ^ c3 ^ k1;
            c1 = (int) p1;
            c3 = (int) p0;
            c0 = n0;
            c2 = n2;
            k0 += WEYL_0;
            k1 += WEYL_1;
        }
        out[0] = c0;
        out[1] = c1;
        out[2] = c2;
        out[3] = c3;
    }

    /** Writes block {@code index} of the stream with this key to {@code out[0..3]}. */
    public static void block(long key, long index, int[] out) {
        block((int) key, (int) (key >>> 32), (int) index, (int) (index >>> 32), 0, 0, out);
    }

    /** Two standard normals of two words by Box-Muller; u1 in (0,1], u2 in [0,1), 24 bits each. */
    public static void boxMuller(int a, int b, double[] out, int at) {
        double u1 = ((a >>> 8) + 1) * 0x1p-24;
        double u2 = (b >>> 8) * 0x1p-24;
        double r = StrictMath.sqrt(-2 * StrictMath.log(u1));
        out[at] = r * StrictMath.cos(2 * Math.PI * u2);
        out[at + 1] = r * StrictMath.sin(2 * Math.PI * u2);
    }

    /** SplitMix64 finaliser after adding the golden gamma: turns structured key parts into spread keys. */
    public static long mix(long z) {
        z += 0x9E3779B97F4A7C15L;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
