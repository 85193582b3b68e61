package dev.holdfast.nn;

import dev.holdfast.data.Inputs;
import org.bytedeco.pytorch.Tensor;

/** What learners train: rows in, features [n,D], scores [n,columns]; Classifier(body, head) is the usual one, multi-field nets (14 20 36, 02) their own. */
public interface Model extends Part {
    Tensor features(Inputs in, Pass pass);

    Tensor scores(Inputs in, Pass pass);

    Head head();

    @Override
    Model copy(Copier c);
}
