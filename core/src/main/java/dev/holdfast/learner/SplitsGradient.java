package dev.holdfast.learner;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.Batch;
import dev.holdfast.run.Term;
import dev.holdfast.tensor.ParamVector;
import java.util.List;

/**
 * A gradient learner that can say beforehand how its next step divides into what learns (plasticity) and what holds on
 * (stability): L = L_plasticity + L_stability, so g = g_p + g_s.
 *
 * <p>De Lange, van de Ven, Tuytelaars, <i>Continual evaluation for lifelong learning</i>, arXiv 2205.13452, section 5.
 */
@Frozen
public interface SplitsGradient {
    /**
     * The two parts of the gradient that {@code learn(b)} would step along if it came next, factors included; the same
     * draws, and no state changed. A batch that learn would refuse is refused.
     */
    Split split(Batch b);

    /** What holds a learner back. */
    enum Stability {
        /** Nothing: the learner has no such part, its norm is 0. */
        NONE,
        /** Rows from a memory. */
        REPLAY,
        /** A price on moving weights. */
        PENALTY,
        /** The answers of an earlier network. */
        DISTILLATION,
        /** The change that a projection makes. */
        PROJECTION
    }

    /**
     * The parts of one gradient, in the caller's scope. A leaf that a part does not reach is null.
     *
     * @param plasticity g_p, over the parameters as the step will find them
     * @param stability g_s; all entries null where nothing holds
     * @param from what the stability comes from
     * @param more other numbers that belong to the method, by name
     */
    record Split(ParamVector plasticity, ParamVector stability, Stability from, List<Term> more) {
        public Split {
            more = List.copyOf(more);
        }

        public Split(ParamVector plasticity, ParamVector stability, Stability from) {
            this(plasticity, stability, from, List.of());
        }

        /** A gradient without a part that holds on. */
        public static Split plastic(ParamVector gradient, Stability from) {
            return new Split(gradient, gradient.map((m, t) -> null), from);
        }

        /** g = g_p + g_s, the gradient of the step. */
        public ParamVector sum() {
            return plasticity.plus(1, stability);
        }

        /** cos(g_p, g_s); NaN where one of them is 0. */
        public double cosine() {
            return plasticity.dot(stability) / (plasticity.norm() * stability.norm());
        }
    }
}
