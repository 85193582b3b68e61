package dev.holdfast.calibrate.map;

import dev.holdfast.calibrate.ProbabilityMap;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/** A map with leaves that gradients move. One writer at a time; applying is safe while nobody trains. */
public interface LearnableMap extends ProbabilityMap {
    /** Rows mapped at once where no graph is kept. */
    int BLOCK = 4096;

    /** The leaves, float64. */
    Parameters parameters();

    /** Probabilities [n, C] with a graph to the leaves. */
    Tensor forward(Tensor logits);

    @Override
    default Tensor probabilities(Tensor logits) {
        return inBlocks(logits, this::forward);
    }

    @Override
    default boolean keepsOrder() {
        return true;
    }

    @Override
    default State state() {
        State s = new State();
        Parameters p = parameters();
        for (int i = 0; i < p.size(); i++) {
            s.put(p.meta().get(i).name(), p.get(i).detach());
        }
        return s;
    }

    @Override
    default void load(State saved) {
        Parameters p = parameters();
        for (int i = 0; i < p.size(); i++) {
            String name = p.meta().get(i).name();
            Tensors.requireShape("saved " + name, saved.tensor(name), p.get(i).shape());
            Tensors.requireFinite("Saved " + name, saved.tensor(name));
        }
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            for (int i = 0; i < p.size(); i++) {
                p.get(i).copy_(saved.tensor(p.meta().get(i).name()));
            }
        }
    }

    /** Leaves by name, owned, with gradients. */
    static Parameters leaves(List<String> names, List<Tensor> values) {
        List<ParamMeta> meta = new ArrayList<>();
        List<Tensor> leaves = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            Tensor v = values.get(i);
            meta.add(new ParamMeta(names.get(i), ParamMeta.Role.OTHER, 1, v.numel(), false, i));
            leaves.add(Scope.own(v.detach().clone().set_requires_grad(true)));
        }
        return new Parameters(meta, leaves);
    }

    /** Applies to some thousand rows at a time without a graph, so that intermediate results stay small. */
    static Tensor inBlocks(Tensor logits, UnaryOperator<Tensor> map) {
        int n = (int) logits.size(0);
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            if (n <= BLOCK) {
                return s.keep(map.apply(logits));
            }
            List<Tensor> parts = new ArrayList<>();
            for (int from = 0; from < n; from += BLOCK) {
                try (Scope part = Scope.open()) {
                    parts.add(part.keep(map.apply(Tensors.slice(logits, from, Math.min(n, from + BLOCK)))));
                }
            }
            return s.keep(Tensors.cat(0, parts.toArray(new Tensor[0])));
        }
    }
}
