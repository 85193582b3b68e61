package dev.holdfast.tensor;

import dev.holdfast.config.Frozen;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Named tensors and texts of anything that can be saved; names are dotted paths, so that a whole is the sum of its
 * parts under prefixes. Insertion order is kept, so equal states save to equal bytes.
 *
 * <p>A state made by {@link Stateful#state} may share memory with what it was taken from; {@link #copy} does not.
 */
@Frozen
public final class State {
    private final Map<String, Tensor> tensors = new LinkedHashMap<>();
    private final Map<String, String> values = new LinkedHashMap<>();

    public Map<String, Tensor> tensors() {
        return java.util.Collections.unmodifiableMap(tensors);
    }

    public Map<String, String> values() {
        return java.util.Collections.unmodifiableMap(values);
    }

    /** Adds a tensor; null is skipped, so that optional parts need no branch. */
    public State put(String name, Tensor t) {
        if (t != null && tensors.putIfAbsent(name, t) != null) {
            throw new IllegalArgumentException("The state already has a tensor '" + name + "'.");
        }
        return this;
    }

    /** Adds a text; null is skipped. */
    public State put(String name, String value) {
        if (value != null && values.putIfAbsent(name, value) != null) {
            throw new IllegalArgumentException("The state already has a value '" + name + "'.");
        }
        return this;
    }

    public State put(String name, long value) {
        return put(name, Long.toString(value));
    }

    /** Exact: the text of a double reads back to the same bits. */
    public State put(String name, double value) {
        return put(name, Double.toString(value));
    }

    /** Adds all of {@code part} under {@code prefix.}. */
    public State put(String prefix, State part) {
        part.tensors.forEach((k, t) -> put(prefix + "." + k, t));
        part.values.forEach((k, v) -> put(prefix + "." + k, v));
        return this;
    }

    /** Adds the state of {@code part} under {@code prefix.}. */
    public State put(String prefix, Stateful part) {
        return put(prefix, part.state());
    }

    public boolean has(String name) {
        return tensors.containsKey(name) || values.containsKey(name);
    }

    /** Tensor by name; a missing one is an error that lists what is there. */
    public Tensor tensor(String name) {
        Tensor t = tensors.get(name);
        if (t == null) {
            throw new IllegalArgumentException("The saved state has no tensor '" + name + "'; it has "
                    + tensors.keySet() + ".\nMaybe it was saved by another configuration.");
        }
        return t;
    }

    /** Text by name; a missing one is an error that lists what is there. */
    public String value(String name) {
        String v = values.get(name);
        if (v == null) {
            throw new IllegalArgumentException("The saved state has no value '" + name + "'; it has " + values.keySet()
                    + ".\nMaybe it was saved by another configuration.");
        }
        return v;
    }

    /** Whole number by name. */
    public long integer(String name) {
        try {
            return Long.parseLong(value(name));
        } catch (NumberFormatException e) {
            throw garbled(name, "a whole number");
        }
    }

    /** Number by name, to the bit. */
    public double number(String name) {
        try {
            return Double.parseDouble(value(name));
        } catch (NumberFormatException e) {
            throw garbled(name, "a number");
        }
    }

    /** {@code true} or {@code false} by name. */
    public boolean flag(String name) {
        String v = value(name);
        if (!v.equals("true") && !v.equals("false")) {
            throw garbled(name, "true or false");
        }
        return v.equals("true");
    }

    private IllegalArgumentException garbled(String name, String expected) {
        return new IllegalArgumentException("The saved value '" + name + "' is '" + value(name) + "'; expected "
                + expected + ".\nMaybe the file is damaged.");
    }

    /** What stands under {@code prefix.}, with the prefix cut off. */
    public State child(String prefix) {
        State c = new State();
        String p = prefix + ".";
        tensors.forEach((k, t) -> {
            if (k.startsWith(p)) {
                c.tensors.put(k.substring(p.length()), t);
            }
        });
        values.forEach((k, v) -> {
            if (k.startsWith(p)) {
                c.values.put(k.substring(p.length()), v);
            }
        });
        return c;
    }

    /** A deep copy that outlives every scope. */
    public State copy() {
        State c = new State();
        try (Scope s = Scope.open()) {
            tensors.forEach((k, t) -> c.tensors.put(k, Scope.own(Tensors.copy(t))));
        }
        c.values.putAll(values);
        return c;
    }

    /** Same names, same texts, same shapes, dtypes and bits. */
    public boolean sameAs(State o) {
        if (!values.equals(o.values) || !tensors.keySet().equals(o.tensors.keySet())) {
            return false;
        }
        for (Map.Entry<String, Tensor> e : tensors.entrySet()) {
            Tensor a = e.getValue();
            Tensor b = o.tensors.get(e.getKey());
            if (a.scalar_type().intern() != b.scalar_type().intern()
                    || !java.util.Arrays.equals(a.shape(), b.shape())
                    || !java.util.Arrays.equals(Tensors.bytes(a), Tensors.bytes(b))) {
                return false;
            }
        }
        return true;
    }
}
