package dev.holdfast.language;

import dev.holdfast.nn.lm.TokenLoss;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * What models wrote, one row a prompt: tokens up to and with the first end token count, what follows is padding.
 *
 * @param ids [B][A], padded at the end
 * @param lengths counted tokens of every row, the end token included
 * @param truncated true where no end token came
 */
public record Completions(int[][] ids, int[] lengths, boolean[] truncated) {
    /** Finds the first end token of every row. */
    public static Completions of(int[][] ids, int... end) {
        int[] lengths = new int[ids.length];
        boolean[] truncated = new boolean[ids.length];
        for (int b = 0; b < ids.length; b++) {
            lengths[b] = ids[b].length;
            truncated[b] = true;
            for (int t = 0; t < ids[b].length && truncated[b]; t++) {
                int id = ids[b][t];
                if (Arrays.stream(end).anyMatch(e -> e == id)) {
                    lengths[b] = t + 1;
                    truncated[b] = false;
                }
            }
        }
        return new Completions(ids, lengths, truncated);
    }

    public int rows() {
        return ids.length;
    }

    /** The counted tokens of a row, without the end token. */
    public int[] body(int row) {
        return Arrays.copyOf(ids[row], truncated[row] ? lengths[row] : lengths[row] - 1);
    }

    /** 1 where a token counts, [B,A] in {@code like}'s type. */
    public Tensor mask(Tensor like) {
        int width = ids.length == 0 ? 0 : ids[0].length;
        double[] m = new double[ids.length * width];
        for (int b = 0; b < ids.length; b++) {
            Arrays.fill(m, b * width, b * width + lengths[b], 1);
        }
        return Tensors.of(m, ids.length, width).to(like.scalar_type());
    }

    /**
     * Log-probabilities of the counted tokens, 0 elsewhere, [B,A].
     *
     * @param logits [B,P+A,V] of prompts of P tokens with these completions behind them, by the full forward pass
     */
    public Tensor logProbabilities(Tensor logits, Tensor fullIds) {
        long all = logits.size(1);
        Tensor each = TokenLoss.logProbabilities(logits, fullIds);
        long width = ids.length == 0 ? 0 : ids[0].length;
        return Tensors.slice(each, 1, all - 1 - width, all - 1).mul(mask(logits));
    }
}
