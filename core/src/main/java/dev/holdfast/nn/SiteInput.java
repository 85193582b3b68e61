package dev.holdfast.nn;

import dev.holdfast.config.Frozen;
import org.bytedeco.pytorch.Tensor;

/** A transform of the activation that enters a site: sign, fake quantisation, noise. */
@Frozen
public interface SiteInput {
    Tensor apply(Tensor x, Pass pass);
}
