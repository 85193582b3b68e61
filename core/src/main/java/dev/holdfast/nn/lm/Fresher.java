package dev.holdfast.nn.lm;

import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.lm.DecoderStyle.Initialisation;
import dev.holdfast.nn.weight.Dense;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.hipparchus.special.Erf;

/** Sites of a fresh decoder; without a stream all matrices are zero, for weights that are read from a file. */
record Fresher(Rng rng, ScalarType dtype, Initialisation how, int layers) {
    /** Deviation of a normal number that is cut off at two deviations. */
    private static final double CUT_DEVIATION = 0.8796256610342398;

    /** What a matrix does, as far as its first numbers depend on it. */
    enum Part {
        EMBEDDING,
        QUERY,
        INNER,
        /** Writes into the residual stream. */
        INTO_STREAM,
        HEAD
    }

    Site norm(String name, int depth, long... sizes) {
        try (Scope s = Scope.open()) {
            return vector(name, Role.NORM, 1, depth, Tensors.zeros(dtype, sizes).fill_(Tensors.scalar(1)));
        }
    }

    DecoderBlock.Projection map(String name, long in, long out, boolean bias, Part part, int depth) {
        try (Scope s = Scope.open()) {
            Site weight = matrix(name, Role.HIDDEN, Geometry.linear(out, in), out, part, depth);
            Site b = bias ? vector(name + ".bias", Role.BIAS, in, depth, Tensors.zeros(dtype, out)) : null;
            return new DecoderBlock.Projection(weight, b);
        }
    }

    Site matrix(String name, Role role, Geometry g, long fanOut, Part part, int depth) {
        try (Scope s = Scope.open()) {
            Tensor w = rng == null ? Tensors.zeros(dtype, g.sizes()) : drawn(rng.child(name), part, g);
            return Dense.at(new ParamMeta(name, role, g.fanIn(), fanOut, true, depth), g, w);
        }
    }

    private Tensor drawn(Rng draws, Part part, Geometry g) {
        if (how instanceof Initialisation.Fixed f) {
            double d = part == Part.INTO_STREAM ? f.deviation() / Math.sqrt(2.0 * layers) : f.deviation();
            return draws.normal(dtype, g.sizes()).mul(Tensors.scalar(d));
        }
        // an embedding's rows are as long as the width, and so are what enters a head
        double fanIn = part == Part.EMBEDDING ? g.sizes()[1] : g.fanIn();
        double deviation = 1 / Math.sqrt(fanIn);
        if (how instanceof Initialisation.MuParam m) {
            if (part == Part.QUERY) {
                return Tensors.zeros(dtype, g.sizes());
            }
            deviation = part == Part.HEAD ? Math.sqrt(m.baseFanIn()) / fanIn : deviation;
        }
        return cut(draws, g.sizes())
                .mul(Tensors.scalar(deviation / CUT_DEVIATION))
                .to(dtype);
    }

    /** Standard normal numbers that fell within two deviations, by the inverse of their distribution. */
    private static Tensor cut(Rng draws, long... sizes) {
        double within = Erf.erf(Math.sqrt(2));
        Tensor u = draws.uniform(ScalarType.Double, sizes);
        return u.mul(Tensors.scalar(2 * within))
                .sub(Tensors.scalar(within))
                .erfinv()
                .mul(Tensors.scalar(Math.sqrt(2)));
    }

    private static Site vector(String name, Role role, long fanIn, int depth, Tensor numbers) {
        ParamMeta m = new ParamMeta(name, role, fanIn, numbers.numel(), false, depth);
        return Dense.at(m, Geometry.vector(numbers.shape()), numbers);
    }
}
