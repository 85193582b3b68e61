package dev.holdfast.language.train;

import dev.holdfast.nn.lm.TokenLoss;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Rows of tokens to learn from; its tensors belong to the scope in which it was made.
 *
 * @param ids int64 [B,T]
 * @param labels int64 [B,T], aligned with the ids: the logits at position t are about label t+1; {@link TokenLoss#IGNORED}
 *     does not count
 * @param mask [B,T], 1 = token, 0 = padding, which stands on the left; null = no padding
 */
public record TokenBatch(Tensor ids, Tensor labels, Tensor mask) {
    public TokenBatch {
        Tensors.requireShape("The labels of a batch of tokens", labels, ids.size(0), ids.size(1));
        if (mask != null) {
            Tensors.requireShape("The mask of a batch of tokens", mask, ids.size(0), ids.size(1));
        }
    }

    /** Every token is to be foretold from those before it. */
    public static TokenBatch of(Tensor ids) {
        return new TokenBatch(ids, ids, null);
    }

    /**
     * Rows of unequal length, padded on the left.
     *
     * @param rows token ids of every row, at least one each
     * @param unlabelled of every row, how many tokens at its start are only read
     * @param pad id that fills up
     */
    public static TokenBatch padded(List<int[]> rows, int[] unlabelled, int pad) {
        if (rows.isEmpty() || rows.size() != unlabelled.length) {
            throw new IllegalArgumentException("There are " + rows.size() + " rows of tokens and " + unlabelled.length
                    + " numbers of tokens that are only read; expected as many, at least one.");
        }
        int n = rows.size();
        int width = rows.stream().mapToInt(r -> r.length).max().orElseThrow();
        long[] ids = new long[n * width];
        long[] labels = new long[n * width];
        long[] mask = new long[n * width];
        Arrays.fill(ids, pad);
        Arrays.fill(labels, TokenLoss.IGNORED);
        boolean equal = true;
        for (int i = 0; i < n; i++) {
            int[] row = rows.get(i);
            if (row.length == 0) {
                throw new IllegalArgumentException("Row " + i + " of a batch has no tokens.");
            }
            int start = (i + 1) * width - row.length;
            equal &= row.length == width;
            Arrays.fill(mask, start, start + row.length, 1);
            for (int t = 0; t < row.length; t++) {
                ids[start + t] = row[t];
                labels[start + t] = t < unlabelled[i] ? TokenLoss.IGNORED : row[t];
            }
        }
        return new TokenBatch(
                Tensors.of(ids, n, width), Tensors.of(labels, n, width), equal ? null : Tensors.of(mask, n, width));
    }

    /** Part {@code i} of {@code n} of its rows, whose numbers differ by at most one. */
    public TokenBatch shard(int i, int n) {
        long rows = ids.size(0);
        long from = rows * i / n;
        long to = rows * (i + 1) / n;
        return new TokenBatch(
                Tensors.slice(ids, from, to),
                Tensors.slice(labels, from, to),
                mask == null ? null : Tensors.slice(mask, from, to));
    }

    /** Labels that count: the first of a row is about nothing. */
    public long counted() {
        return Tensors.slice(labels, 1, 1, labels.size(1))
                .ne(Tensors.scalar(TokenLoss.IGNORED))
                .sum()
                .item_long();
    }
}
