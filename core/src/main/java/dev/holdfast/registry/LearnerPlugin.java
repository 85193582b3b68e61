package dev.holdfast.registry;

import dev.holdfast.learner.Learner;

public interface LearnerPlugin<C extends Record> extends Plugin<C, Learner> {}
