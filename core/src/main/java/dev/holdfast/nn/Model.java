package dev.holdfast.nn;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.Inputs;
import org.bytedeco.pytorch.Tensor;

/** What learners train: rows in, features [n,D] and scores [n,columns] out. */
@Frozen
public interface Model extends Part {
    /** Features [n,D]: what the head sees. */
    Tensor features(Inputs in, Pass pass);

    /** Scores [n,columns]; their meaning is {@code head().columns()}. */
    Tensor scores(Inputs in, Pass pass);

    Head head();

    @Override
    Model copy(Copier c);

    /** A deep copy that shares nothing with this model. */
    default Model copy() {
        return copy(new Copier());
    }
}
