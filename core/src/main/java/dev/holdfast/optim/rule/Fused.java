package dev.holdfast.optim.rule;

import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** What the rules need to hand their leaves to libtorch's fused update operations. */
final class Fused {
    private Fused() {}

    /** The operations walk memory from end to end: leaves must be dense, on the CPU, and of a type they know. */
    static boolean fits(Parameters p) {
        return Arrays.stream(p.tensors()).allMatch(Fused::fits);
    }

    private static boolean fits(Tensor t) {
        ScalarType type = t.scalar_type().intern();
        return t.is_cpu() && t.is_contiguous() && (type == ScalarType.Float || type == ScalarType.Double);
    }

    /** True if every entry has its leaf's type. */
    static boolean fits(ParamVector g) {
        for (int i = 0; i < g.size(); i++) {
            if (g.get(i) != null
                    && g.get(i).scalar_type().intern()
                            != g.of().get(i).scalar_type().intern()) {
                return false;
            }
        }
        return true;
    }

    /** Leaves with a gradient, by rate: one call of an operation knows one rate. */
    static Map<Double, List<Integer>> byRate(ParamVector g, double[] rates) {
        Map<Double, List<Integer>> groups = new TreeMap<>();
        for (int i = 0; i < rates.length; i++) {
            if (g.get(i) != null) {
                groups.computeIfAbsent(rates[i], r -> new ArrayList<>()).add(i);
            }
        }
        return groups;
    }

    static Tensor[] leaves(Parameters p, List<Integer> at) {
        return at.stream().map(p::get).toArray(Tensor[]::new);
    }

    /** The entries at these positions, each in the order of its leaf's memory. */
    static Tensor[] dense(ParamVector v, List<Integer> at) {
        return at.stream()
                .map(i -> v.get(i).is_contiguous() ? v.get(i) : v.get(i).contiguous())
                .toArray(Tensor[]::new);
    }
}
