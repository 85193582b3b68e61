package dev.holdfast.nn;

import dev.holdfast.config.Frozen;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import org.bytedeco.pytorch.Tensor;

/**
 * Records named activations of a forward pass, and only those asked for: outputs of layers ("block.2"), attention
 * logits ("block.2.attn.logits"), what enters and leaves a site ("site:conv.1.in",
 * "site:conv.1.out"). Recorded tensors are the live ones, with
 * graph, and belong to the scope of the pass. For one thread.
 */
@Frozen
public final class Taps {
    private static final Taps NONE = new Taps(n -> false);
    private final Predicate<String> wanted;
    private final Map<String, Tensor> recorded = new LinkedHashMap<>();

    private Taps(Predicate<String> wanted) {
        this.wanted = wanted;
    }

    /** Records nothing. */
    public static Taps none() {
        return NONE;
    }

    /** Records exactly these names. */
    public static Taps of(String... names) {
        return new Taps(Set.of(names)::contains);
    }

    /** Records every name that satisfies {@code wanted}. */
    public static Taps where(Predicate<String> wanted) {
        return new Taps(wanted);
    }

    /** True if {@code put(name, ...)} would record. */
    public boolean wants(String name) {
        return this != NONE && wanted.test(name);
    }

    /** Records if wanted; a name that is put twice in a pass keeps the later tensor. */
    public void put(String name, Tensor t) {
        if (wants(name)) {
            recorded.put(name, t);
        }
    }

    /** A recorded activation; one that is missing is refused with the names that are there. */
    public Tensor get(String name) {
        Tensor t = recorded.get(name);
        if (t == null) {
            throw new IllegalArgumentException("Nothing was recorded under '" + name + "'; recorded are "
                    + recorded.keySet() + ".\nMaybe the name is misspelt, or no forward pass ran with these taps.");
        }
        return t;
    }

    /** The names recorded so far, in order of first appearance. */
    public Set<String> names() {
        return Collections.unmodifiableSet(recorded.keySet());
    }
}
