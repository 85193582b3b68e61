package dev.holdfast.nn.lm;

import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.weight.Dense;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Sites of a fresh decoder; without a stream all matrices are zero, for weights that are read from a file. */
record Fresher(Rng rng, ScalarType dtype) {
    static final double DEVIATION = 0.02;

    Site norm(String name, long width, int depth) {
        try (Scope s = Scope.open()) {
            return vector(name, Role.NORM, 1, depth, Tensors.zeros(dtype, width).fill_(Tensors.scalar(1)));
        }
    }

    DecoderBlock.Projection map(String name, long in, long out, boolean bias, double deviation, int depth) {
        try (Scope s = Scope.open()) {
            Site weight = matrix(name, Role.HIDDEN, Geometry.linear(out, in), out, deviation, depth);
            Site b = bias ? vector(name + ".bias", Role.BIAS, in, depth, Tensors.zeros(dtype, out)) : null;
            return new DecoderBlock.Projection(weight, b);
        }
    }

    Site matrix(String name, Role role, Geometry g, long fanOut, double deviation, int depth) {
        try (Scope s = Scope.open()) {
            Tensor w = rng == null
                    ? Tensors.zeros(dtype, g.sizes())
                    : rng.child(name).normal(dtype, g.sizes()).mul(Tensors.scalar(deviation));
            return Dense.at(new ParamMeta(name, role, g.fanIn(), fanOut, true, depth), g, w);
        }
    }

    private static Site vector(String name, Role role, long fanIn, int depth, Tensor numbers) {
        ParamMeta m = new ParamMeta(name, role, fanIn, numbers.numel(), false, depth);
        return Dense.at(m, Geometry.vector(numbers.shape()), numbers);
    }
}
