package dev.holdfast.study;

public record Paper(String id, String title, int year, String arxiv) {}
