package dev.holdfast.select;

import java.util.Arrays;

/** Asks about rows at random. Immutable; safe from any thread. */
public record UniformQuery() implements QueryRule {
    @Override
    public Selected select(Candidates candidates, int budget, Context context) {
        int[] left = context.left(candidates.size(), budget);
        int[] order = context.rng().child("order").permutation(left.length);
        double[] inclusion = new double[candidates.size()];
        for (int i : left) {
            inclusion[i] = budget / (double) left.length;
        }
        return new Selected(Arrays.stream(order, 0, budget).map(k -> left[k]).toArray(), inclusion);
    }
}
