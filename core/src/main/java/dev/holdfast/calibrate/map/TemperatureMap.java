package dev.holdfast.calibrate.map;

import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** softmax(|a| z): one inverse temperature, 1 at first. */
public final class TemperatureMap implements LearnableMap {
    private final Parameters parameters;

    public TemperatureMap(double inverseTemperature) {
        parameters = LearnableMap.leaves(
                List.of("inverse-temperature"), List.of(Tensors.of(new double[] {inverseTemperature}, 1)));
    }

    /** T; above 1 softens. */
    public double temperature() {
        return 1 / Math.abs(Tensors.item(parameters.get(0).detach()));
    }

    @Override
    public Parameters parameters() {
        return parameters;
    }

    @Override
    public Tensor forward(Tensor logits) {
        return logits.mul(parameters.get(0).abs()).softmax(1);
    }
}
