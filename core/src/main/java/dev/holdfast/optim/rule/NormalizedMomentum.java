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
 * Momentum of unit length: {@code m = beta m + (1 - beta) g}, and the direction is {@code m / |m|}, the norm over all
 * leaves together. Every update moves by exactly the rate, however steep the loss; where m is zero nothing moves.
 *
 * <p>Cutkosky, Mehta: <i>Momentum improves normalized SGD</i>, arXiv 2002.03305; as the upper update of BO-REP, arXiv
 * 2401.09587.
 */
public final class NormalizedMomentum implements UpdateRule {
    private static final String MOMENTUM = "momentum";

    private final double beta;
    private final boolean fromFirst;
    private Moment momentum;

    /**
     * @param beta in [0, 1)
     * @param fromFirst whether m starts as the first gradient; otherwise it starts from zero
     */
    public NormalizedMomentum(Parameters parameters, double beta, boolean fromFirst) {
        if (!(beta >= 0 && beta < 1)) {
            throw new IllegalArgumentException("Normalised momentum needs beta in [0, 1) but it is " + beta + ".");
        }
        this.beta = beta;
        this.fromFirst = fromFirst;
        this.momentum = new Moment(parameters);
    }

    @Override
    public ParamVector direction(ParamVector g, StepContext c) {
        Scalar keep = Tensors.scalar(beta);
        Scalar fresh = Tensors.scalar(1 - beta);
        Tensor[] m = new Tensor[g.size()];
        for (int i = 0; i < m.length; i++) {
            Tensor gi = g.get(i);
            if (gi == null) {
                continue;
            }
            if (momentum.get(i) == null && fromFirst) {
                m[i] = momentum.start(i, gi.detach());
            } else {
                m[i] = momentum.zeros(i).mul_(keep).add_(gi.detach(), fresh);
            }
        }
        ParamVector all = new ParamVector(g.of(), m);
        double norm = all.norm();
        // a division, not a factor 1 / norm: that overflows for the shortest vectors
        return norm == 0 ? all.times(0) : all.map((of, t) -> t.div(Tensors.scalar(norm)));
    }

    @Override
    public UpdateRule copy() {
        NormalizedMomentum r = new NormalizedMomentum(momentum.view().of(), beta, fromFirst);
        r.momentum = momentum.copy();
        return r;
    }

    @Override
    public Map<String, ParamVector> moments() {
        return Map.of(MOMENTUM, momentum.view());
    }

    @Override
    public void rebind(Parameters now, List<Resized> grown) {
        momentum.rebind(now, grown);
    }

    @Override
    public State state() {
        State s = new State();
        momentum.save(MOMENTUM, s);
        return s;
    }

    @Override
    public void load(State saved) {
        momentum = momentum.read(MOMENTUM, saved);
    }
}
