package dev.holdfast.nn;

import org.bytedeco.pytorch.Tensor;

/** Activation that enters a site (54 sign, 04 fake quantisation, noise). */
public interface SiteInput {
    Tensor apply(Tensor x, Pass pass);
}
