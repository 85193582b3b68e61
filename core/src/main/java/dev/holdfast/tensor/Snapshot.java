package dev.holdfast.tensor;

import dev.holdfast.config.Frozen;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Copies of several states taken at one moment, to go back to later. */
@Frozen
public record Snapshot(List<State> states) {
    public Snapshot {
        states = List.copyOf(states);
    }

    /** Copies the states of all parts. */
    public static Snapshot of(Stateful... parts) {
        return new Snapshot(Arrays.stream(parts).map(p -> p.state().copy()).toList());
    }

    /** Loads every part from the child of {@code saved} under its name; if one of them refuses, all stay as they were. */
    public static void loadAll(State saved, Map<String, ? extends Stateful> parts) {
        Stateful[] all = parts.values().toArray(new Stateful[0]);
        Snapshot before = of(all);
        try {
            parts.forEach((name, part) -> part.load(saved.child(name)));
        } catch (RuntimeException e) {
            before.restore(all);
            throw e;
        }
    }

    /** Loads the copies back, in the order in which they were taken. */
    public void restore(Stateful... parts) {
        if (parts.length != states.size()) {
            throw new IllegalArgumentException(
                    "A snapshot of " + states.size() + " parts cannot be restored to " + parts.length + ".");
        }
        for (int i = 0; i < parts.length; i++) {
            parts[i].load(states.get(i));
        }
    }
}
