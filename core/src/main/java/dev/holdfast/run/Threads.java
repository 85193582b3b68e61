package dev.holdfast.run;

import org.bytedeco.pytorch.global.torch;

/**
 * How many threads tensor operations use in this process. Small networks are fastest on one: waking others costs more
 * than the work they take over.
 */
public final class Threads {
    /** Below this many multiply-adds a step, one thread is as fast as several. */
    private static final long WORTH_SHARING = 50_000_000;

    private Threads() {}

    /** Threads of one tensor operation now. */
    public static int get() {
        return torch.get_num_threads();
    }

    /** Sets the threads of one tensor operation, for the whole process. */
    public static void set(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("The number of threads must be >= 1 but is " + threads + ".");
        }
        torch.set_num_threads(threads);
    }

    /**
     * A good number of threads for steps of this size: 1 for small ones, else the processors this process may use.
     *
     * @param multiplyAdds multiplications of one forward pass over one batch
     */
    public static int choose(long multiplyAdds) {
        return multiplyAdds < WORTH_SHARING ? 1 : Runtime.getRuntime().availableProcessors();
    }

    /** Threads until closed, then those before. */
    public static Restore during(int threads) {
        int before = get();
        set(threads);
        return () -> set(before);
    }

    /** Puts the former number of threads back. */
    public interface Restore extends AutoCloseable {
        @Override
        void close();
    }
}
