package dev.holdfast.optim;

import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Small sets of leaves and gradients for tests. */
public final class Leaves {
    private Leaves() {}

    /** A weight [3, 2] and a bias [2] (the bias does not decay), float64, drawn from the seed. */
    public static Parameters weightAndBias(long seed) {
        return of(seed, new long[] {3, 2}, new long[] {2});
    }

    /** Float64 leaves "w0", "w1", ... of these shapes; vectors are biases and do not decay. */
    public static Parameters of(long seed, long[]... shapes) {
        List<ParamMeta> meta = new ArrayList<>();
        List<Tensor> leaves = new ArrayList<>();
        for (int i = 0; i < shapes.length; i++) {
            boolean matrix = shapes[i].length > 1;
            meta.add(new ParamMeta(
                    "w" + i, matrix ? ParamMeta.Role.HIDDEN : ParamMeta.Role.BIAS, shapes[i][0], 1, matrix, i));
            Tensor t = Rng.of(seed).child("leaf", i).normal(ScalarType.Double, shapes[i]);
            leaves.add(Scope.own(t.set_requires_grad(true)));
        }
        return new Parameters(meta, leaves);
    }

    /** Normal numbers over the leaves. */
    public static ParamVector gradient(Parameters p, long seed) {
        Tensor[] g = new Tensor[p.size()];
        for (int i = 0; i < g.length; i++) {
            g[i] = Rng.of(seed)
                    .child("gradient", i)
                    .normal(ScalarType.Double, p.get(i).shape());
        }
        return new ParamVector(p, g);
    }

    /** A vector over the leaves from one flat list of numbers; an empty list makes a null entry of the rest. */
    public static ParamVector vector(Parameters p, double... flat) {
        Tensor[] g = new Tensor[p.size()];
        int at = 0;
        for (int i = 0; i < g.length; i++) {
            int n = (int) p.get(i).numel();
            g[i] = Tensors.of(
                    java.util.Arrays.copyOfRange(flat, at, at + n), p.get(i).shape());
            at += n;
        }
        return new ParamVector(p, g);
    }

    public static double[] flat(ParamVector v) {
        return Tensors.doubles(v.flat());
    }
}
