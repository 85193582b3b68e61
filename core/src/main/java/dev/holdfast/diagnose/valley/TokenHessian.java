package dev.holdfast.diagnose.valley;

import dev.holdfast.diagnose.curvature.Lanczos;
import dev.holdfast.language.train.TokenBatch;
import dev.holdfast.language.train.TokenBatches;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.TokenLoss;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * The Hessian of a decoder's mean cross-entropy over the first batches of some data, as products with it: mean over batches,
 * each weighted by its tokens. One thread.
 *
 * @param p leaves of the model that it is over
 */
public record TokenHessian(Decoder model, Parameters p, TokenBatches data, int batches) implements LinearOperator {
    public TokenHessian {
        if (batches < 1) {
            throw new IllegalArgumentException("A Hessian needs at least one batch but has " + batches + ".");
        }
    }

    @Override
    public long size() {
        return p.count();
    }

    @Override
    public Tensor apply(Tensor v) {
        ParamVector direction = ParamVector.unflat(p, v);
        Tensor sum = Tensors.zerosLike(v, size());
        long tokens = 0;
        for (int i = 0; i < batches; i++) {
            try (Scope s = Scope.open();
                    var mode = Autograd.withGrad()) {
                TokenBatch b = data.at(i);
                Pass pass = Pass.eval().withDoubleBackward();
                Tensor logits = model.forward(b.ids(), b.mask() == null ? pass : pass.withMask(b.mask()));
                Tensor hv = Autograd.hvp(TokenLoss.mean(logits, b.labels()), p, direction)
                        .flat();
                sum.add_(hv, Tensors.scalar(b.counted()));
                tokens += b.counted();
            }
        }
        return sum.div_(Tensors.scalar(tokens));
    }

    /** The largest eigenvalue. */
    public double largest(Lanczos lanczos, Rng rng) {
        try (Scope s = Scope.open()) {
            Tensor like = p.get(0);
            return lanczos.run(this, rng.normal(like.scalar_type(), size())).largest();
        }
    }
}
