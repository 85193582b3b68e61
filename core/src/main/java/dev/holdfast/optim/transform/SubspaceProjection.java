package dev.holdfast.optim.transform;

import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.StepContext;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.linalg.Subspace;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.bytedeco.pytorch.Tensor;

/**
 * Gradient projection memory: the gradient of a weight [out, in...] loses what acts on inputs that earlier tasks used,
 * {@code G - G M M'} with M the basis of the layer's earlier inputs.
 *
 * <p>Saha, Garg, Roy: <i>Gradient Projection Memory for Continual Learning</i>, arXiv 2103.09762, equation 6. Leaves
 * that cannot be protected so (biases, normalisation) get no gradient at all once a basis exists.
 */
public final class SubspaceProjection implements GradientTransform {
    private final Predicate<ParamMeta> frozenAfterwards;
    private final Map<String, Subspace> byLeaf = new TreeMap<>();

    /** {@code frozenAfterwards}: leaves that stop moving as soon as any basis exists. */
    public SubspaceProjection(Predicate<ParamMeta> frozenAfterwards) {
        this.frozenAfterwards = frozenAfterwards;
    }

    /** Freezes biases and norms, as the paper does. */
    public SubspaceProjection() {
        this(m -> m.role() == ParamMeta.Role.BIAS || m.role() == ParamMeta.Role.NORM);
    }

    /**
     * Protects more inputs of a leaf.
     *
     * @param leaf name of a weight [out, in...]
     * @param inputs [in, n] with in the product of the weight's dimensions after the first (patches for convolutions)
     * @param share of the inputs' energy to protect, in (0, 1]
     * @return directions added
     */
    public int protect(String leaf, Tensor inputs, double share) {
        Subspace fresh = byLeaf.get(leaf);
        if (fresh == null) {
            fresh = new Subspace(inputs.size(0));
        }
        int added = fresh.extend(inputs, share);
        byLeaf.put(leaf, fresh);
        return added;
    }

    /** The protected subspace of a leaf or null. */
    public Subspace of(String leaf) {
        return byLeaf.get(leaf);
    }

    @Override
    public ParamVector apply(ParamVector g, StepContext c) {
        if (byLeaf.isEmpty()) {
            return g;
        }
        return g.map((meta, t) -> {
            Subspace used = byLeaf.get(meta.name());
            if (used != null) {
                return used.reject(t.reshape(t.size(0), -1)).reshape(t.shape());
            }
            return frozenAfterwards.test(meta) ? null : t;
        });
    }

    @Override
    public State state() {
        State s = new State().put("leaves", String.join("\n", byLeaf.keySet()));
        byLeaf.forEach(
                (leaf, space) -> s.put("dimension." + leaf, space.dimension()).put("space." + leaf, space));
        return s;
    }

    @Override
    public void load(State saved) {
        Map<String, Subspace> loaded = new TreeMap<>();
        for (String leaf : saved.value("leaves").split("\n")) {
            if (!leaf.isEmpty()) {
                Subspace space = new Subspace(saved.integer("dimension." + leaf));
                space.load(saved.child("space." + leaf));
                loaded.put(leaf, space);
            }
        }
        byLeaf.clear();
        byLeaf.putAll(loaded);
    }
}
