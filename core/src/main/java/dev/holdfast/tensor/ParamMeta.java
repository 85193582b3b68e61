package dev.holdfast.tensor;

/** What a rule may know about a leaf (37 muParam, 38 groups, 49 scopes, 52 selection). */
public record ParamMeta(String name, Role role, long fanIn, long fanOut, boolean decay, int depth) {
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
