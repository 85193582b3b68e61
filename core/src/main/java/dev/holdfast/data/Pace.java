package dev.holdfast.data;

import dev.holdfast.config.Frozen;
import java.util.stream.IntStream;

/**
 * How data are dealt: {@code epochs} passes in batches of {@code batchSize}, or exactly {@code steps} batches, cycling.
 *
 * @param steps number of batches; -1 = as many as the passes give
 * @param sampler order of the rows in each pass
 */
@Frozen
public record Pace(int epochs, int batchSize, long steps, Sampler sampler) {
    public Pace {
        if (epochs < 1 || batchSize < 1 || steps < -1 || steps == 0) {
            throw new IllegalArgumentException(
                    "A pace needs epochs >= 1, batchSize >= 1 and steps >= 1 (or -1) but has " + epochs + ", "
                            + batchSize + ", " + steps + ".");
        }
        if (sampler == null) {
            throw new IllegalArgumentException("A pace needs a sampler, which says in which order rows are dealt.");
        }
    }

    /** Passes in a fresh uniform order each. */
    public static Pace shuffled(int epochs, int batchSize) {
        return new Pace(epochs, batchSize, -1, (d, epoch, rng) -> rng.permutation(Math.toIntExact(d.size())));
    }

    /** One pass in the stored order. */
    public static Pace inOrder(int batchSize) {
        return new Pace(1, batchSize, -1, (d, epoch, rng) -> IntStream.range(0, Math.toIntExact(d.size()))
                .toArray());
    }

    /** Batches that this pace deals from n rows. */
    public long batches(long n) {
        return steps >= 0 ? steps : epochs * ((n + batchSize - 1) / batchSize);
    }
}
