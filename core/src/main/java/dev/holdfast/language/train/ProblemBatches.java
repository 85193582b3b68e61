package dev.holdfast.language.train;

import dev.holdfast.language.Problem;
import dev.holdfast.language.TaskFamily;
import dev.holdfast.language.token.ByteTokenizer;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.List;

/**
 * Fresh problems without end, as bytes: a family and a level are drawn, then a problem that is not held out, then whether
 * it is shown with its chain of thought. Prompts are read, completions are learnt.
 *
 * <p>A direct row closes its thought before the learnt part begins, so that a model does what its prompt asks for: it
 * thinks behind {@code <think>} and answers behind {@code <think></think>}.
 */
public final class ProblemBatches implements TokenBatches {
    private static final int MOST_DRAWS = 1000;
    private static final ByteTokenizer BYTES = new ByteTokenizer();

    /** Problems of a family at a level. */
    public record Kind(TaskFamily family, int level) {}

    private final List<Kind> kinds;
    private final double thoughts;
    private final int rows;
    private final Rng rng;

    /**
     * @param kinds drawn with equal chance
     * @param thoughts share of rows with a chain of thought, in [0, 1]
     * @param rows a batch, >= 1
     */
    public ProblemBatches(List<Kind> kinds, double thoughts, int rows, Rng rng) {
        if (kinds.isEmpty() || rows < 1 || !(thoughts >= 0 && thoughts <= 1)) {
            throw new IllegalArgumentException("Batches of problems need kinds, rows >= 1 and a share of thoughts in"
                    + " [0, 1] but have " + kinds.size() + " kinds, " + rows + " and " + thoughts + ".");
        }
        this.kinds = List.copyOf(kinds);
        this.thoughts = thoughts;
        this.rows = rows;
        this.rng = rng;
    }

    @Override
    public TokenBatch at(long step) {
        List<int[]> texts = new ArrayList<>();
        int[] read = new int[rows];
        for (int i = 0; i < rows; i++) {
            Rng draws = rng.child("problems", step, i);
            Problem p = learnable(kinds.get(draws.below(kinds.size())), draws);
            boolean direct = draws.next() >= thoughts;
            int[] prompt = p.promptIds(BYTES, direct);
            int[] completion = p.completionIds(BYTES, direct);
            int[] text = new int[prompt.length + completion.length];
            System.arraycopy(prompt, 0, text, 0, prompt.length);
            System.arraycopy(completion, 0, text, prompt.length, completion.length);
            texts.add(text);
            read[i] = prompt.length;
        }
        return TokenBatch.padded(texts, read, ByteTokenizer.PAD);
    }

    private static Problem learnable(Kind k, Rng draws) {
        for (int i = 0; i < MOST_DRAWS; i++) {
            Problem p = k.family.draw(k.level, draws);
            if (!p.held()) {
                return p;
            }
        }
        throw new IllegalStateException("Every problem " + k.family + " of level " + k.level
                + " that was drawn is held out.\nMaybe the level is too low to have others.");
    }
}
