package dev.holdfast.select;

import dev.holdfast.tensor.Rng;
import java.util.Arrays;

/**
 * Asks about rows that are informative for the student and not systematically those that the teacher gets wrong: draws
 * from the solution of the {@link SamplingGame}, with as many mistakes as the teacher's error tells. Nothing to tune.
 *
 * <p>After <i>Robust Active Distillation</i>, arXiv 2210.01213. Immutable; safe from any thread.
 *
 * @param gain what makes a row informative
 * @param kappa damage of a wrong label, > 0: 1 = useless, 2 = as harmful as a right one is useful
 */
public record RobustQuery(Informativeness gain, double kappa) implements QueryRule {
    public RobustQuery {
        if (!(kappa > 0) || Double.isInfinite(kappa)) {
            throw new IllegalArgumentException("kappa must be finite and > 0 but is " + kappa + ".");
        }
    }

    /** By margins, with wrong labels as harmful as right ones are useful. */
    public RobustQuery() {
        this(Informativeness.MARGIN, 2);
    }

    /** Chosen rows and the game that they were drawn from, over the rows that are left, in order. */
    public record Draw(Selected selected, SamplingGame game) {}

    @Override
    public Selected select(Candidates candidates, int budget, Context context) {
        int[] left = context.left(candidates.size(), budget);
        Rng rng = context.rng();
        // neighbours in a systematic draw hardly ever come together, so neighbours are made by chance
        return draw(
                        candidates,
                        budget,
                        context,
                        rng.child("order").permutation(left.length),
                        rng.child("draw").next())
                .selected();
    }

    /** The same with given draws: an order of the rows that are left, and one uniform number in [0, 1). */
    public Draw draw(Candidates candidates, int budget, Context context, int[] order, double u) {
        int[] left = context.left(candidates.size(), budget);
        if (order.length != left.length) {
            throw new IllegalArgumentException(
                    left.length + " rows are left to ask about but the order names " + order.length + ".");
        }
        double[] all = gain.of(candidates.probabilities());
        double[] gains = new double[left.length];
        for (int k = 0; k < gains.length; k++) {
            gains[k] = all[left[k]];
        }
        SamplingGame game =
                SamplingGame.solve(gains, TeacherError.mistakes(context.teacherError(), gains.length), kappa);
        double[] q = SystematicDraw.inclusion(game.p(), gains, budget);
        double[] turned = new double[q.length];
        Arrays.setAll(turned, k -> q[order[k]]);
        int[] hit = SystematicDraw.draw(turned, u);
        int[] rows = new int[hit.length];
        Arrays.setAll(rows, k -> left[order[hit[k]]]);
        double[] inclusion = new double[candidates.size()];
        for (int k = 0; k < q.length; k++) {
            inclusion[left[k]] = q[k];
        }
        return new Draw(new Selected(rows, inclusion), game);
    }
}
