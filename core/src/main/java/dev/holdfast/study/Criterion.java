package dev.holdfast.study;

/** Stated before the run; required=false: reported, never judged. */
public record Criterion(String id, String sentence, Rule rule, boolean required) {}
