package dev.holdfast.nn;

/** Sub-graph of equal input and output width; norm is the one applied after the add (61 uses it twice). */
public interface Span {
    String name();

    Kind kind();

    long width();

    Layer norm();

    void insert(SpanModule m);

    enum Kind {
        SUBLAYER,
        LAYER,
        STACK
    }
}
