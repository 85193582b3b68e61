package dev.holdfast.bilevel;

import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;

/** What the ready-made problems share. */
final class Problems {
    private static final int EACH = 0;
    private static final long NOT_IGNORED = -100;

    private Problems() {}

    /** One leaf with a name and a start. */
    static Parameters leaf(String name, Tensor start) {
        return new Parameters(
                List.of(new ParamMeta(name, ParamMeta.Role.OTHER, 1, 1, false, 0)),
                List.of(Scope.own(start.detach().clone()).set_requires_grad(true)));
    }

    /** Cross entropy [n] of every row of logits [n, C] with its column, int64 [n]. */
    static Tensor crossEntropies(Tensor logits, Tensor columns) {
        return torch.cross_entropy_loss(logits, columns, new TensorOptional(), EACH, NOT_IGNORED, 0);
    }

    /** Row numbers below n, with replacement; n of them at most. */
    static int[] rows(int batch, Rng rng, long n) {
        int all = Math.toIntExact(n);
        int[] rows = new int[Math.min(batch, all)];
        for (int i = 0; i < rows.length; i++) {
            rows[i] = rng.below(all);
        }
        return rows;
    }
}
