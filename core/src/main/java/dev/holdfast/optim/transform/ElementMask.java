package dev.holdfast.optim.transform;

import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.StepContext;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Stateless;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Only some entries of a leaf may move: gradients are multiplied by a mask before momentum and decay see them. A leaf
 * without a mask stands still. Decay does not go through masks, so it is to be off for masked leaves.
 *
 * <p>Kang et al., <i>On the Soft-Subnetwork for Few-Shot Class Incremental Learning</i>, arXiv 2209.07529.
 *
 * @param masks by name of the leaf, of its shape, 1 = moves
 */
public record ElementMask(Map<String, Tensor> masks) implements GradientTransform, Stateless {
    public ElementMask {
        masks = Map.copyOf(masks);
    }

    @Override
    public ParamVector apply(ParamVector g, StepContext c) {
        return g.map((meta, t) -> {
            Tensor mask = masks.get(meta.name());
            return t == null || mask == null ? null : t.mul(mask);
        });
    }
}
