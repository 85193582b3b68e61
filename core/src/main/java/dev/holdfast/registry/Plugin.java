package dev.holdfast.registry;

import dev.holdfast.data.Schema;
import dev.holdfast.tensor.Rng;
import java.util.List;

/** Found by ServiceLoader; the record binds JSON, YAML, --set and prints the help; space = search axes for 47. */
public interface Plugin<C extends Record, T> {
    String name();

    String summary();

    C defaults();

    T create(C config, Schema schema, Rng rng);

    List<Axis> space();

    record Axis(String component, List<Object> values) {}
}
