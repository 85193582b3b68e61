package dev.holdfast.run;

/** A named number of a report: a part of a loss, a reward, a rate. */
public record Term(String name, double value) {}
