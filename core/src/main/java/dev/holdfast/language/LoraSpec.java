package dev.holdfast.language;

import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Site;
import java.util.List;

/**
 * Which maps of a decoder get low-rank factors (Hu et al., arXiv 2106.09685), and how strongly these act.
 *
 * @param rank of the factors
 * @param alpha the product of the factors is scaled by alpha/rank
 * @param rankStabilized scale by alpha/sqrt(rank) instead (Kalajdzievski, arXiv 2312.03732)
 * @param dropout share of the numbers entering the factors that are dropped in training, in [0, 1)
 * @param targets last parts of the names of the linear maps to adapt
 */
public record LoraSpec(int rank, double alpha, boolean rankStabilized, double dropout, List<String> targets) {
    /** All linear maps of a block. */
    public static final List<String> ALL =
            List.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj");

    public LoraSpec {
        targets = List.copyOf(targets);
        if (rank < 1 || !Double.isFinite(alpha) || !(dropout >= 0 && dropout < 1) || targets.isEmpty()) {
            throw new IllegalArgumentException(
                    "Adapters need a rank >= 1, a finite alpha, dropout in [0, 1) and targets but" + " have " + rank
                            + ", " + alpha + ", " + dropout + " and " + targets + ".");
        }
    }

    /** On all linear maps of every block, without dropout. */
    public static LoraSpec of(int rank, double alpha) {
        return new LoraSpec(rank, alpha, false, 0, ALL);
    }

    /** What the product of the factors is multiplied by. */
    public double scale() {
        return alpha / (rankStabilized ? Math.sqrt(rank) : rank);
    }

    /** True if this site is to be adapted. */
    public boolean matches(Site s) {
        return s.geometry().kind() == Geometry.Kind.LINEAR
                && targets.stream().anyMatch(t -> s.name().equals(t) || s.name().endsWith("." + t));
    }
}
