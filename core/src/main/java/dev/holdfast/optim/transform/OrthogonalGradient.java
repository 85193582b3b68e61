package dev.holdfast.optim.transform;

import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.StepContext;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * Steps only where remembered outputs do not move, to first order: the gradient loses its projection on an orthonormal
 * basis of remembered directions (gradients of outputs of stored samples).
 *
 * <p>Farajtabar et al.: <i>Orthogonal Gradient Descent for Continual Learning</i>, arXiv 1910.07104, algorithm 1. The
 * basis takes {@code size * d} numbers for d weights.
 */
public final class OrthogonalGradient implements GradientTransform {
    /** A direction whose rest is below this share of its length is taken as known already. */
    private static final double DEPENDENT = 1e-6;

    private final int capacity;
    private Tensor basis;
    private int size;

    /** At most {@code capacity} directions; more are refused by {@link #remember}. */
    public OrthogonalGradient(int capacity) {
        if (capacity < 1) {
            throw new IllegalArgumentException("The capacity must be >= 1 direction but is " + capacity + ".");
        }
        this.capacity = capacity;
    }

    public int size() {
        return size;
    }

    /**
     * Adds a direction to the basis (Gram-Schmidt, twice); false if it depends on what is there, or is zero.
     *
     * @throws IllegalStateException if the basis is full
     */
    public boolean remember(ParamVector direction) {
        try (Scope s = Scope.open()) {
            Tensor v = direction.flat().detach();
            Tensors.requireFinite("a direction to remember", v);
            double length = v.norm().item_double();
            Tensor rest = orthogonal(orthogonal(v));
            double left = rest.norm().item_double();
            if (left <= DEPENDENT * length) {
                return false;
            }
            if (size == capacity) {
                throw new IllegalStateException("The basis is full: it holds " + capacity + " directions.");
            }
            reserve(v);
            Tensors.slice(basis, size, size + 1).copy_(rest.div(Tensors.scalar(left)));
            size++;
            return true;
        }
    }

    /**
     * Leaves grew at their end, as a head's do with new rows: the remembered directions get zeros there.
     *
     * @param before numbers of each leaf when the directions were remembered
     * @param after numbers of each leaf now, none smaller
     */
    public void grow(long[] before, long[] after) {
        if (before.length != after.length) {
            throw new IllegalArgumentException(
                    "There were " + before.length + " leaves but now there are " + after.length + ".");
        }
        for (int i = 0; i < before.length; i++) {
            if (after[i] < before[i]) {
                throw new IllegalArgumentException("Leaf " + i + " had " + before[i] + " numbers but now has "
                        + after[i] + "; expected as many or more.");
            }
        }
        if (basis == null || Arrays.equals(before, after)) {
            return;
        }
        Tensors.requireShape(
                "remembered directions", basis, -1, Arrays.stream(before).sum());
        try (Scope s = Scope.open()) {
            Tensor wider = Scope.own(
                    Tensors.zerosLike(basis, basis.size(0), Arrays.stream(after).sum()));
            long from = 0;
            long to = 0;
            for (int i = 0; i < before.length; i++) {
                Tensors.slice(wider, 1, to, to + before[i]).copy_(Tensors.slice(basis, 1, from, from + before[i]));
                from += before[i];
                to += after[i];
            }
            basis.close();
            basis = wider;
        }
    }

    private Tensor orthogonal(Tensor v) {
        if (size == 0) {
            return v;
        }
        Tensor b = Tensors.slice(basis, 0, size);
        return v.sub(b.t().mv(b.mv(v)));
    }

    private void reserve(Tensor v) {
        if (basis != null && size < basis.size(0)) {
            return;
        }
        long rows = Math.min(capacity, Math.max(8, 2L * size));
        Tensor wider = Scope.own(Tensors.emptyLike(v, rows, v.numel()));
        if (basis != null) {
            Tensors.slice(wider, 0, size).copy_(basis);
            basis.close();
        }
        basis = wider;
    }

    @Override
    public ParamVector apply(ParamVector g, StepContext c) {
        if (size == 0) {
            return g;
        }
        ParamVector turned = ParamVector.unflat(g.of(), orthogonal(g.flat()));
        Tensor[] r = new Tensor[g.size()];
        for (int i = 0; i < r.length; i++) {
            // a leaf without gradient stays without
            r[i] = g.get(i) == null ? null : turned.get(i);
        }
        return new ParamVector(g.of(), r);
    }

    @Override
    public State state() {
        return new State()
                .put("basis", size == 0 ? null : Tensors.slice(basis, 0, size))
                .put("size", size);
    }

    @Override
    public void load(State saved) {
        int n = Math.toIntExact(saved.integer("size"));
        if (n < 0 || n > capacity) {
            throw new IllegalArgumentException(
                    "The saved basis has " + n + " directions but there is room for " + capacity + ".");
        }
        Tensor t = null;
        if (n > 0) {
            Tensors.requireShape("saved basis", saved.tensor("basis"), n, -1);
            try (Scope s = Scope.open()) {
                t = Scope.own(Tensors.copy(saved.tensor("basis")));
            }
        }
        basis = t;
        size = n;
    }
}
