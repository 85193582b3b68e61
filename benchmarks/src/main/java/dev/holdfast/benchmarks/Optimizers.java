package dev.holdfast.benchmarks;

import dev.holdfast.optim.config.OptimizerConfig;

/** The optimizers that are timed, by the names that the tables use. */
public enum Optimizers {
    SGD(OptimizerConfig.sgd(0.01)),
    MOMENTUM(OptimizerConfig.sgd(0.01, 0.9)),
    ADAM(OptimizerConfig.adam(1e-3)),
    ADAMW(OptimizerConfig.adamW(1e-3, 0.01));

    private final OptimizerConfig config;

    Optimizers(OptimizerConfig config) {
        this.config = config;
    }

    public OptimizerConfig config() {
        return config;
    }
}
