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
import org.bytedeco.pytorch.Tensor;

/**
 * Lion: the direction is the sign of beta1 m + (1 - beta1) g, then m := beta2 m + (1 - beta2) g. Every entry moves equally far,
 * so rates are a third to a tenth of Adam's. Chen et al.: <i>Symbolic Discovery of Optimization Algorithms</i>, arXiv
 * 2302.06675. One writer.
 */
public final class Lion implements UpdateRule {
    private final double beta1;
    private final double beta2;
    private Moment moment;

    /** beta1 and beta2 in [0, 1); the paper's are 0.9 and 0.99. */
    public Lion(Parameters parameters, double beta1, double beta2) {
        if (!(beta1 >= 0 && beta1 < 1) || !(beta2 >= 0 && beta2 < 1)) {
            throw new IllegalArgumentException(
                    "Lion's beta1 and beta2 must be in [0, 1) but are " + beta1 + " and " + beta2 + ".");
        }
        this.beta1 = beta1;
        this.beta2 = beta2;
        this.moment = new Moment(parameters);
    }

    @Override
    public ParamVector direction(ParamVector g, StepContext c) {
        Tensor[] u = new Tensor[g.size()];
        for (int i = 0; i < u.length; i++) {
            if (g.get(i) == null) {
                continue;
            }
            Tensor m = moment.zeros(i);
            u[i] = m.mul(Tensors.scalar(beta1))
                    .add_(g.get(i), Tensors.scalar(1 - beta1))
                    .sign_();
            m.mul_(Tensors.scalar(beta2)).add_(g.get(i), Tensors.scalar(1 - beta2));
        }
        return new ParamVector(g.of(), u);
    }

    @Override
    public UpdateRule copy() {
        Lion r = new Lion(moment.view().of(), beta1, beta2);
        r.moment = moment.copy();
        return r;
    }

    @Override
    public Map<String, ParamVector> moments() {
        return Map.of("momentum", moment.view());
    }

    @Override
    public void rebind(Parameters now, List<Resized> grown) {
        moment.rebind(now, grown);
    }

    @Override
    public State state() {
        State s = new State();
        moment.save("momentum", s);
        return s;
    }

    @Override
    public void load(State saved) {
        moment = moment.read("momentum", saved);
    }
}
