package dev.holdfast.registry;

import dev.holdfast.config.Frozen;
import java.util.List;
import java.util.Map;

/** Something that can be named on the command line, found by {@link java.util.ServiceLoader}. */
@Frozen
public interface Plugin<C extends Record> {
    /** Short lower-case name, e.g. {@code derpp}. */
    String name();

    /** One line for lists. */
    String summary();

    /** Id of the published system that this is a part of, e.g. {@code 19-cl-survey}; empty for none. */
    default String system() {
        return "";
    }

    /** The configuration with its defaults; its components are the options. */
    C defaults();

    /**
     * Configurations that have a name of their own, as papers compare them; {@code NAME:PRESET} names one where a learner is
     * named.
     */
    default Map<String, C> presets() {
        return Map.of();
    }

    /** What a search may vary; empty when nothing is worth it. */
    default List<Axis> space() {
        return List.of();
    }

    /** One axis of a search: a component's dotted name and the values to try. */
    record Axis(String component, List<Object> values) {
        public Axis {
            values = List.copyOf(values);
        }
    }
}
