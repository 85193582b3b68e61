package dev.holdfast.memory;

import dev.holdfast.tensor.Rng;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Lets rows of brand-new classes into a training batch slowly: a row of the stream stays in the batch with a probability
 * that grows from 0 when its class first came to 1, and a row that is left out makes room for one more from memory, where
 * its class competes with all others.
 *
 * <p>Lee et al., <i>Online Continual Learning on Hierarchical Label Expansion</i>, arXiv 2308.14374 (flexible memory
 * sampling). Pure; safe from any thread.
 *
 * @param horizon k > 0: a class is let in fully after k times the rows that one class has on average
 */
public record FlexibleSampling(double horizon) {
    public FlexibleSampling {
        if (!(horizon > 0) || Double.isInfinite(horizon)) {
            throw new IllegalArgumentException("The horizon must be finite and > 0 but is " + horizon + ".");
        }
    }

    /** Rows of the stream that stay, and how many are drawn from memory. */
    public record Choice(int[] kept, int memoryDraws) {}

    /**
     * Probability of staying of a row of each class: {@code min(1, (n - first) / (k N / C))} with C the classes seen.
     *
     * @param samplesSeen n
     * @param totalSamples N, rows expected in the whole stream
     * @param firstSeen rows seen when each class came first
     */
    public double[] keepProbability(long samplesSeen, long totalSamples, long[] firstSeen) {
        if (totalSamples < 1 || samplesSeen < 0) {
            throw new IllegalArgumentException("Expected totalSamples >= 1 and samplesSeen >= 0 but got " + totalSamples
                    + " and " + samplesSeen + ".");
        }
        double span = horizon * totalSamples / firstSeen.length;
        return Arrays.stream(firstSeen)
                .mapToDouble(f -> Math.max(0, Math.min(1, (samplesSeen - f) / span)))
                .toArray();
    }

    /**
     * Chooses with given draws: row i stays where {@code uniforms[i] < probability[i]}, and memory fills the batch. Where
     * nothing stays and the memory is empty, all rows stay.
     *
     * @param memorySize rows in memory, which bounds the draws
     */
    public static Choice choose(double[] probability, double[] uniforms, int batchSize, int memorySize) {
        int n = probability.length;
        if (uniforms.length != n || batchSize < n) {
            throw new IllegalArgumentException(
                    "A batch of " + batchSize + " was given " + n + " rows and " + uniforms.length + " draws.");
        }
        int[] kept =
                IntStream.range(0, n).filter(i -> uniforms[i] < probability[i]).toArray();
        if (kept.length == 0 && memorySize == 0) {
            kept = IntStream.range(0, n).toArray();
        }
        return new Choice(kept, Math.min(memorySize, batchSize - kept.length));
    }

    /** Rows of these classes that stay. */
    public Choice choose(
            long[] classIds, Map<Integer, Long> firstSeen, long seen, long total, int batchSize, int memory, Rng rng) {
        Map<Integer, Double> p = new LinkedHashMap<>();
        double[] all = keepProbability(
                seen,
                total,
                firstSeen.values().stream().mapToLong(Long::longValue).toArray());
        int at = 0;
        for (int c : firstSeen.keySet()) {
            p.put(c, all[at++]);
        }
        return choose(
                Arrays.stream(classIds).mapToDouble(y -> p.get((int) y)).toArray(),
                IntStream.range(0, classIds.length).mapToDouble(i -> rng.next()).toArray(),
                batchSize,
                memory);
    }
}
