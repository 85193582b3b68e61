package dev.holdfast.nn.quant;

import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/** Gradients with respect to single tensors. */
final class Leaf {
    private Leaf() {}

    static Tensor gradient(Tensor loss, Tensor leaf) {
        ParamMeta meta = new ParamMeta("leaf", ParamMeta.Role.OTHER, 1, 1, false, 0);
        return Autograd.grad(loss, new Parameters(List.of(meta), List.of(leaf)), false)
                .get(0);
    }
}
