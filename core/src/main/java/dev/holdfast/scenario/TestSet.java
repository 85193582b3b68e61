package dev.holdfast.scenario;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;

public record TestSet(int task, String name, Dataset data, ClassIndex classes) {}
