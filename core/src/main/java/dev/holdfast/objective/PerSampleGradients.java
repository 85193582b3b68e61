package dev.holdfast.objective;

import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.function.ObjIntConsumer;
import org.bytedeco.pytorch.Tensor;

/**
 * The gradient of each row's own loss, one backward pass a row. Where only sums over rows are wanted, {@link
 * RowImportance} needs one pass in all. Stateless; safe from any thread.
 */
public final class PerSampleGradients {
    private PerSampleGradients() {}

    /**
     * Shows the gradient of every row in turn, in a scope that closes after {@code use}.
     *
     * @param perSample losses [n] with graph; the graph is kept
     */
    public static void forEach(Tensor perSample, Parameters p, ObjIntConsumer<ParamVector> use) {
        Tensors.requireShape("losses of the rows", perSample, -1);
        for (int row = 0; row < perSample.size(0); row++) {
            try (Scope s = Scope.open()) {
                use.accept(Autograd.grad(perSample.select(0, row), p, false, true), row);
            }
        }
    }

    /** All gradients as rows of a matrix [n, d]; leaves that a row does not reach are zeros. */
    public static Tensor matrix(Tensor perSample, Parameters p) {
        Tensor all = Tensors.emptyLike(perSample, perSample.size(0), p.count());
        forEach(perSample, p, (g, row) -> all.select(0, row).copy_(g.flat()));
        return all;
    }
}
