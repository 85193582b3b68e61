package dev.holdfast.study;

/**
 * One thing that must hold, stated before the run.
 *
 * @param sentence for people
 * @param required false: reported, never judged
 */
public record Criterion(String id, String sentence, Rule rule, boolean required) {}
