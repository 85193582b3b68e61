package dev.holdfast.study;

import dev.holdfast.config.Frozen;
import java.util.List;

/** All that a study measured. */
@Frozen
public record Findings(List<Row> rows) {
    /**
     * One number.
     *
     * @param arm method or baseline
     * @param bed data and setting
     * @param metric name with unit where it has one
     */
    public record Row(String arm, String bed, long seed, String metric, double value) {}

    public Findings {
        rows = List.copyOf(rows);
    }
}
