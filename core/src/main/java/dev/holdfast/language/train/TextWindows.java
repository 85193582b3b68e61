package dev.holdfast.language.train;

import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;

/** Windows at random places of one long text. */
public final class TextWindows implements TokenBatches {
    private final int[] tokens;
    private final int rows;
    private final int length;
    private final Rng rng;

    private TextWindows(int[] tokens, int rows, int length, Rng rng) {
        this.tokens = tokens;
        this.rows = rows;
        this.length = length;
        this.rng = rng;
    }

    /**
     * Batches of {@code rows} windows of {@code length} tokens; their places depend on the stream and the step alone.
     *
     * @param tokens the text, which must not change any more
     */
    public static TextWindows of(int[] tokens, int rows, int length, Rng rng) {
        if (rows < 1 || length < 2) {
            throw new IllegalArgumentException("A batch needs at least 1 window of at least 2 tokens but is to have "
                    + rows + " of " + length + ".");
        }
        if (tokens.length < length) {
            throw new IllegalArgumentException(
                    "The text has " + tokens.length + " tokens, which is less than a window of " + length
                            + ".\nMaybe the text is to be longer or the windows shorter.");
        }
        return new TextWindows(tokens, rows, length, rng);
    }

    @Override
    public TokenBatch at(long step) {
        Rng draws = rng.child("windows", step);
        long[] ids = new long[rows * length];
        for (int i = 0; i < rows; i++) {
            int start = draws.below(tokens.length - length + 1);
            for (int t = 0; t < length; t++) {
                ids[i * length + t] = tokens[start + t];
            }
        }
        return TokenBatch.of(Tensors.of(ids, rows, length));
    }
}
