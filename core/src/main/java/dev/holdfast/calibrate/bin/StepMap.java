package dev.holdfast.calibrate.bin;

import dev.holdfast.calibrate.ProbabilityMap;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Each class's probability through a step function of its own, then rows made to sum to 1. */
final class StepMap implements ProbabilityMap {
    private record Native(Tensor edges, Tensor values) {}

    private List<Native> classes = List.of();

    StepMap() {}

    /** A null stands for a class that keeps its probability. */
    StepMap(Steps[] all) {
        classes = natives(all);
    }

    private static List<Native> natives(Steps[] all) {
        List<Native> n = new ArrayList<>();
        for (Steps s : all) {
            n.add(
                    s == null
                            ? null
                            : new Native(
                                    Scope.own(Tensors.of(s.edges(), s.edges().length)),
                                    Scope.own(Tensors.of(s.values(), s.values().length))));
        }
        return n;
    }

    /** What the functions say [n, C], before rows are made to sum to 1. */
    Tensor raw(Tensor p) {
        Tensor[] columns = new Tensor[classes.size()];
        for (int k = 0; k < columns.length; k++) {
            Tensor q = p.select(1, k).contiguous();
            Native f = classes.get(k);
            columns[k] = (f == null ? q : f.values.index_select(0, torch.bucketize(q, f.edges))).unsqueeze(1);
        }
        return Tensors.cat(1, columns);
    }

    @Override
    public Tensor probabilities(Tensor logits) {
        Tensor p = logits.softmax(1);
        return normalised(raw(p), p);
    }

    /** Rows that sum to 1; one that is 0 everywhere is {@code fallback}'s. */
    static Tensor normalised(Tensor q, Tensor fallback) {
        Tensor sum = q.sum(new long[] {1}, true, new org.bytedeco.pytorch.ScalarTypeOptional());
        Tensor none = sum.le(Tensors.scalar(0));
        return fallback.where(none, q.div(sum.clamp_min(Tensors.scalar(Double.MIN_NORMAL))));
    }

    @Override
    public boolean keepsOrder() {
        return false;
    }

    @Override
    public State state() {
        State s = new State().put("classes", classes.size());
        for (int k = 0; k < classes.size(); k++) {
            if (classes.get(k) != null) {
                s.put("edges-" + k, classes.get(k).edges).put("values-" + k, classes.get(k).values);
            }
        }
        return s;
    }

    @Override
    public void load(State saved) {
        List<Native> all = new ArrayList<>();
        for (int k = 0; k < saved.integer("classes"); k++) {
            if (!saved.has("values-" + k)) {
                all.add(null);
                continue;
            }
            Tensor v = saved.tensor("values-" + k);
            Tensor e = saved.tensor("edges-" + k);
            Tensors.requireShape("saved values", v, -1);
            Tensors.requireShape("saved edges", e, v.size(0) - 1);
            Tensors.requireFinite("Saved values", v);
            Tensors.requireFinite("Saved edges", e);
            try (Scope s = Scope.open()) {
                all.add(new Native(Scope.own(Tensors.copy(e)), Scope.own(Tensors.copy(v))));
            }
        }
        classes = all;
    }
}
