package dev.holdfast.data;

import dev.holdfast.config.Frozen;
import org.bytedeco.pytorch.Tensor;

/** A frozen function of rows: an encoder that nothing trains any more. Safe from any thread. */
@Frozen
public interface FeatureExtractor {
    /** Features [n, dim] of the rows, float32, in the caller's scope. */
    Tensor features(Inputs x);

    /** Features of a row. */
    int dim();

    /** Changes whenever the same rows may get other features; names caches and is kept in model files. */
    String fingerprint();
}
