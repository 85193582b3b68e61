package dev.holdfast.study;

/**
 * @param id number and short name, e.g. {@code 19-cl-survey}
 * @param arxiv arXiv id
 */
public record Paper(String id, String title, int year, String arxiv) {}
