package dev.holdfast.data;

import org.bytedeco.pytorch.Tensor;

/** Frozen function rows -> [n,dim]; FeatureCache keys its store by the fingerprint. */
public interface FeatureExtractor {
    Tensor features(Inputs x);

    int dim();

    String fingerprint();
}
