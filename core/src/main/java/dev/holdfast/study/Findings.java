package dev.holdfast.study;

import java.util.List;

public record Findings(List<Row> rows) {
    public record Row(String arm, String bed, long seed, String metric, double value) {}
}
