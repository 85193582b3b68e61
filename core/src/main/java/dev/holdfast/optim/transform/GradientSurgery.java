package dev.holdfast.optim.transform;

import dev.holdfast.math.QuadraticProgram;
import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.StepContext;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Stateless;
import java.util.List;

/**
 * Turns a gradient so that a step along it does not, to first order, raise the loss on remembered data.
 *
 * <p>The learner computes the gradients of its memories, hands them to {@link #against}, and steps; without references
 * the gradient passes untouched. References are used for one step only and are no state.
 *
 * <p>Lopez-Paz, Ranzato: <i>Gradient Episodic Memory for Continual Learning</i>, arXiv 1706.08840, equation 11; Chaudhry
 * et al.: <i>Efficient Lifelong Learning with A-GEM</i>, arXiv 1812.00420, equation 11.
 */
public final class GradientSurgery implements GradientTransform, Stateless {
    /** GEM's dual variables are at least this; its paper's memory strength. */
    public static final double MARGIN = 0.5;
    /** Added to the diagonal of GEM's dual problem, as in its authors' code. */
    public static final double EPSILON = 1e-3;

    private final boolean averaged;
    private final double margin;
    private final double epsilon;
    private List<ParamVector> references = List.of();

    private GradientSurgery(boolean averaged, double margin, double epsilon) {
        this.averaged = averaged;
        this.margin = margin;
        this.epsilon = epsilon;
    }

    /** A-GEM: one reference, the gradient of a draw from the whole memory. */
    public static GradientSurgery aGem() {
        return new GradientSurgery(true, 0, 0);
    }

    /** GEM: one reference a past task. */
    public static GradientSurgery gem(double margin, double epsilon) {
        if (!(margin >= 0) || !(epsilon >= 0)) {
            throw new IllegalArgumentException(
                    "GEM's margin and epsilon must be >= 0 but are " + margin + " and " + epsilon + ".");
        }
        return new GradientSurgery(false, margin, epsilon);
    }

    /** The references of the next step. */
    public void against(ParamVector... gradients) {
        if (averaged && gradients.length > 1) {
            throw new IllegalArgumentException("A-GEM takes one reference gradient but got " + gradients.length
                    + ".\nMaybe GEM is meant, which takes one a past task.");
        }
        references = List.of(gradients);
    }

    @Override
    public ParamVector apply(ParamVector g, StepContext c) {
        List<ParamVector> now = references;
        references = List.of();
        if (now.isEmpty()) {
            return g;
        }
        return averaged ? aGem(g, now.get(0)) : gem(g, now, margin, epsilon);
    }

    /** {@code g - (g.r / r.r) r} if {@code g.r < 0}, else g itself. */
    public static ParamVector aGem(ParamVector g, ParamVector r) {
        double along = g.dot(r);
        return along >= 0 ? g : g.plus(-along / r.dot(r), r);
    }

    /**
     * g itself if it conflicts with no reference; else {@code g + G'v} with v the minimum of {@code v'(GG' + eps I)v/2 +
     * (Gg)'v} over {@code v >= margin}, rows of G = references; the small problem is solved in float64.
     */
    public static ParamVector gem(ParamVector g, List<ParamVector> references, double margin, double epsilon) {
        int n = references.size();
        double[] along = new double[n];
        boolean conflict = false;
        for (int i = 0; i < n; i++) {
            along[i] = g.dot(references.get(i));
            conflict |= along[i] < 0;
        }
        if (!conflict) {
            return g;
        }
        double[][] gram = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j <= i; j++) {
                gram[i][j] = references.get(i).dot(references.get(j));
                gram[j][i] = gram[i][j];
            }
            gram[i][i] += epsilon;
        }
        double[] v = QuadraticProgram.lowerBounded(gram, along, margin);
        ParamVector turned = g;
        for (int i = 0; i < n; i++) {
            if (v[i] != 0) {
                turned = turned.plus(v[i], references.get(i));
            }
        }
        return turned;
    }
}
