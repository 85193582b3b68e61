package dev.holdfast.nn.model;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.nn.Blueprint;
import dev.holdfast.nn.head.HeadSpec;
import dev.holdfast.tensor.Rng;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A backbone with a head named "head".
 *
 * @param columns what the head starts with; may be empty
 */
public record ClassifierSpec(Backbone body, HeadSpec head, ClassIndex columns) implements Blueprint<Classifier> {
    @Override
    public Classifier build(Rng rng, ScalarType dtype) {
        return new Classifier(
                body.build(rng.child("body"), dtype),
                head.build("head", body.features(), columns, rng.child("head"), dtype),
                dtype);
    }
}
