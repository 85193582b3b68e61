package dev.holdfast.nn.layer;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import org.bytedeco.pytorch.Tensor;

/** Two linear layers with an activation and dropout between: [...,width]; sites {@code name.up} and {@code name.down}. */
public final class FeedForward implements Layer {
    private final Linear up;
    private final Activation activation;
    private final Dropout dropout;
    private final Linear down;

    public FeedForward(String name, long width, long hidden, Activation activation, double dropout, Fresh fresh) {
        this(
                new Linear(name + ".up", width, hidden, true, fresh),
                activation,
                new Dropout(name + ".drop", dropout),
                new Linear(name + ".down", hidden, width, true, fresh));
    }

    private FeedForward(Linear up, Activation activation, Dropout dropout, Linear down) {
        this.up = up;
        this.activation = activation;
        this.dropout = dropout;
        this.down = down;
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        return down.forward(dropout.forward(activation.forward(up.forward(x, pass), pass), pass), pass);
    }

    @Override
    public void describe(Inventory into) {
        up.describe(into);
        down.describe(into);
    }

    @Override
    public FeedForward copy(Copier c) {
        return new FeedForward(c.part(up), activation, dropout, c.part(down));
    }
}
