package dev.holdfast.nn.layer;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Entry-wise functions. GELU is the exact one, x times the normal distribution function of x; LEAKY_RELU has slope 0.01
 * below zero.
 */
public enum Activation implements Layer {
    IDENTITY,
    RELU,
    LEAKY_RELU,
    GELU,
    SILU,
    TANH,
    SIGMOID;

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        return switch (this) {
            case IDENTITY -> x;
            case RELU -> x.relu();
            case LEAKY_RELU -> torch.leaky_relu(x);
            case GELU -> torch.gelu(x);
            case SILU -> torch.silu(x);
            case TANH -> x.tanh();
            case SIGMOID -> x.sigmoid();
        };
    }

    @Override
    public void describe(Inventory into) {}

    @Override
    public Activation copy(Copier c) {
        return this;
    }
}
