package dev.holdfast.nn.layer;

import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.weight.Dense;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * What fresh layers are made from: a random stream, a type, an initial distribution, a place in the net. Every site
 * draws from a child stream of its own name, so that the order of building does not matter.
 */
public record Fresh(Rng rng, ScalarType dtype, Init init, Role role, int depth) {
    /** Hidden layers at depth 0. */
    public Fresh(Rng rng, ScalarType dtype, Init init) {
        this(rng, dtype, init, Role.HIDDEN, 0);
    }

    /** The same at another depth. */
    public Fresh at(int newDepth) {
        return new Fresh(rng, dtype, init, role, newDepth);
    }

    /** The same for layers of another role. */
    public Fresh as(Role newRole) {
        return new Fresh(rng, dtype, init, newRole, depth);
    }

    /** A weight that decays. */
    public Site weight(String name, Geometry g, long fanOut, Map<String, long[]> slices) {
        try (Scope s = Scope.open()) {
            ParamMeta m = new ParamMeta(name, role, g.fanIn(), fanOut, true, depth);
            return Dense.at(m, g, init.weight(g.fanIn(), fanOut, rng.child(name), dtype, g.sizes()), slices);
        }
    }

    /** The bias of a layer; it does not decay. */
    public Site bias(String name, long fanIn, long size) {
        try (Scope s = Scope.open()) {
            return vector(name, Role.BIAS, fanIn, init.bias(fanIn, rng.child(name), dtype, size));
        }
    }

    /** A vector of equal numbers (the affine of a norm); it does not decay. */
    public Site constant(String name, Role as, double value, long... shape) {
        try (Scope s = Scope.open()) {
            return vector(name, as, 1, Tensors.zeros(dtype, shape).fill_(Tensors.scalar(value)));
        }
    }

    /** Random numbers that are read, not applied (positions, tokens). */
    public Site drawn(String name, Role as, long... shape) {
        try (Scope s = Scope.open()) {
            long width = shape[shape.length - 1];
            return vector(name, as, width, init.weight(width, width, rng.child(name), dtype, shape));
        }
    }

    private Site vector(String name, Role as, long fanIn, Tensor numbers) {
        ParamMeta m = new ParamMeta(name, as, fanIn, numbers.numel(), false, depth);
        return Dense.at(m, Geometry.vector(numbers.shape()), numbers);
    }
}
