package dev.holdfast.data;

import java.util.List;
import java.util.Optional;

public record Schema(List<Field> inputs, Class<? extends Target> target, ClassIndex classes, Optional<LabelTree> tree) {
    public record Field(String name, Kind kind, List<Long> shape, int vocabulary) {
        public enum Kind {
            VECTOR,
            IMAGE,
            TOKENS,
            SEQUENCE,
            HISTORY,
            NOMINAL,
            CONDITION,
            TEXT
        }
    }
}
