package dev.holdfast.tensor;

import dev.holdfast.config.Frozen;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A gradient, move or direction aligned with {@link Parameters}: one tensor a leaf, or null for a leaf that was not
 * reached. Null is not zero: moments, counters and decay of such a leaf do not move. Immutable; the tensors belong to
 * the scope in which they were made.
 */
@Frozen
public final class ParamVector {
    private final Parameters of;
    private final Tensor[] parts;

    /** Takes the array as it is; length must equal the number of leaves. */
    public ParamVector(Parameters of, Tensor[] parts) {
        if (parts.length != of.size()) {
            throw new IllegalArgumentException(
                    "A vector over " + of.size() + " leaves was given " + parts.length + " parts.");
        }
        this.of = of;
        this.parts = parts;
    }

    /** The vector over these leaves whose {@link #flat} is {@code flat} [d]; views, no entry null. */
    public static ParamVector unflat(Parameters of, Tensor flat) {
        Tensors.requireShape("a flat vector over the leaves", flat, of.count());
        Tensor[] r = new Tensor[of.size()];
        long at = 0;
        for (int i = 0; i < r.length; i++) {
            long n = of.get(i).numel();
            r[i] = Tensors.slice(flat, at, at + n).reshape(of.get(i).shape());
            at += n;
        }
        return new ParamVector(of, r);
    }

    public Parameters of() {
        return of;
    }

    /** Number of leaves. */
    public int size() {
        return parts.length;
    }

    /** Entry of leaf i or null. */
    public Tensor get(int i) {
        return parts[i];
    }

    /** this + a*o; an entry that is null on one side counts as zero, on both sides stays null. */
    public ParamVector plus(double a, ParamVector o) {
        Tensor[] r = new Tensor[parts.length];
        for (int i = 0; i < r.length; i++) {
            Tensor x = parts[i];
            Tensor y = o.parts[i];
            if (y == null) {
                r[i] = x;
            } else {
                r[i] = x == null ? y.mul(Tensors.scalar(a)) : x.add(y, Tensors.scalar(a));
            }
        }
        return new ParamVector(of, r);
    }

    public ParamVector times(double a) {
        return map((m, t) -> t.mul(Tensors.scalar(a)));
    }

    /** Applies {@code f} to every entry that is not null. */
    public ParamVector map(BiFunction<ParamMeta, Tensor, Tensor> f) {
        Tensor[] r = new Tensor[parts.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = parts[i] == null ? null : f.apply(of.meta().get(i), parts[i]);
        }
        return new ParamVector(of, r);
    }

    /** Inner product over the entries present on both sides, accumulated in float64. */
    public double dot(ParamVector o) {
        try (Scope s = Scope.open()) {
            Tensor sum = null;
            for (int i = 0; i < parts.length; i++) {
                if (parts[i] != null && o.parts[i] != null) {
                    Tensor d =
                            parts[i].detach().mul(o.parts[i].detach()).sum(new ScalarTypeOptional(ScalarType.Double));
                    sum = sum == null ? d : sum.add(d);
                }
            }
            return sum == null ? 0 : sum.item_double();
        }
    }

    /** Euclidean norm over all entries; not finite exactly if an entry is not. One read-back for all leaves. */
    public double norm() {
        try (Scope s = Scope.open()) {
            double n = norm(1);
            if (Double.isFinite(n)) {
                return n;
            }
            // squares of large numbers overflow: look again, in float64 and scaled by the largest entry
            double largest = largest();
            return Double.isFinite(largest) ? largest * norm(largest) : largest;
        }
    }

    private double norm(double scale) {
        List<Tensor> squares = new ArrayList<>();
        for (Tensor t : parts) {
            if (t != null && t.numel() > 0) {
                Tensor d = t.requires_grad() ? t.detach() : t;
                squares.add(square(scale == 1 ? d : d.to(ScalarType.Double).div(Tensors.scalar(scale))));
            }
        }
        return squares.isEmpty()
                ? 0
                : Math.sqrt(torch.stack(new TensorVector(squares.toArray(new Tensor[0])), 0)
                        .sum(new ScalarTypeOptional(ScalarType.Double))
                        .item_double());
    }

    /** Sum of squares; BLAS does a vector three times faster than the norm operation. */
    private static Tensor square(Tensor t) {
        Tensor line = t.dim() == 2 && !t.is_contiguous() ? t.t() : t;
        if (line.is_contiguous()) {
            Tensor flat = line.view(-1);
            return flat.dot(flat);
        }
        return t.mul(t).sum();
    }

    private double largest() {
        double largest = 0;
        for (Tensor t : parts) {
            if (t != null && t.numel() > 0) {
                double m = t.detach().abs().max().item_double();
                largest = Double.isNaN(m) ? m : Math.max(largest, m);
            }
        }
        return largest;
    }

    /** True if no entry is NaN or infinite; one read-back for all leaves. */
    public boolean finite() {
        return Double.isFinite(norm());
    }

    /** All entries as one vector [d]; null entries as zeros of the leaf's size. */
    public Tensor flat() {
        if (parts.length == 0) {
            return Tensors.zeros(ScalarType.Float, 0);
        }
        Tensor[] r = new Tensor[parts.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = (parts[i] == null ? Tensors.zerosLike(of.tensors()[i], of.tensors()[i].shape()) : parts[i])
                    .reshape(-1);
        }
        return Tensors.cat(0, r);
    }
}
