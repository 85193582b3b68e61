package dev.holdfast.evaluate;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.corrupt.NoiseTruth;
import dev.holdfast.evaluate.metric.Memorisation;
import dev.holdfast.learner.Learner;
import dev.holdfast.tensor.Scope;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Training rows whose label is known to be wrong, because it was made so: whether a learner has them by heart. Immutable;
 * safe from any thread.
 *
 * @param rows the rows with their wrong labels
 * @param truth their true class ids
 */
public record Mislabelled(Dataset rows, long[] truth) {
    public Mislabelled {
        if (rows.size() != truth.length) {
            throw new IllegalArgumentException("There are " + rows.size() + " rows but " + truth.length
                    + " true classes; expected as many of each.");
        }
    }

    /**
     * The first rows of {@code data} whose label the noise made wrong.
     *
     * @param data rows that the noise was put on, or some of them
     * @param most how many rows to take at most
     */
    public static Mislabelled of(Dataset data, NoiseTruth noise, int most) {
        Map<Long, Long> clean = noise.cleanById();
        long[] given = data.classIds();
        int[] wrong = IntStream.range(0, given.length)
                .filter(i -> clean.containsKey(data.id(i)) && clean.get(data.id(i)) != given[i])
                .limit(most)
                .toArray();
        return new Mislabelled(
                data.subset(wrong),
                IntStream.of(wrong).mapToLong(i -> clean.get(data.id(i))).toArray());
    }

    /** What the learner says about the rows now. */
    public Memorisation of(Learner learner) {
        int n = truth.length;
        int[] said = new int[n];
        for (int from = 0; from < n; from += Accuracy.CHUNK) {
            try (Scope s = Scope.open()) {
                int[] at = IntStream.range(from, Math.min(n, from + Accuracy.CHUNK))
                        .toArray();
                int[] part = learner.predict(rows.rows(at).inputs()).classes();
                System.arraycopy(part, 0, said, from, part.length);
            }
        }
        return Memorisation.of(said, rows.classIds(), truth);
    }
}
