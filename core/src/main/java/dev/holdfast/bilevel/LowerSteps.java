package dev.holdfast.bilevel;

import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.function.IntFunction;
import org.bytedeco.pytorch.Tensor;

/** Stochastic gradient descent on the lower loss, in a ball around its start, with or without averaging. */
final class LowerSteps {
    private LowerSteps() {}

    /** Moves the lower variables; a gradient that is not finite puts them back and is refused. */
    static <B> void run(
            BilevelProblem<B> p, IntFunction<B> batches, int steps, double rate, double radius, boolean average) {
        Parameters y = p.lower();
        try (Scope all = Scope.open();
                var grad = Autograd.withGrad()) {
            Tensor centre = y.values().flat().clone();
            Tensor sum = Tensors.zerosLike(centre, y.count());
            for (int k = 0; k < steps; k++) {
                try (Scope s = Scope.open()) {
                    ParamVector g = Autograd.grad(p.lowerLoss(batches.apply(k)), y, false);
                    if (!g.finite()) {
                        y.assign(ParamVector.unflat(y, centre));
                        throw new IllegalStateException("The gradient of the lower loss is not finite in step "
                                + (k + 1)
                                + " of " + steps + "; the lower variables are as before.\nMaybe the rate " + rate
                                + " is too large.");
                    }
                    y.add(-rate, g);
                    if (!Double.isInfinite(radius)) {
                        project(y, centre, radius);
                    }
                    if (average) {
                        sum.add_(y.values().flat());
                    }
                }
            }
            if (average && steps > 0) {
                y.assign(ParamVector.unflat(y, sum.div_(Tensors.scalar(steps))));
            }
        }
    }

    private static void project(Parameters y, Tensor centre, double radius) {
        Tensor moved = y.values().flat().sub(centre);
        double length = Tensors.item(moved.norm());
        if (length > radius) {
            y.assign(ParamVector.unflat(y, centre.add(moved, Tensors.scalar(radius / length))));
        }
    }
}
