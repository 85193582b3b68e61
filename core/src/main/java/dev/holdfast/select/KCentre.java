package dev.holdfast.select;

import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * Asks about rows that cover the features: always the one farthest from all that are known or chosen, whose distances
 * never exceed twice the best possible. Where nothing is known yet it starts at the row nearest to the mean.
 *
 * <p>Sener, Savarese: <i>Active Learning for Convolutional Neural Networks: A Core-Set Approach</i>, arXiv 1708.00489,
 * algorithm 1. Immutable; safe from any thread.
 */
public record KCentre() implements QueryRule {
    @Override
    public Selected select(Candidates candidates, int budget, Context context) {
        context.left(candidates.size(), budget);
        return new Selected(
                centres(
                        features(candidates),
                        budget,
                        context.asked().stream().sorted().toList()),
                null);
    }

    static Tensor features(Candidates candidates) {
        if (candidates.features() == null) {
            throw new IllegalArgumentException("This rule covers the rows' features, but there are none.");
        }
        Tensors.requireFinite("The candidates' features", candidates.features());
        return candidates.features().detach();
    }

    /** So many rows of x [n, d], each farthest from the known ones and those before it. */
    static int[] centres(Tensor x, int count, List<Integer> known) {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            List<Integer> chosen = new ArrayList<>();
            Tensor nearest = Tensors.emptyLike(x, x.size(0)).fill_(Tensors.scalar(Double.POSITIVE_INFINITY));
            for (int c : known) {
                cover(nearest, x, c);
            }
            if (known.isEmpty()) {
                Tensor mean = x.mean(new long[] {0}, true, new ScalarTypeOptional());
                chosen.add((int) squares(x, mean).argmin().item_long());
                cover(nearest, x, chosen.get(0));
            }
            while (chosen.size() < count) {
                try (Scope step = Scope.open()) {
                    int far = (int) nearest.argmax().item_long();
                    chosen.add(far);
                    cover(nearest, x, far);
                }
            }
            return chosen.stream().mapToInt(Integer::intValue).toArray();
        }
    }

    /** Shortens the distances to the nearest centre, in place; a centre itself is out of the race. */
    private static void cover(Tensor nearest, Tensor x, int centre) {
        try (Scope s = Scope.open()) {
            Tensor d = squares(x, Tensors.slice(x, centre, centre + 1));
            nearest.copy_(nearest.minimum(d));
            Tensors.slice(nearest, centre, centre + 1).fill_(Tensors.scalar(-1));
        }
    }

    private static Tensor squares(Tensor x, Tensor row) {
        Tensor d = x.sub(row);
        return d.mul(d).sum(1);
    }

    /** The nearest of these rows for each row of x [n, d]. */
    static int[] nearest(Tensor x, int... centres) {
        try (Scope s = Scope.open()) {
            Tensor c = Tensors.rows(x, centres);
            // |x - c|^2 without |x|^2, which is the same for all centres
            Tensor d = c.mul(c).sum(1).unsqueeze(0).sub(x.matmul(c.t()), Tensors.scalar(2));
            return Arrays.copyOf(Tensors.ints(d.argmin(new LongOptional(1), false)), (int) x.size(0));
        }
    }
}
