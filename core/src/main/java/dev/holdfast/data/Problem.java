package dev.holdfast.data;

import org.bytedeco.pytorch.Tensor;

/** image [c,h,w] or null (29 30). */
public record Problem(
        String family,
        int level,
        String prompt,
        String reasoning,
        String answer,
        boolean needsReasoning,
        Tensor image) {}
