package dev.holdfast.learner;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;

/** Scores for classes never trained, given their texts (36). */
public interface ZeroShot {
    Prediction predict(Inputs x, ClassIndex classes);
}
