package dev.holdfast.nn.head;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.nn.Head;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.tensor.Rng;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** A configuration record that makes a fresh head. */
public interface HeadSpec {
    /**
     * A head of that name for features of that width.
     *
     * @param columns what it starts with; may be empty
     */
    Head build(String name, long width, ClassIndex columns, Rng rng, ScalarType dtype);

    /** One logit a class, for a softmax. */
    static HeadSpec linear() {
        return new LinearHead.Spec(LinearHead.Use.SOFTMAX, true, Init.KAIMING_UNIFORM);
    }

    /** One logit a class, each for a yes or no of its own. */
    static HeadSpec binary() {
        return new LinearHead.Spec(LinearHead.Use.SIGMOID, true, Init.KAIMING_UNIFORM);
    }

    /** Scaled cosines with a learnt scale that starts at 10. */
    static HeadSpec cosine() {
        return new CosineHead.Spec(10, true);
    }

    /** Distance to the mean of each class, on normalised features. */
    static HeadSpec nearestMean() {
        return new PrototypeHead.Spec(true);
    }
}
