package dev.holdfast.nn.quant;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.WeightSource;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Gives every row a weight of its own, [B, shape]. */
record ByRow(WeightSource base, Tensor weights) implements WeightSource {
    @Override
    public Tensor materialise(Pass pass) {
        return weights;
    }

    @Override
    public List<Leaf> leaves() {
        return List.of();
    }

    @Override
    public double initFrom(Tensor dense) {
        return base.initFrom(dense);
    }

    @Override
    public Tensor toDense() {
        return base.toDense();
    }

    @Override
    public Cost cost(Geometry g) {
        return base.cost(g);
    }

    @Override
    public WeightSource copy(Copier c) {
        return this;
    }

    @Override
    public String kind() {
        return "by row";
    }
}
