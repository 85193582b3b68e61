package dev.holdfast.run;

public record Term(String name, double value) {}
