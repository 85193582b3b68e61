package dev.holdfast.run;

import dev.holdfast.config.Frozen;

/**
 * A point in a run.
 *
 * @param step updates done; -1 = before the first
 * @param samples rows learnt from so far (a row of two epochs counts twice)
 * @param experience part of the stream, from 0
 * @param experienceEnd true right after the learner was told (or, without boundaries, would have been told) its end
 * @param last report of the last update, null before the first
 */
@Frozen
public record Moment(long step, long samples, int experience, boolean experienceEnd, StepReport last) {}
