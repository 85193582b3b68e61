package dev.holdfast.registry;

import dev.holdfast.scenario.Scenario;

public interface ScenarioPlugin<C extends Record> extends Plugin<C, Scenario> {}
