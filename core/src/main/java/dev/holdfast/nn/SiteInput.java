package dev.holdfast.nn;

import org.bytedeco.pytorch.Tensor;

/** A transform of the activation that enters a site: sign, fake quantisation, noise. */
public interface SiteInput {
    Tensor apply(Tensor x, Pass pass);
}
