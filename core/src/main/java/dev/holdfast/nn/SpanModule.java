package dev.holdfast.nn;

import dev.holdfast.config.Frozen;
import org.bytedeco.pytorch.Tensor;

/** Code put at a point of a span: adapters, side modules, fusions. */
@Frozen
public interface SpanModule extends Part {
    Point point();

    /**
     * BRANCH: returns the new branch output; ACROSS: returns what is added to the span's output, outside its norm.
     *
     * @param input what entered the span
     * @param branch what the branch gave before it was added; null at a span without branch
     */
    Tensor apply(Tensor input, Tensor branch, Span span, Pass pass);

    @Override
    SpanModule copy(Copier c);

    /** Where in the span a module sits. */
    enum Point {
        BRANCH,
        ACROSS
    }
}
