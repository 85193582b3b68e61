package dev.holdfast.nn.quant;

import dev.holdfast.nn.Pass;
import dev.holdfast.nn.SiteInput;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Rounds what enters a linear map to few bits; the gradient passes unchanged. With {@link QuantisedWeight} that is {@code y = Q(x)
 * Q(W)^T}, {@code dL/dx = dL/dy Q(W)}, {@code dL/dW = dL/dy^T Q(x)}. Stateless.
 *
 * @param site whose input it is; names the draws of stochastic rounding
 * @param quantiser what is rounded to what
 * @param stochastic in training passes, round up or down at random so that the mean is right; other passes round to the nearest
 */
public record QuantisedInput(String site, AbsmaxQuantiser quantiser, boolean stochastic) implements SiteInput {
    @Override
    public Tensor apply(Tensor x, Pass pass) {
        Tensor q;
        if (stochastic && pass.training()) {
            try (Scope s = Scope.open();
                    var mode = Autograd.noGrad()) {
                Tensor noise = pass.draws(site + ".rounding")
                        .uniform(x.scalar_type().intern(), x.shape())
                        .sub_(Tensors.scalar(0.5));
                q = s.keep(quantiser.apply(x, noise));
            }
        } else {
            q = quantiser.apply(x);
        }
        return Autograd.straightThrough(x, q);
    }
}
