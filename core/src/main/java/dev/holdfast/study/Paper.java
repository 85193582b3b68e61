package dev.holdfast.study;

import dev.holdfast.config.Frozen;

/**
 * @param id number and short name, e.g. {@code 19-cl-survey}
 * @param arxiv arXiv id
 */
@Frozen
public record Paper(String id, String title, int year, String arxiv) {}
