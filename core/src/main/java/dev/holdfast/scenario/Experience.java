package dev.holdfast.scenario;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Pace;

/** train may be one pass; boundaryKnown=false: begin and end are not called. */
public record Experience(int index, int task, DataSource train, ClassIndex classes, boolean boundaryKnown, Pace pace) {}
