package dev.holdfast.run;

/** step -1 = before the first update (06); samples = rows or tokens (32). */
public record Moment(long step, long samples, int experience, boolean experienceEnd, StepReport last) {}
