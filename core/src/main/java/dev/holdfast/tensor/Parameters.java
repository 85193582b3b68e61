package dev.holdfast.tensor;

import dev.holdfast.config.Frozen;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.bytedeco.pytorch.Tensor;

/**
 * Named, ordered, distinct leaves: what an optimizer moves, a penalty anchors and a gradient is taken over. The list is
 * fixed; the values in it move. One writer at a time.
 */
@Frozen
public final class Parameters {
    private final List<ParamMeta> meta;
    private final Tensor[] leaves;
    private final Map<String, Integer> index = new TreeMap<>();

    /** Leaves in this order; names and tensors must be distinct. */
    public Parameters(List<ParamMeta> meta, List<Tensor> leaves) {
        if (meta.size() != leaves.size()) {
            throw new IllegalArgumentException(meta.size() + " names were given for " + leaves.size() + " leaves.");
        }
        this.meta = List.copyOf(meta);
        this.leaves = leaves.toArray(new Tensor[0]);
        Map<Tensor, String> seen = new IdentityHashMap<>();
        for (int i = 0; i < meta.size(); i++) {
            String name = meta.get(i).name();
            if (index.put(name, i) != null) {
                throw new IllegalArgumentException("Two leaves are named '" + name + "'.");
            }
            String twin = seen.put(leaves.get(i), name);
            if (twin != null) {
                throw new IllegalArgumentException("Leaves '" + twin + "' and '" + name + "' are the same tensor.");
            }
        }
    }

    public List<ParamMeta> meta() {
        return meta;
    }

    public int size() {
        return leaves.length;
    }

    /** Numbers in all leaves. */
    public long count() {
        long n = 0;
        for (Tensor t : leaves) {
            n += t.numel();
        }
        return n;
    }

    /** The leaves themselves, in order; do not change the array. */
    public Tensor[] tensors() {
        return leaves;
    }

    public Tensor get(int i) {
        return leaves[i];
    }

    /** Leaf by name; an unknown name is refused with the names that exist. */
    public Tensor get(String name) {
        Integer i = index.get(name);
        if (i == null) {
            throw new IllegalArgumentException("There is no leaf '" + name + "'; there are " + index.keySet() + ".");
        }
        return leaves[i];
    }

    /** Position of a leaf by name or -1. */
    public int indexOf(String name) {
        return index.getOrDefault(name, -1);
    }

    /** The live values as a vector: later moves show through. */
    public ParamVector values() {
        Tensor[] r = new Tensor[leaves.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = leaves[i].detach();
        }
        return new ParamVector(this, r);
    }

    /** A deep copy of the values that outlives every scope. */
    public ParamVector copy() {
        Tensor[] r = new Tensor[leaves.length];
        try (Scope s = Scope.open()) {
            for (int i = 0; i < r.length; i++) {
                r[i] = Scope.own(Tensors.copy(leaves[i]));
            }
        }
        return new ParamVector(this, r);
    }

    /** Overwrites every leaf whose entry is not null. */
    public void assign(ParamVector v) {
        try (var mode = Autograd.noGrad()) {
            for (int i = 0; i < leaves.length; i++) {
                if (v.get(i) != null) {
                    leaves[i].copy_(v.get(i));
                }
            }
        }
    }

    /** leaf += a * d for every entry that is not null. */
    public void add(double a, ParamVector d) {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            for (int i = 0; i < leaves.length; i++) {
                if (d.get(i) != null) {
                    leaves[i].add_(d.get(i), Tensors.scalar(a));
                }
            }
        }
    }

    /** The leaves that satisfy {@code keep}, in the same order. */
    public Parameters where(Predicate<ParamMeta> keep) {
        List<ParamMeta> m = new ArrayList<>();
        List<Tensor> t = new ArrayList<>();
        for (int i = 0; i < leaves.length; i++) {
            if (keep.test(meta.get(i))) {
                m.add(meta.get(i));
                t.add(leaves[i]);
            }
        }
        return new Parameters(m, t);
    }

    /** These leaves followed by {@code more}; names must not clash. */
    public Parameters and(Parameters more) {
        List<ParamMeta> m = new ArrayList<>(meta);
        List<Tensor> t = new ArrayList<>(List.of(leaves));
        m.addAll(more.meta);
        t.addAll(List.of(more.leaves));
        return new Parameters(m, t);
    }

    /** Puts the exact former bits back when closed. */
    public interface Perturbation extends AutoCloseable {
        @Override
        void close();
    }

    /** Adds d until closed, then restores the exact bits. */
    public Perturbation perturbed(ParamVector d) {
        ParamVector before = copy();
        add(1, d);
        return () -> {
            assign(before);
            for (int i = 0; i < before.size(); i++) {
                before.get(i).close();
            }
        };
    }
}
