package dev.holdfast.loss;

import dev.holdfast.config.Choice;
import dev.holdfast.config.Frozen;
import dev.holdfast.data.Schema;
import java.util.Collections;
import java.util.List;
import java.util.ServiceLoader;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Which loss a learner makes small, as a value that fits into its configuration. Losses add themselves by listing their
 * record in {@code META-INF/services/dev.holdfast.loss.LossConfig}.
 */
@Frozen
public interface LossConfig extends Choice {
    /** A fresh loss for rows of this schema; what does not fit its classes is refused. */
    Loss build(Schema schema);

    /** Settings worth trying where the loss's own numbers are to be chosen; this one alone where it has none. */
    default List<? extends LossConfig> grid() {
        return List.of(this);
    }

    /** True if the loss keeps something for every sample it sees, so that its memory grows with the data. */
    default boolean remembersSamples() {
        return false;
    }

    /**
     * Whether the loss is made for labels of which some are wrong, and worth a row of a comparison on such data that names
     * nobody.
     */
    default boolean forWrongLabels() {
        return false;
    }

    /** Whether the loss is worth a row of a comparison on label sets from which labels are missing, that names nobody. */
    default boolean forMissingLabels() {
        return false;
    }

    /** Every loss that is listed, with its defaults, by {@link #kind}. */
    static SortedMap<String, LossConfig> all() {
        SortedMap<String, LossConfig> all = new TreeMap<>();
        ServiceLoader.load(LossConfig.class).forEach(l -> all.put(l.kind(), l));
        return Collections.unmodifiableSortedMap(all);
    }
}
