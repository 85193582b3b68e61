package dev.holdfast.objective;

import dev.holdfast.data.Batch;
import dev.holdfast.loss.LossValue;
import dev.holdfast.nn.Pass;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * The Hessian of an objective over some batches, as the map v to Hv on flat vectors [d]: mean over the batches, each
 * weighted by its rows. The loss of a batch is its {@code total}, so losses that average give the Hessian of the mean.
 *
 * <p>Pearlmutter: <i>Fast Exact Multiplication by the Hessian</i>, 1994. For one thread.
 */
public final class HvpOperator implements LinearOperator {
    private final Objective on;
    private final Parameters parameters;
    private final List<Batch> batches;
    private final long rows;

    /** Over these batches, at the values that the leaves have when it is applied; batches without rows are refused. */
    public HvpOperator(Objective on, List<Batch> batches) {
        this.on = on;
        this.parameters = on.parameters();
        this.batches = List.copyOf(batches);
        this.rows = batches.stream().mapToLong(Batch::size).sum();
        if (rows == 0) {
            throw new IllegalArgumentException("A Hessian needs at least one row of data.");
        }
    }

    @Override
    public long size() {
        return parameters.count();
    }

    @Override
    public Tensor apply(Tensor v) {
        ParamVector direction = ParamVector.unflat(parameters, v);
        Tensor sum = Tensors.zerosLike(v, size());
        for (Batch b : batches) {
            try (Scope s = Scope.open();
                    var mode = Autograd.withGrad()) {
                Tensor loss = at(b).total(b.rows().weights());
                Tensor hv = Autograd.hvp(loss, parameters, direction).flat();
                sum.add_(hv, Tensors.scalar((double) b.size() / rows));
            }
        }
        return sum;
    }

    /** The loss of a network is taken in a pass whose operations have second derivatives. */
    private LossValue at(Batch b) {
        return on instanceof NetObjective net ? net.at(b, Pass.eval().withDoubleBackward()) : on.at(b);
    }
}
