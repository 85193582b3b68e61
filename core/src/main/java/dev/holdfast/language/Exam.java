package dev.holdfast.language;

import dev.holdfast.language.token.ByteTokenizer;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** How many problems a decoder over bytes solves, graded exactly. Pure functions; safe from any thread. */
public final class Exam {
    private static final ByteTokenizer BYTES = new ByteTokenizer();
    private static final int DRAWS = 50;
    /** Tokens beyond the right completion, so that one that is too long is seen to be. */
    private static final int SPARE = 4;

    private Exam() {}

    /** Up to {@code most} different held-out problems; fewer where there are not so many. */
    public static List<Problem> held(TaskFamily family, int level, int most, Rng rng) {
        Set<Problem> all = new LinkedHashSet<>();
        for (int i = 0; i < DRAWS * most && all.size() < most; i++) {
            Problem p = family.draw(level, rng.child("held", i));
            if (p.held()) {
                all.add(p);
            }
        }
        return List.copyOf(all);
    }

    /** Share of problems whose greedy completion is right, {@code direct} or with a chain of thought; NaN without problems. */
    public static double accuracy(Decoder model, List<Problem> problems, boolean direct) {
        List<int[]> prompts = new ArrayList<>();
        int most = 0;
        for (Problem p : problems) {
            prompts.add(p.promptIds(BYTES, direct));
            most = Math.max(most, p.completionIds(BYTES, direct).length + SPARE);
        }
        Completions made = new TextGenerator(model, Sampling.greedy(), List.of(ByteTokenizer.END), ByteTokenizer.PAD)
                .write(prompts, most, Rng.of(0));
        int right = 0;
        for (int i = 0; i < problems.size(); i++) {
            right += problems.get(i).solvedBy(BYTES.decode(made.body(i))) && !made.truncated()[i] ? 1 : 0;
        }
        return (double) right / problems.size();
    }
}
