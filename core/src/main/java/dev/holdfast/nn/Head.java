package dev.holdfast.nn;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Rng;
import java.util.List;

/** A layer from features [n,D] to scores [n,columns] whose columns have a meaning and may grow. */
@Frozen
public interface Head extends Layer {
    /** Dotted name, also the prefix of its sites. */
    String name();

    /** Meaning of the columns, in order. */
    ClassIndex columns();

    /** How the scores are to be read: LOGITS for a softmax, SIGMOID_LOGITS one by one, SCORES as they are. */
    Prediction.Kind kind();

    /**
     * Appends columns; the old ones keep their weights bit for bit, the new ones start like those of a fresh head.
     *
     * @return one entry for every leaf that was replaced, to be handed to the optimizer
     */
    List<Resized> grow(List<ClassIndex.Column> added, Rng rng);

    /**
     * Takes over a column set as it was saved: afterwards every leaf and buffer has the shape for these columns. The
     * numbers in them are to be loaded next; they are kept only if the count stays the same.
     */
    void adopt(ClassIndex columns);

    @Override
    Head copy(Copier c);
}
