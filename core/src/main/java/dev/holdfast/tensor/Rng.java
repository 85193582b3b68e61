package dev.holdfast.tensor;

import dev.holdfast.config.Frozen;
import dev.holdfast.math.Philox;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A stream of random numbers in which every draw is a pure function of (key path, position): {@code rng.child("memory",
 * step)} gives the same numbers today, after a resume, and in a second process, and drawing from one child never
 * disturbs another. There is no global generator.
 *
 * <p>The bits are those of {@link Philox}. An instance counts its position and is meant for one thread; children are
 * independent of the parent's position.
 */
@Frozen
public final class Rng {
    private final long key;
    private long block;
    private final int[] words = new int[4];
    private int used = 4;

    private Rng(long key) {
        this.key = key;
    }

    /** The root stream of a seed. */
    public static Rng of(long seed) {
        return new Rng(Philox.mix(seed));
    }

    /** The stream at {@code name[index...]} below this one, at position 0; pure in this stream's key. */
    public Rng child(String name, long... index) {
        long k = key;
        for (int i = 0; i < name.length(); i++) {
            k = Philox.mix(k ^ name.charAt(i));
        }
        k = Philox.mix(k ^ ~name.length());
        for (long i : index) {
            k = Philox.mix(k ^ i);
        }
        return new Rng(k);
    }

    /** The 64-bit key; two streams with equal keys and positions draw equal numbers. */
    public long key() {
        return key;
    }

    /** The number of 32-bit words drawn so far. */
    public long position() {
        return block * 4 - (4 - used);
    }

    /** The stream with this {@link #key} from this {@link #position} on: a saved stream resumes here. */
    public static Rng at(long key, long position) {
        if (position < 0) {
            throw new IllegalArgumentException("A position in a random stream must be >= 0 but is " + position + ".");
        }
        Rng r = new Rng(key);
        r.block = position / 4;
        for (int i = 0; i < position % 4; i++) {
            r.nextInt();
        }
        return r;
    }

    /** The next 32 bits. */
    public int nextInt() {
        if (used == 4) {
            Philox.block(key, block++, words);
            used = 0;
        }
        return words[used++];
    }

    /** The next 64 bits. */
    public long nextLong() {
        return ((long) nextInt() << 32) | (nextInt() & 0xFFFFFFFFL);
    }

    /** Uniform in [0, 1) with 53 bits. */
    public double next() {
        return (nextLong() >>> 11) * 0x1p-53;
    }

    /** Uniform in {0, ..., n-1} without bias (multiply and reject, Lemire 2019). */
    public int below(int n) {
        if (n <= 0) {
            throw new IllegalArgumentException("below(n) needs n >= 1 but got " + n + ".");
        }
        long m = (nextInt() & 0xFFFFFFFFL) * n;
        if ((m & 0xFFFFFFFFL) < n) {
            long threshold = (1L << 32) % n;
            while ((m & 0xFFFFFFFFL) < threshold) {
                m = (nextInt() & 0xFFFFFFFFL) * n;
            }
        }
        return (int) (m >>> 32);
    }

    /** One standard normal; uses two words. */
    public double nextGaussian() {
        double[] pair = new double[2];
        Philox.boxMuller(nextInt(), nextInt(), pair, 0);
        return pair[0];
    }

    /** A uniform permutation of {0, ..., n-1} (Fisher-Yates from the end). */
    public int[] permutation(int n) {
        int[] p = new int[n];
        for (int i = 0; i < n; i++) {
            p[i] = i;
        }
        shuffle(p);
        return p;
    }

    /** Shuffles in place. */
    public void shuffle(int[] p) {
        for (int i = p.length - 1; i > 0; i--) {
            int j = below(i + 1);
            int t = p[i];
            p[i] = p[j];
            p[j] = t;
        }
    }

    /** Uniform [0, 1) numbers, float32, of the given shape. */
    public Tensor uniform(long... shape) {
        return uniform(ScalarType.Float, shape);
    }

    /** Uniform [0, 1) numbers of a floating dtype; float32 takes one word a number, float64 two. */
    public Tensor uniform(ScalarType dtype, long... shape) {
        int n = Math.toIntExact(Tensors.count(shape));
        if (dtype.intern() == ScalarType.Double) {
            double[] a = new double[n];
            for (int i = 0; i < n; i++) {
                a[i] = next();
            }
            return Tensors.of(a, shape);
        }
        float[] a = new float[n];
        for (int i = 0; i < n; i++) {
            a[i] = (nextInt() >>> 8) * 0x1p-24f;
        }
        return Tensors.of(a, shape).to(dtype);
    }

    /** Standard normal numbers, float32, of the given shape. */
    public Tensor normal(long... shape) {
        return normal(ScalarType.Float, shape);
    }

    /** Standard normal numbers of a floating dtype; the same draws whatever the dtype. */
    public Tensor normal(ScalarType dtype, long... shape) {
        int n = Math.toIntExact(Tensors.count(shape));
        double[] a = new double[n + (n & 1)];
        for (int i = 0; i < n; i += 2) {
            Philox.boxMuller(nextInt(), nextInt(), a, i);
        }
        return Tensors.of(n == a.length ? a : java.util.Arrays.copyOf(a, n), shape)
                .to(dtype);
    }
}
