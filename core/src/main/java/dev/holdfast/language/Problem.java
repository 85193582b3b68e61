package dev.holdfast.language;

import dev.holdfast.language.token.ByteTokenizer;
import dev.holdfast.math.Philox;
import java.util.stream.IntStream;

/**
 * A problem with an exact answer.
 *
 * @param level number of letters, digits or operations
 * @param prompt ASCII, ends in "="
 * @param thought a chain of thought that leads to the answer
 * @param answer the one right answer
 */
public record Problem(TaskFamily family, int level, String prompt, String thought, String answer) {
    /** Share of prompts that {@link #held} sets apart: one in so many. */
    public static final int HELD_ONE_IN = 8;

    /** True if the problem is meant to be too hard for a direct answer. */
    public boolean needsThought() {
        return level > TaskFamily.EASY;
    }

    /** True if this prompt is for testing only, whatever seed drew it: by a hash of the prompt. */
    public boolean held() {
        long h = 0;
        for (int i = 0; i < prompt.length(); i++) {
            h = Philox.mix(h ^ prompt.charAt(i));
        }
        return Long.remainderUnsigned(h, HELD_ONE_IN) == 0;
    }

    /** The text to learn from: prompt, tags with or without the thought between, answer, end token. */
    public String text(boolean withThought) {
        return prompt + "<think>" + (withThought ? thought : "") + "</think>" + answer + "<eos>";
    }

    /** Ids of {@link #text}, without a begin token. */
    public int[] ids(ByteTokenizer tokenizer, boolean withThought) {
        return tokenizer.encode(text(withThought), true);
    }

    /** Begin token and prompt, for generation; {@code direct} also closes the thought, so that the answer comes next. */
    public int[] promptIds(ByteTokenizer tokenizer, boolean direct) {
        return IntStream.concat(
                        IntStream.of(ByteTokenizer.BEGIN),
                        IntStream.of(tokenizer.encode(prompt + "<think>" + (direct ? "</think>" : ""), true)))
                .toArray();
    }

    /** What is to be written behind {@link #promptIds}: the thought and its end unless {@code direct}, the answer, the end token. */
    public int[] completionIds(ByteTokenizer tokenizer, boolean direct) {
        return tokenizer.encode((direct ? "" : thought + "</think>") + answer + "<eos>", true);
    }

    /** True if what follows the last {@code </think>} (everything, if there is none) is the answer but for white space. */
    public boolean solvedBy(String completion) {
        int at = completion.lastIndexOf("</think>");
        return completion
                .substring(at < 0 ? 0 : at + "</think>".length())
                .strip()
                .equals(answer);
    }
}
