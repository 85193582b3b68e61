package dev.holdfast.optim.rule;

import dev.holdfast.optim.Schedule;
import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.UpdateRule;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Adam whose moments start afresh every so many steps, so that a spike is forgotten: the rule of Stable-SPAM, to be put behind
 * {@link dev.holdfast.optim.transform.AdaptiveClip} and {@link dev.holdfast.optim.transform.AdaptiveNorm}. beta1 may fall over
 * training by a factor. Never reset and with the factor 1 it is {@link Adam}.
 *
 * <p>Huang et al.: <i>Stable-SPAM</i>, arXiv 2502.17055, section 4. One writer.
 */
public final class AdamReset implements UpdateRule {
    /** What happens in the step of a reset. */
    public enum Reset {
        /** Moments are 0 before the step, which is the first of a fresh Adam. */
        PAPER,
        /**
         * The step still uses the old moments, with the bias correction of a first step; the moments are 0 after it and the next
         * step counts as the second. So the authors' code.
         */
        AUTHORS
    }

    private final double beta1;
    private final double beta2;
    private final double epsilon;
    private final long every;
    private final Reset reset;
    private final Schedule factor;
    private Moment first;
    private Moment second;

    /** Steps of each leaf since its last reset. */
    private long[] counts;

    /**
     * @param beta1 in [0, 1)
     * @param beta2 in [0, 1)
     * @param epsilon > 0
     * @param every steps between resets; 0 = never
     * @param factor of beta1 at each step, from 1 on
     */
    public AdamReset(
            Parameters parameters,
            double beta1,
            double beta2,
            double epsilon,
            long every,
            Reset reset,
            Schedule factor) {
        new Adam(parameters, beta1, beta2, epsilon);
        if (every < 0) {
            throw new IllegalArgumentException(
                    "The steps between two resets must be >= 0 (0 = never) but are " + every + ".");
        }
        this.beta1 = beta1;
        this.beta2 = beta2;
        this.epsilon = epsilon;
        this.every = every;
        this.reset = reset;
        this.factor = factor;
        this.first = new Moment(parameters);
        this.second = new Moment(parameters);
        this.counts = new long[parameters.size()];
    }

    @Override
    public ParamVector direction(ParamVector g, StepContext c) {
        long t = c.step() + 1;
        double b1 = beta1 * factor.at(t);
        boolean due = every > 0 && t % every == 0;
        Tensor[] u = new Tensor[g.size()];
        for (int i = 0; i < u.length; i++) {
            if (g.get(i) == null) {
                continue;
            }
            Tensor m = first.zeros(i);
            Tensor v = second.zeros(i);
            counts[i] = due ? 1 : counts[i] + 1;
            if (due && reset == Reset.PAPER) {
                m.zero_();
                v.zero_();
            }
            long k = counts[i];
            m.mul_(Tensors.scalar(b1)).add_(g.get(i), Tensors.scalar(1 - b1));
            v.mul_(Tensors.scalar(beta2)).addcmul_(g.get(i), g.get(i), Tensors.scalar(1 - beta2));
            Tensor root = v.sqrt()
                    .div(Tensors.scalar(Math.sqrt(1 - Math.pow(beta2, k))))
                    .add(Tensors.scalar(epsilon));
            u[i] = m.div(root).div(Tensors.scalar(1 - Math.pow(b1, k)));
            if (due && reset == Reset.AUTHORS) {
                m.zero_();
                v.zero_();
            }
        }
        return new ParamVector(g.of(), u);
    }

    @Override
    public UpdateRule copy() {
        AdamReset r = new AdamReset(first.view().of(), beta1, beta2, epsilon, every, reset, factor);
        r.first = first.copy();
        r.second = second.copy();
        r.counts = counts.clone();
        return r;
    }

    @Override
    public Map<String, ParamVector> moments() {
        return Map.of("first", first.view(), "second", second.view());
    }

    @Override
    public void rebind(Parameters now, List<Resized> grown) {
        long[] fresh = new long[now.size()];
        for (int i = 0; i < fresh.length; i++) {
            Tensor leaf = now.get(i);
            Tensor before = grown.stream()
                    .filter(r -> r.after() == leaf)
                    .map(Resized::before)
                    .findFirst()
                    .orElse(leaf);
            for (int j = 0; j < counts.length; j++) {
                fresh[i] = first.view().of().get(j) == before ? counts[j] : fresh[i];
            }
        }
        first.rebind(now, grown);
        second.rebind(now, grown);
        counts = fresh;
    }

    @Override
    public State state() {
        State s = new State();
        first.save("first", s);
        second.save("second", s);
        return s.put("steps", Tensors.of(counts, counts.length));
    }

    @Override
    public void load(State saved) {
        Moment m = first.read("first", saved);
        Moment v = second.read("second", saved);
        long[] c;
        try (Scope s = Scope.open()) {
            c = Tensors.longs(saved.tensor("steps"));
        }
        if (c.length != counts.length) {
            throw new IllegalArgumentException("The saved rule has counted steps of " + c.length
                    + " leaves but there are " + counts.length + ".\nMaybe it was saved by another network.");
        }
        first = m;
        second = v;
        counts = c;
    }
}
