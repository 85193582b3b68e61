package dev.holdfast.objective;

import dev.holdfast.data.Batch;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.Taps;
import dev.holdfast.nn.weight.Dense;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Sums over rows of an even function of each row's own gradient: squares for Fisher information, magnitudes for output
 * sensitivity.
 *
 * <p>The definition is one backward pass a row. Where every parameter is the dense weight or bias of a linear layer on
 * [n, in], row i's weight gradient is the outer product of the layer's output gradient g_i and input x_i, and both
 * functions factor over products, so one backward pass and one matrix product a layer give the same sums.
 */
public final class RowImportance {
    /** What is summed. */
    public enum Power {
        /** g^2, element by element. */
        SQUARE(t -> t.mul(t)),
        /** |g|, element by element. */
        MAGNITUDE(Tensor::abs);

        private final UnaryOperator<Tensor> of;

        Power(UnaryOperator<Tensor> of) {
            this.of = of;
        }
    }

    private RowImportance() {}

    /**
     * sum_i weight_i * power(gradient of row i's loss), in the caller's scope; leaves that no row reaches are zero.
     *
     * @param weight of each row given the rows' losses [n], detached
     */
    public static ParamVector sum(NetObjective on, Batch b, Power power, UnaryOperator<Tensor> weight) {
        Map<String, Site> linear = linearOnly(on);
        return linear == null ? byRow(on, b, power, weight) : byLayer(on, b, power, weight, linear);
    }

    /** One backward pass a row. */
    static ParamVector byRow(NetObjective on, Batch b, Power power, UnaryOperator<Tensor> weight) {
        Parameters p = on.parameters();
        Tensor losses = on.at(b).perSample();
        double[] w = Tensors.doubles(weight.apply(losses.detach()));
        Tensor[] sum = new Tensor[p.size()];
        for (int i = 0; i < sum.length; i++) {
            sum[i] = Tensors.zerosLike(p.get(i), p.get(i).shape());
        }
        for (int row = 0; row < w.length; row++) {
            try (Scope s = Scope.open()) {
                ParamVector g = Autograd.grad(losses.select(0, row), p, false, true);
                for (int i = 0; i < sum.length; i++) {
                    if (g.get(i) != null) {
                        sum[i].add_(power.of.apply(g.get(i)), Tensors.scalar(w[row]));
                    }
                }
            }
        }
        return new ParamVector(p, sum);
    }

    /** The linear site of each leaf's layer by the leaf's name; null if some leaf belongs to anything else. */
    private static Map<String, Site> linearOnly(NetObjective on) {
        Inventory all = Inventory.of(on.model());
        Map<String, Site> byName = new LinkedHashMap<>();
        all.sites().forEach(s -> byName.put(s.name(), s));
        Map<String, Site> of = new LinkedHashMap<>();
        for (Site s : all.sites()) {
            boolean bias =
                    s.geometry().kind() == Geometry.Kind.VECTOR && s.name().endsWith(".bias");
            Site layer = bias ? byName.get(s.name().substring(0, s.name().length() - 5)) : s;
            if (layer == null
                    || layer.geometry().kind() != Geometry.Kind.LINEAR
                    || !(s.source() instanceof Dense)
                    || s.source().leaves().size() != 1) {
                return null;
            }
            of.put(s.source().leaves().get(0).meta().name(), layer);
        }
        return of;
    }

    private static ParamVector byLayer(
            NetObjective on, Batch b, Power power, UnaryOperator<Tensor> weight, Map<String, Site> layerOf) {
        Parameters p = on.parameters();
        Taps taps = Taps.where(n -> n.startsWith("site:"));
        Tensor losses = on.at(b, Pass.eval().withTaps(taps)).perSample();
        Tensor w = weight.apply(losses.detach()).to(losses.scalar_type()).unsqueeze(1);
        List<String> names = new ArrayList<>(
                layerOf.values().stream().map(Site::name).distinct().toList());
        Tensor[] outputs =
                names.stream().map(n -> taps.get("site:" + n + ".out")).toArray(Tensor[]::new);
        TensorVector g = torch.grad(
                new TensorVector(losses.sum()),
                new TensorVector(outputs),
                new TensorVector(),
                new BoolOptional(false),
                false,
                true);
        Tensor[] sum = new Tensor[p.size()];
        for (int i = 0; i < sum.length; i++) {
            Site layer = layerOf.get(p.meta().get(i).name());
            Tensor gi = g.get(names.indexOf(layer.name()));
            if (!gi.defined()) {
                sum[i] = Tensors.zerosLike(p.get(i), p.get(i).shape());
                continue;
            }
            Tensor weighted = power.of.apply(gi).mul(w);
            sum[i] = p.get(i).dim() == 1
                    ? weighted.sum(0)
                    : weighted.t()
                            .matmul(power.of.apply(
                                    taps.get("site:" + layer.name() + ".in").detach()));
        }
        return new ParamVector(p, sum);
    }
}
