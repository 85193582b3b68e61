package dev.holdfast.data;

import dev.holdfast.config.Frozen;
import org.bytedeco.pytorch.Tensor;

/**
 * A question with an answer that a program can grade.
 *
 * @param family kind of question
 * @param level difficulty, from 0
 * @param prompt the question as text
 * @param reasoning worked steps, may be empty
 * @param answer the answer that counts
 * @param needsReasoning whether steps are needed to get there
 * @param image [c, h, w], or null
 */
@Frozen
public record Problem(
        String family,
        int level,
        String prompt,
        String reasoning,
        String answer,
        boolean needsReasoning,
        Tensor image) {}
