package dev.holdfast.nn;

import org.bytedeco.pytorch.Tensor;

/** BRANCH: new branch output from (input, branch); ACROSS: added to the output, after the norm (14). */
public interface SpanModule extends Part {
    Point point();

    Tensor apply(Tensor input, Tensor branch, Span span, Pass pass);

    enum Point {
        BRANCH,
        ACROSS
    }
}
