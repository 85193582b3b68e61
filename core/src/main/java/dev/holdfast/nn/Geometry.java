package dev.holdfast.nn;

import java.util.List;

public record Geometry(Kind kind, List<Long> shape, long[] stride, long[] padding, long[] dilation, long groups) {
    public enum Kind {
        LINEAR,
        CONV,
        EMBEDDING,
        VECTOR
    }
}
