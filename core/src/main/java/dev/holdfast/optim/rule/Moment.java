package dev.holdfast.optim.rule;

import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * One slowly moving tensor for every leaf, made when the leaf first has a gradient, with the number of updates that the
 * leaf has seen. The tensors outlive every scope.
 */
public final class Moment {
    private Parameters of;
    private Tensor[] values;
    private long[] counts;

    public Moment(Parameters of) {
        this(of, new Tensor[of.size()], new long[of.size()]);
    }

    private Moment(Parameters of, Tensor[] values, long[] counts) {
        this.of = of;
        this.values = values;
        this.counts = counts;
    }

    /** Moment of leaf i or null before its first gradient. */
    public Tensor get(int i) {
        return values[i];
    }

    /** Moment of leaf i, made of zeros if it has none yet. */
    public Tensor zeros(int i) {
        if (values[i] == null) {
            Tensor leaf = of.get(i);
            values[i] = Scope.own(Tensors.zerosLike(leaf, leaf.shape()));
        }
        return values[i];
    }

    /** Moment of leaf i, made as a copy of {@code first} if it has none yet. */
    public Tensor start(int i, Tensor first) {
        if (values[i] == null) {
            values[i] = Scope.own(Tensors.copy(first));
        }
        return values[i];
    }

    /** Counts one more update of leaf i and says how many there are now. */
    public long count(int i) {
        return ++counts[i];
    }

    /** Updates of leaf i so far. */
    public long counted(int i) {
        return counts[i];
    }

    /** The live values. */
    public ParamVector view() {
        return new ParamVector(of, values);
    }

    public Moment copy() {
        Tensor[] v = new Tensor[values.length];
        try (Scope s = Scope.open()) {
            for (int i = 0; i < v.length; i++) {
                v[i] = values[i] == null ? null : Scope.own(Tensors.copy(values[i]));
            }
        }
        return new Moment(of, v, counts.clone());
    }

    /** See {@link dev.holdfast.optim.UpdateRule#rebind}. */
    public void rebind(Parameters now, List<Resized> grown) {
        Tensor[] v = new Tensor[now.size()];
        long[] c = new long[now.size()];
        for (int i = 0; i < v.length; i++) {
            Tensor leaf = now.get(i);
            Tensor before = leaf;
            for (Resized r : grown) {
                before = r.after() == leaf ? r.before() : before;
            }
            for (int j = 0; j < values.length; j++) {
                if (of.get(j) == before && values[j] != null) {
                    v[i] = before == leaf ? values[j] : padded(values[j], leaf);
                    c[i] = counts[j];
                }
            }
        }
        of = now;
        values = v;
        counts = c;
    }

    private static Tensor padded(Tensor old, Tensor leaf) {
        try (Scope s = Scope.open()) {
            Tensor wide = Tensors.zerosLike(leaf, leaf.shape());
            Tensor corner = wide;
            for (int d = 0; d < old.dim(); d++) {
                corner = Tensors.slice(corner, d, 0, old.size(d));
            }
            corner.copy_(old);
            return Scope.own(wide);
        }
    }

    /** Adds the values under {@code name.<leaf>} and the counts under {@code name.counts}. */
    public void save(String name, State into) {
        for (int i = 0; i < values.length; i++) {
            into.put(name + "." + of.meta().get(i).name(), values[i]);
        }
        StringBuilder text = new StringBuilder();
        for (long c : counts) {
            text.append(text.isEmpty() ? "" : " ").append(c);
        }
        into.put(name + ".counts", text.toString());
    }

    /** A moment over the same leaves with what was saved under {@code name}; shares nothing with the state. */
    public Moment read(String name, State saved) {
        String text = saved.value(name + ".counts");
        if (!text.matches("(\\d{1,18}( \\d{1,18})*)?")) {
            throw new IllegalArgumentException("The saved value '" + name + ".counts' is '" + text
                    + "'; expected whole numbers.\nMaybe the file is damaged.");
        }
        long[] c = text.isEmpty()
                ? new long[0]
                : Arrays.stream(text.split(" ")).mapToLong(Long::parseLong).toArray();
        if (c.length != of.size()) {
            throw new IllegalArgumentException("The saved moment '" + name + "' is over " + c.length
                    + " leaves but there are " + of.size() + ".\nMaybe it was saved by another network.");
        }
        Tensor[] v = new Tensor[c.length];
        try (Scope s = Scope.open()) {
            for (int i = 0; i < c.length; i++) {
                String key = name + "." + of.meta().get(i).name();
                if (saved.tensors().containsKey(key)) {
                    Tensor t = saved.tensor(key);
                    Tensors.requireShape(
                            "saved moment '" + key + "'", t, of.get(i).shape());
                    v[i] = Scope.own(Tensors.copy(t.to(of.get(i).scalar_type())));
                }
            }
        }
        return new Moment(of, v, c);
    }
}
