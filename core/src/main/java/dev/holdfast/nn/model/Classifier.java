package dev.holdfast.nn.model;

import dev.holdfast.data.Inputs;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Head;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The usual model: a body from rows to features [n,D] and a head from features to scores. */
public final class Classifier implements Model {
    private final Layer body;
    private final Head head;
    private final ScalarType dtype;

    /**
     * @param dtype of the weights; rows of another type are converted
     */
    public Classifier(Layer body, Head head, ScalarType dtype) {
        this.body = body;
        this.head = head;
        this.dtype = dtype.intern();
    }

    public Layer body() {
        return body;
    }

    @Override
    public Head head() {
        return head;
    }

    @Override
    public Tensor features(Inputs in, Pass pass) {
        return features(in.x(), pass);
    }

    @Override
    public Tensor scores(Inputs in, Pass pass) {
        return scores(in.x(), pass);
    }

    /** As {@link #features(Inputs, Pass)} from rows [n,...] as they are. */
    public Tensor features(Tensor x, Pass pass) {
        return body.forward(x.scalar_type().intern() == dtype ? x : x.to(dtype), pass);
    }

    /** As {@link #scores(Inputs, Pass)} from rows [n,...] as they are. */
    public Tensor scores(Tensor x, Pass pass) {
        return head.forward(features(x, pass), pass);
    }

    @Override
    public void describe(Inventory into) {
        body.describe(into);
        head.describe(into);
    }

    @Override
    public Classifier copy(Copier c) {
        return new Classifier(c.part(body), c.part(head), dtype);
    }

    @Override
    public Classifier copy() {
        return copy(new Copier());
    }
}
