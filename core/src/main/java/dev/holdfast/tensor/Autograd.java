package dev.holdfast.tensor;

import dev.holdfast.config.Frozen;
import org.bytedeco.pytorch.AutoGradMode;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorVector;
import org.bytedeco.pytorch.global.torch;

/**
 * Gradients as values: {@code .backward()} and {@code .grad} are never used, so two gradients can be held, compared
 * and combined, and nothing accumulates behind a learner's back.
 *
 * <p>Stateless; safe from any thread.
 */
@Frozen
public final class Autograd {
    private Autograd() {}

    /**
     * Gradient of a scalar loss with respect to every leaf; the entry of a leaf that the loss does not reach is null.
     *
     * @param createGraph true keeps the graph and makes the gradient itself differentiable (double backward)
     */
    public static ParamVector grad(Tensor loss, Parameters p, boolean createGraph) {
        return grad(loss, p, createGraph, createGraph);
    }

    /** As {@link #grad(Tensor, Parameters, boolean)}; {@code retainGraph} allows a second gradient of the same loss. */
    public static ParamVector grad(Tensor loss, Parameters p, boolean createGraph, boolean retainGraph) {
        if (loss.numel() != 1) {
            throw new IllegalArgumentException(
                    "A gradient needs a loss with one number but it has " + loss.numel() + ".\nMaybe reduce it first.");
        }
        Tensor[] g = new Tensor[p.size()];
        if (loss.requires_grad() && p.size() > 0) {
            TensorVector raw = torch.grad(
                    new TensorVector(loss),
                    new TensorVector(p.tensors()),
                    new TensorVector(),
                    new BoolOptional(retainGraph || createGraph),
                    createGraph,
                    true);
            for (int i = 0; i < g.length; i++) {
                Tensor gi = raw.get(i);
                // an own handle: the entry of the vector dies with the vector
                g[i] = gi.defined() ? new Tensor(gi) : null;
            }
        }
        return new ParamVector(p, g);
    }

    /** Vector-Jacobian product: gradient of {@code sum(output * weight)}; the graph of output is kept. */
    public static ParamVector vjp(Tensor output, Tensor weight, Parameters p) {
        return grad(output.mul(weight).sum(), p, false, true);
    }

    /** Hessian-vector product of a scalar loss by double backward; entries outside the graph are null. */
    public static ParamVector hvp(Tensor loss, Parameters p, ParamVector v) {
        ParamVector g = grad(loss, p, true);
        Tensor inner = null;
        for (int i = 0; i < p.size(); i++) {
            if (g.get(i) != null && v.get(i) != null && g.get(i).requires_grad()) {
                Tensor term = g.get(i).mul(v.get(i).detach()).sum();
                inner = inner == null ? term : inner.add(term);
            }
        }
        if (inner == null) {
            return new ParamVector(p, new Tensor[p.size()]);
        }
        return grad(inner, p, false, true);
    }

    /**
     * {@code value} in the forward pass; in the backward pass {@code slope} times the incoming gradient flows to {@code
     * z}. Exact: {@code value + (z*slope - stop(z*slope))}.
     */
    public static Tensor surrogate(Tensor z, Tensor value, Tensor slope) {
        Tensor linear = z.mul(slope.detach());
        return value.detach().add(linear.sub(linear.detach()));
    }

    /** {@code value} in the forward pass; in the backward pass the incoming gradient flows to {@code z} unchanged. */
    public static Tensor straightThrough(Tensor z, Tensor value) {
        // z - z is exactly 0 and carries the gradient
        return z.requires_grad() ? value.detach().add(z.sub(z.detach())) : value.detach();
    }

    /** Turns gradient recording off for this thread until closed. */
    public static AutoCloseableMode noGrad() {
        return new AutoCloseableMode(new AutoGradMode(false));
    }

    /** Turns gradient recording on for this thread until closed, also inside {@link #noGrad}. */
    public static AutoCloseableMode withGrad() {
        return new AutoCloseableMode(new AutoGradMode(true));
    }

    /** Restores the former mode on close. */
    public static final class AutoCloseableMode implements AutoCloseable {
        private final AutoGradMode mode;

        private AutoCloseableMode(AutoGradMode mode) {
            this.mode = mode;
        }

        @Override
        public void close() {
            mode.close();
        }
    }
}
