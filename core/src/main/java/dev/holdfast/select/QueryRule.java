package dev.holdfast.select;

import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Chooses what to ask about next, when every answer costs: rows of a pool of which a teacher gives soft labels, or classes
 * of a label space of which somebody collects examples. A rule sees what the student thinks, never what the teacher would
 * say. Pure functions of their arguments.
 */
public interface QueryRule {
    /**
     * Chooses {@code budget} candidates that were not asked about yet, each once.
     *
     * @throws IllegalArgumentException for a budget below 1 or above what is left, candidates without what the rule looks
     *     at, or numbers that are not finite
     */
    Selected select(Candidates candidates, int budget, Context context);

    /**
     * What can be asked about, n candidates by position.
     *
     * @param probabilities what the student thinks of each [n, C], rows sum to 1; null where a rule does without
     * @param features [n, d], or null where a rule does without
     */
    record Candidates(int size, Tensor probabilities, Tensor features) {
        public Candidates {
            if (size < 1) {
                throw new IllegalArgumentException("There is nothing to choose from: " + size + " candidates.");
            }
            if (probabilities != null) {
                Tensors.requireShape("probabilities of the candidates", probabilities, size, -1);
            }
            if (features != null) {
                Tensors.requireShape("features of the candidates", features, size, -1);
            }
        }

        /** Candidates of which nothing is known but their number. */
        public static Candidates of(int size) {
            return new Candidates(size, null, null);
        }

        /** Rows as the student sees them. */
        public static Candidates of(Tensor probabilities, Tensor features) {
            return new Candidates(Math.toIntExact(probabilities.size(0)), probabilities, features);
        }
    }

    /**
     * What a rule may know beside the candidates.
     *
     * @param teacherError share of wrong answers, in [0, 1], as estimated without asking about the candidates; NaN =
     *     unknown
     * @param asked positions that are known already (labelled, or asked about before): never chosen, but a rule that
     *     covers a space counts them as covered
     * @param rng draws of the rules that draw
     */
    record Context(double teacherError, Set<Integer> asked, Rng rng) {
        public Context {
            if (teacherError < 0 || teacherError > 1) {
                throw new IllegalArgumentException(
                        "The teacher's share of wrong answers must be in [0, 1] but is " + teacherError + ".");
            }
            asked = Set.copyOf(asked);
        }

        /** Nothing asked yet, the teacher's error unknown. */
        public static Context of(Rng rng) {
            return new Context(Double.NaN, Set.of(), rng);
        }

        /** Positions that can be asked about, ascending; refuses a budget that does not fit, and unknown positions. */
        public int[] left(int candidates, int budget) {
            for (int i : new TreeSet<>(asked)) {
                if (i < 0 || i >= candidates) {
                    throw new IllegalArgumentException(
                            "Position " + i + " was asked about but there are only " + candidates + " candidates.");
                }
            }
            if (budget < 1 || budget > candidates - asked.size()) {
                throw new IllegalArgumentException("A budget of " + budget + " does not fit: "
                        + (candidates - asked.size()) + " of " + candidates + " candidates are left to ask about;"
                        + " expected 1 to as many.");
            }
            return IntStream.range(0, candidates)
                    .filter(i -> !asked.contains(i))
                    .toArray();
        }
    }

    /**
     * What was chosen.
     *
     * @param rows positions among the candidates, in the order of choice
     * @param inclusion chance of every candidate [n] to be among them, or null where nothing was left to chance
     */
    record Selected(int[] rows, double[] inclusion) {}
}
