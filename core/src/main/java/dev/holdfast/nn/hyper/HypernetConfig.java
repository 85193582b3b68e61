package dev.holdfast.nn.hyper;

import dev.holdfast.config.Doc;
import dev.holdfast.nn.layer.Activation;
import java.util.List;

/**
 * A hypernetwork and its parametrization. {@link #mip} is the magnitude invariant one (arXiv 2304.07645); the other
 * settings are what that paper compares it with.
 *
 * @param residual theta = theta0 + h(E(gamma)) with theta0 trained beside (output encoding); false: theta = h(E(gamma))
 * @param zeroBiasRows rows of the last layer that give biases start at zero; false: like all others, which is large
 * @param maxNumbers entries of the last layer, (hidden + 1) x generated weights, above which it is refused
 */
public record HypernetConfig(
        @Doc("hidden widths of the hypernetwork") List<Integer> hidden,
        @Doc("function between its layers") Activation activation,
        @Doc("normalisation before each activation") Norm norm,
        @Doc("how the condition enters") MagnitudeEncoding encoding,
        @Doc("add the generated weights to independently trained ones") boolean residual,
        @Doc("how the hypernetwork starts") Start start,
        @Doc("rows of the last layer that give biases start at zero") boolean zeroBiasRows,
        @Doc("largest number of entries of the last layer") long maxNumbers) {
    /** Normalisation in the hypernetwork. */
    public enum Norm {
        NONE,
        BATCH,
        LAYER,
        /** W = g v / |v| for each row (Salimans and Kingma, arXiv 1602.07868). */
        WEIGHT
    }

    /** Initial weights; biases of hidden layers start at zero. */
    public enum Start {
        /**
         * Hidden layers normal with variance 2/out; rows of the last layer that generate a tensor of n entries normal with
         * variance 2/n. Meant for the residual form.
         */
        FAN_OUT_SPLIT,
        /**
         * Hidden layers normal with variance 2/in; the last layer such that at gamma = 1/2 every generated weight has
         * variance 2/fanIn and every generated bias is zero: the best known start without theta0.
         */
        MAIN_SCALE
    }

    public HypernetConfig {
        hidden = List.copyOf(hidden);
        if (hidden.isEmpty() || hidden.stream().anyMatch(h -> h < 1)) {
            throw new IllegalArgumentException(
                    "A hypernetwork needs at least one hidden width, all >= 1, but has " + hidden + ".");
        }
        if (maxNumbers < 1) {
            throw new IllegalArgumentException("maxNumbers must be >= 1 but is " + maxNumbers + ".");
        }
    }

    /** Magnitude invariant: cos|sin encoding, residual, widths 16, 64, 128, leaky ReLU. */
    public static HypernetConfig mip() {
        return new HypernetConfig(
                List.of(16, 64, 128),
                Activation.LEAKY_RELU,
                Norm.NONE,
                MagnitudeEncoding.COS_SIN,
                true,
                Start.FAN_OUT_SPLIT,
                true,
                200_000_000);
    }

    /** The usual hypernetwork: gamma itself in, all weights out. */
    public static HypernetConfig plain() {
        return mip().with(MagnitudeEncoding.IDENTITY, false);
    }

    /** The same with another parametrization, and the start that suits it. */
    public HypernetConfig with(MagnitudeEncoding newEncoding, boolean newResidual) {
        return new HypernetConfig(
                hidden,
                activation,
                norm,
                newEncoding,
                newResidual,
                newResidual ? Start.FAN_OUT_SPLIT : Start.MAIN_SCALE,
                zeroBiasRows,
                maxNumbers);
    }

    /** The same with other layers. */
    public HypernetConfig with(List<Integer> newHidden, Activation newActivation, Norm newNorm) {
        return new HypernetConfig(
                newHidden, newActivation, newNorm, encoding, residual, start, zeroBiasRows, maxNumbers);
    }
}
