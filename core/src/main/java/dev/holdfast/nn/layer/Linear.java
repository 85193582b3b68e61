package dev.holdfast.nn.layer;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/** y = x W^T + b: x [...,in] to [...,out]; sites {@code name} and {@code name.bias}. */
public final class Linear implements Layer {
    private final Site weight;
    private final Site bias;

    public Linear(String name, long in, long out, boolean bias, Fresh fresh) {
        this(name, in, out, bias, Map.of(), fresh);
    }

    /** With named row ranges of the weight, for fused layers. */
    public Linear(String name, long in, long out, boolean bias, Map<String, long[]> slices, Fresh fresh) {
        this(
                fresh.weight(name, Geometry.linear(out, in), out, slices),
                bias ? fresh.bias(name + ".bias", in, out) : null);
    }

    private Linear(Site weight, Site bias) {
        this.weight = weight;
        this.bias = bias;
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        return weight.apply(x, bias, pass);
    }

    @Override
    public void describe(Inventory into) {
        into.add(weight);
        if (bias != null) {
            into.add(bias);
        }
    }

    @Override
    public Linear copy(Copier c) {
        return new Linear(c.site(weight), c.site(bias));
    }
}
