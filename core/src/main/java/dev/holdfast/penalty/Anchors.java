package dev.holdfast.penalty;

import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * A quadratic anchor: scale * sum over leaves of importance * (now - anchor)^2. Leaves are matched by name; where a leaf
 * has grown in its first dimension, only the rows that existed are anchored.
 */
final class Anchors {
    private final Map<String, Tensor> anchor = new LinkedHashMap<>();
    private final Map<String, Tensor> importance = new LinkedHashMap<>();

    boolean isEmpty() {
        return anchor.isEmpty();
    }

    /** Takes over copies of the values and importances of all leaves with an importance. */
    void set(Parameters now, ParamVector weight) {
        Map<String, Tensor> newAnchor = new LinkedHashMap<>();
        Map<String, Tensor> newImportance = new LinkedHashMap<>();
        for (int i = 0; i < now.size(); i++) {
            if (weight.get(i) != null) {
                String name = now.meta().get(i).name();
                newAnchor.put(name, Scope.own(Tensors.copy(now.get(i))));
                newImportance.put(name, Scope.own(Tensors.copy(weight.get(i))));
            }
        }
        // only now: an importance that did not change is the very tensor held here
        clear();
        anchor.putAll(newAnchor);
        importance.putAll(newImportance);
    }

    /** Importance of a leaf grown to its present shape (new rows 0), or zeros. */
    Tensor importance(String name, Tensor now) {
        Tensor w = importance.get(name);
        return w == null ? Tensors.zerosLike(now, now.shape()) : grown(w, now);
    }

    static Tensor grown(Tensor old, Tensor now) {
        if (old.dim() == 0 || old.size(0) == now.size(0)) {
            return old;
        }
        Tensor g = Tensors.zerosLike(now, now.shape());
        Tensors.slice(g, 0, old.size(0)).copy_(old);
        return g;
    }

    Tensor value(Parameters now, double scale) {
        Tensor sum = null;
        for (int i = 0; i < now.size(); i++) {
            Tensor a = anchor.get(now.meta().get(i).name());
            if (a != null) {
                Tensor d = part(now.get(i), a).sub(a);
                Tensor term =
                        importance.get(now.meta().get(i).name()).mul(d).mul(d).sum();
                sum = sum == null ? term : sum.add(term);
            }
        }
        return sum == null ? Tensors.scalarLike(now.get(0), 0) : sum.mul(Tensors.scalar(scale));
    }

    /** Adds the gradient of {@link #value} to {@code into}. */
    void gradient(Parameters now, double scale, Tensor[] into) {
        for (int i = 0; i < now.size(); i++) {
            ParamMeta m = now.meta().get(i);
            Tensor a = anchor.get(m.name());
            if (a == null) {
                continue;
            }
            Tensor leaf = now.get(i).detach();
            Tensor g = part(leaf, a).sub(a).mul_(importance.get(m.name())).mul_(Tensors.scalar(2 * scale));
            into[i] = into[i] == null ? grown(g, leaf) : into[i].add(grown(g, leaf));
        }
    }

    private static Tensor part(Tensor leaf, Tensor a) {
        return a.dim() == 0 || a.size(0) == leaf.size(0) ? leaf : Tensors.slice(leaf, 0, a.size(0));
    }

    State state() {
        State s = new State();
        anchor.forEach((k, t) -> s.put("anchor." + k, t));
        importance.forEach((k, t) -> s.put("importance." + k, t));
        return s;
    }

    void load(State saved) {
        requireSameLeaves(saved.child("anchor"), saved.child("importance"));
        clear();
        saved.child("anchor").tensors().forEach((k, t) -> anchor.put(k, Scope.own(Tensors.copy(t))));
        saved.child("importance").tensors().forEach((k, t) -> importance.put(k, Scope.own(Tensors.copy(t))));
    }

    /** Refuses two parts of a saved state that are not about the same leaves. */
    static void requireSameLeaves(State a, State b) {
        boolean same = a.tensors().keySet().equals(b.tensors().keySet());
        if (same) {
            for (Map.Entry<String, Tensor> e : a.tensors().entrySet()) {
                same &= Arrays.equals(e.getValue().shape(), b.tensor(e.getKey()).shape());
            }
        }
        if (!same) {
            throw new IllegalArgumentException("The saved penalty speaks of leaves "
                    + a.tensors().keySet() + " and " + b.tensors().keySet()
                    + ", which must be the same with the same shapes.\nMaybe the file is damaged.");
        }
    }

    private void clear() {
        anchor.values().forEach(Tensor::close);
        importance.values().forEach(Tensor::close);
        anchor.clear();
        importance.clear();
    }
}
