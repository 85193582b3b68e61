package dev.holdfast.run;

import dev.holdfast.config.Frozen;

/** A named number of a report: a part of a loss, a reward, a rate. */
@Frozen
public record Term(String name, double value) {}
