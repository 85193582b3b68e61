package dev.holdfast.nn.model;

import dev.holdfast.nn.Layer;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Dropout;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.InputShape;
import dev.holdfast.nn.layer.Linear;
import dev.holdfast.nn.layer.Norm;
import dev.holdfast.nn.layer.Sequence;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Fully connected layers "fc.0", "fc.1", ..., each followed by a norm "norm.i", if any, and the activation.
 *
 * @param input shape of one row; images are flattened
 * @param hidden widths of the layers; the last one is the width of the features, none = the rows themselves
 * @param init how weights start
 * @param dropout after every activation
 * @param norm before every activation
 */
public record Mlp(List<Long> input, List<Integer> hidden, Init init, Activation activation, double dropout, Norm norm)
        implements Backbone {
    public Mlp {
        input = new InputShape(input).shape();
        hidden = List.copyOf(hidden);
        if (hidden.stream().anyMatch(h -> h < 1)) {
            throw new IllegalArgumentException("The widths of an Mlp must be >= 1 but are " + hidden + ".");
        }
        new Dropout("dropout", dropout);
    }

    /** Without norms. */
    public Mlp(List<Long> input, List<Integer> hidden, Init init, Activation activation, double dropout) {
        this(input, hidden, init, activation, dropout, Norm.NONE);
    }

    /** Rows of {@code input} numbers, ReLU, no dropout, PyTorch's initial weights. */
    public static Mlp of(long input, Integer... hidden) {
        return new Mlp(List.of(input), List.of(hidden), Init.KAIMING_UNIFORM, Activation.RELU, 0);
    }

    @Override
    public long features() {
        return hidden.isEmpty() ? new InputShape(input).size() : hidden.get(hidden.size() - 1);
    }

    @Override
    public Layer build(Rng rng, ScalarType dtype) {
        Fresh fresh = new Fresh(rng, dtype, init);
        long in = new InputShape(input).size();
        List<Layer> layers = new ArrayList<>();
        layers.add(new InputShape(List.of(in)));
        for (int i = 0; i < hidden.size(); i++) {
            layers.add(new Linear("fc." + i, in, hidden.get(i), true, fresh.at(i)));
            layers.add(norm.of("norm." + i, hidden.get(i), fresh.at(i)));
            layers.add(activation);
            layers.add(dropout == 0 ? null : new Dropout("fc." + i + ".drop", dropout));
            in = hidden.get(i);
        }
        return new Sequence("body", layers);
    }
}
