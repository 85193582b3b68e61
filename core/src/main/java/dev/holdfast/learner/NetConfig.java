package dev.holdfast.learner;

import dev.holdfast.config.Doc;
import dev.holdfast.optim.config.OptimizerConfig;

/**
 * Network and optimizer of a gradient learner.
 *
 * @param backbone the network below the head
 * @param optimizer what moves it
 * @param allClassesFromStart true: the head has a column for every declared class from the beginning, as in most
 *     published code; false: a class gets its column when it first appears
 */
public record NetConfig(
        BackboneConfig backbone,
        OptimizerConfig optimizer,
        @Doc("give every declared class a column from the start, instead of when it first appears")
                boolean allClassesFromStart) {
    /** A network chosen by the data, Adam at 0.001, columns as classes appear. */
    public static NetConfig defaults() {
        return new NetConfig(BackboneConfig.auto(), OptimizerConfig.adam(1e-3), false);
    }

    /** The same, with a column for every declared class from the start. */
    public NetConfig withAllClassesFromStart() {
        return new NetConfig(backbone, optimizer, true);
    }
}
