package dev.holdfast.study;

import dev.holdfast.config.Frozen;

/**
 * One thing that must hold, stated before the run.
 *
 * @param sentence for people
 * @param required false: reported, never judged
 */
@Frozen
public record Criterion(String id, String sentence, Rule rule, boolean required) {}
