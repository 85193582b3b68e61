package dev.holdfast.tensor;

import dev.holdfast.config.Frozen;

/**
 * What a rule may know about a leaf.
 *
 * @param name dotted path, distinct within a network
 * @param role what the leaf does
 * @param fanIn numbers that enter one output of it
 * @param fanOut outputs that one input reaches
 * @param decay whether weight decay may act on it
 * @param depth position of its layer, counted from the input
 */
@Frozen
public record ParamMeta(String name, Role role, long fanIn, long fanOut, boolean decay, int depth) {
    /** What a leaf does in its network. */
    public enum Role {
        HIDDEN,
        EMBEDDING,
        HEAD,
        NORM,
        BIAS,
        STATE_SPACE,
        OTHER
    }
}
