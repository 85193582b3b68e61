package dev.holdfast.optim.rule;

import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.UpdateRule;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * Stochastic gradient descent with momentum, by PyTorch's conventions: the buffer b starts as the first gradient, then
 * {@code b = momentum * b + (1 - dampening) * g}; the direction is b, or {@code g + momentum * b} with Nesterov.
 *
 * <p>Sutskever et al.: <i>On the importance of initialization and momentum in deep learning</i>, ICML 2013.
 */
public final class Sgd implements UpdateRule {
    private final double momentum;
    private final double dampening;
    private final boolean nesterov;
    private Moment buffer;

    /** Momentum in [0, 1); Nesterov needs momentum and no dampening. */
    public Sgd(Parameters parameters, double momentum, double dampening, boolean nesterov) {
        if (!(momentum >= 0 && momentum < 1)) {
            throw new IllegalArgumentException("SGD's momentum must be in [0, 1) but is " + momentum + ".");
        }
        if (!(dampening >= 0 && dampening <= 1)) {
            throw new IllegalArgumentException("SGD's dampening must be in [0, 1] but is " + dampening + ".");
        }
        if (nesterov && (momentum == 0 || dampening != 0)) {
            throw new IllegalArgumentException(
                    "Nesterov needs momentum > 0 and dampening 0 but they are " + momentum + " and " + dampening + ".");
        }
        this.momentum = momentum;
        this.dampening = dampening;
        this.nesterov = nesterov;
        this.buffer = new Moment(parameters);
    }

    /** Plain steps along the gradient. */
    public Sgd(Parameters parameters) {
        this(parameters, 0, 0, false);
    }

    @Override
    public ParamVector direction(ParamVector g, StepContext c) {
        if (momentum == 0) {
            return g;
        }
        Scalar m = Tensors.scalar(momentum);
        Scalar fresh = Tensors.scalar(1 - dampening);
        Tensor[] u = new Tensor[g.size()];
        for (int i = 0; i < u.length; i++) {
            Tensor gi = g.get(i);
            if (gi == null) {
                continue;
            }
            Tensor b = buffer.get(i);
            if (b == null) {
                b = buffer.start(i, gi);
            } else {
                b.mul_(m).add_(gi, fresh);
            }
            u[i] = nesterov ? gi.add(b, m) : b;
        }
        return new ParamVector(g.of(), u);
    }

    @Override
    public UpdateRule copy() {
        Sgd r = new Sgd(buffer.view().of(), momentum, dampening, nesterov);
        r.buffer = buffer.copy();
        return r;
    }

    @Override
    public Map<String, ParamVector> moments() {
        return momentum == 0 ? Map.of() : Map.of("momentum", buffer.view());
    }

    @Override
    public void rebind(Parameters now, List<Resized> grown) {
        buffer.rebind(now, grown);
    }

    @Override
    public State state() {
        State s = new State();
        buffer.save("momentum", s);
        return s;
    }

    @Override
    public void load(State saved) {
        buffer = buffer.read("momentum", saved);
    }
}
