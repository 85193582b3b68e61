package dev.holdfast.nn.model;

import dev.holdfast.nn.Layer;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Conv;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.InputShape;
import dev.holdfast.nn.layer.Norm;
import dev.holdfast.nn.layer.Pooling;
import dev.holdfast.nn.layer.Sequence;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A small convolutional net: 3x3 convolution "conv.i", norm "norm.i", ReLU and 2x2 max pooling a block (pooling ends
 * when an image is down to one row or column), then the mean of every channel.
 *
 * @param input channels, height, width
 * @param channels of the blocks; the last is the width of the features
 */
public record ConvNet(List<Long> input, List<Integer> channels, Norm norm) implements Backbone {
    public ConvNet {
        input = new InputShape(input).requireImage("ConvNet").shape();
        channels = List.copyOf(channels);
        if (channels.isEmpty() || channels.stream().anyMatch(c -> c < 1)) {
            throw new IllegalArgumentException("A ConvNet needs channels >= 1 but has " + channels + ".");
        }
    }

    /** 16, 32 and 64 channels, no norm. */
    public static ConvNet of(long channels, long height, long width) {
        return new ConvNet(List.of(channels, height, width), List.of(16, 32, 64), Norm.NONE);
    }

    @Override
    public long features() {
        return channels.get(channels.size() - 1);
    }

    @Override
    public Layer build(Rng rng, ScalarType dtype) {
        Fresh fresh = new Fresh(rng, dtype, Init.KAIMING_UNIFORM);
        List<Layer> layers = new ArrayList<>();
        layers.add(new InputShape(input));
        layers.add(Conv.Layout.CHANNELS_LAST);
        long in = input.get(0);
        long side = Math.min(input.get(1), input.get(2));
        for (int i = 0; i < channels.size(); i++) {
            int out = channels.get(i);
            layers.add(new Conv("conv." + i, in, out, Conv.Kernel.same(3, 1), norm == Norm.NONE, fresh.at(i)));
            layers.add(norm.of("norm." + i, out, fresh.at(i)));
            layers.add(Activation.RELU);
            if (side > 1) {
                layers.add(Pooling.MAX_2);
                side /= 2;
            }
            in = out;
        }
        layers.add(Pooling.GLOBAL_AVERAGE);
        return new Sequence("body", layers);
    }
}
