package dev.holdfast.optim.rule;

import dev.holdfast.optim.InPlaceRule;
import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.UpdateRule;
import dev.holdfast.tensor.NativeOperation;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * Stochastic gradient descent with momentum, by PyTorch's conventions: the buffer b starts as the first gradient, then
 * {@code b = momentum * b + (1 - dampening) * g}; the direction is b, or {@code g + momentum * b} with Nesterov.
 *
 * <p>Sutskever et al.: <i>On the importance of initialization and momentum in deep learning</i>, ICML 2013.
 */
public final class Sgd implements InPlaceRule {
    private static final String FUSED = "aten::_fused_sgd_";

    private final double momentum;
    private final double dampening;
    private final boolean nesterov;
    private Moment buffer;
    private boolean dense;

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
        this.dense = Fused.fits(parameters);
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

    /** True from the second step on: the first one makes the buffers. Without momentum there is nothing to fuse. */
    @Override
    public boolean fits(ParamVector g) {
        boolean started = momentum > 0 && dense && Fused.fits(g);
        for (int i = 0; started && i < g.size(); i++) {
            started = g.get(i) == null || buffer.get(i) != null && buffer.get(i).is_contiguous();
        }
        return started;
    }

    @Override
    public Supplier<ParamVector> advance(ParamVector g, double[] rates) {
        try (Scope s = Scope.open()) {
            Fused.byRate(g, rates)
                    .forEach((rate, at) -> NativeOperation.call(
                            FUSED,
                            Fused.leaves(g.of(), at),
                            Fused.dense(g, at),
                            at.stream().map(buffer::get).toArray(Tensor[]::new),
                            0.0,
                            momentum,
                            rate,
                            dampening,
                            nesterov,
                            false,
                            false,
                            null,
                            null));
        }
        return () -> {
            Scalar m = Tensors.scalar(momentum);
            Tensor[] u = new Tensor[g.size()];
            for (int i = 0; i < u.length; i++) {
                if (g.get(i) != null) {
                    u[i] = nesterov ? g.get(i).add(buffer.get(i), m) : buffer.get(i);
                }
            }
            return new ParamVector(g.of(), u);
        };
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

    /** 2 for plain steps, 2 (1 + momentum) / (1 - dampening) with momentum, 2 (1 + momentum) / (1 + 2 momentum) by Nesterov. */
    @Override
    public double stabilityLimit() {
        return 2 * (1 + momentum) / (nesterov ? 1 + 2 * momentum : momentum == 0 ? 1 : 1 - dampening);
    }

    @Override
    public void rebind(Parameters now, List<Resized> grown) {
        buffer.rebind(now, grown);
        dense = Fused.fits(now);
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
