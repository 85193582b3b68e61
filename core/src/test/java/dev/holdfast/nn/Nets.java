package dev.holdfast.nn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.assertj.core.data.Offset;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** What tests of networks share. */
public final class Nets {
    private Nets() {}

    /** float64 normal numbers. */
    public static Tensor normal(long seed, long... shape) {
        return Rng.of(seed).normal(ScalarType.Double, shape);
    }

    /** A leaf that takes a gradient. */
    public static Tensor leaf(Tensor t) {
        Tensor l = t.detach().clone();
        l.set_requires_grad(true);
        return l;
    }

    /** The parameters and one more leaf called "x". */
    public static Parameters with(Parameters p, Tensor x) {
        return p.and(new Parameters(List.of(new ParamMeta("x", ParamMeta.Role.OTHER, 1, 1, false, 0)), List.of(x)));
    }

    /** Compares the gradient of {@code loss} with central differences, entry by entry (at most 40 a leaf). */
    public static void checkGradients(Parameters p, Supplier<Tensor> loss) {
        ParamVector g = Autograd.grad(loss.get(), p, false);
        double h = 1e-5;
        for (int i = 0; i < p.size(); i++) {
            String name = p.meta().get(i).name();
            assertThat(g.get(i)).as("gradient of " + name).isNotNull();
            double[] exact = Tensors.doubles(g.get(i));
            Tensor flat = p.get(i).detach().view(-1);
            double[] values = Tensors.doubles(flat);
            int stride = Math.max(1, values.length / 40);
            for (int k = 0; k < values.length; k += stride) {
                double up;
                double down;
                try (Scope s = Scope.open()) {
                    flat.select(0, k).fill_(Tensors.scalar(values[k] + h));
                    up = loss.get().item_double();
                    flat.select(0, k).fill_(Tensors.scalar(values[k] - h));
                    down = loss.get().item_double();
                    flat.select(0, k).fill_(Tensors.scalar(values[k]));
                }
                double numeric = (up - down) / (2 * h);
                assertThat(exact[k])
                        .as("gradient of " + name + "[" + k + "]")
                        .isCloseTo(numeric, Offset.offset(1e-6 * (1 + Math.abs(numeric))));
            }
        }
    }

    /** Refuses two tensors that differ by more than {@code tolerance * (1 + |expected|)}. */
    public static void assertClose(Tensor actual, Tensor expected, double tolerance) {
        assertThat(actual.shape()).containsExactly(expected.shape());
        double[] a = Tensors.doubles(actual);
        double[] e = Tensors.doubles(expected);
        List<String> off = new ArrayList<>();
        for (int i = 0; i < a.length; i++) {
            if (!(Math.abs(a[i] - e[i]) <= tolerance * (1 + Math.abs(e[i])))) {
                off.add("[" + i + "] " + a[i] + " but expected " + e[i]);
            }
        }
        assertThat(off).isEmpty();
    }

    /** Same bits. */
    public static void assertSame(Tensor actual, Tensor expected) {
        assertThat(actual.shape()).containsExactly(expected.shape());
        assertThat(Tensors.bytes(actual)).isEqualTo(Tensors.bytes(expected));
    }
}
