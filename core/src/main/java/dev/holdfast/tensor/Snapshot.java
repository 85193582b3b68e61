package dev.holdfast.tensor;

import java.util.Arrays;
import java.util.List;

/** Copies of several states taken at one moment, to go back to later. */
public record Snapshot(List<State> states) {
    public Snapshot {
        states = List.copyOf(states);
    }

    /** Copies the states of all parts. */
    public static Snapshot of(Stateful... parts) {
        return new Snapshot(Arrays.stream(parts).map(p -> p.state().copy()).toList());
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
