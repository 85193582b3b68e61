package dev.holdfast.optim.rule;

import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.UpdateRule;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;

/**
 * SPAM's Adam, to be put behind {@link dev.holdfast.optim.transform.SpikeClip}: every so many steps the moments start from 0,
 * the bias correction does not, and instead steps are small at first and grow by a cosine. With a density below 1 only some
 * entries have moments and move; at every reset others are drawn, and those that stay keep their moments.
 *
 * <pre>
 * u = scale sqrt(1 - beta2^k) / (1 - beta1^k)  m / (sqrt(v) + eps)
 * scale = 1 - 0.99 (1 + cos(pi c / (warm + 1))) / 2   for the c-th step after a reset, c = 0 in its own, up to warm; else 1
 * </pre>
 *
 * <p>Weight decay acts after the move ({@code LR_COUPLED_AFTER}). Huang et al.: <i>SPAM: Spike-Aware Adam with Momentum Reset for
 * Stable LLM Training</i>, arXiv 2501.06842. One writer.
 */
public final class Spam implements UpdateRule {
    /**
     * @param beta1 in [0, 1)
     * @param beta2 in [0, 1)
     * @param epsilon > 0
     * @param every steps between resets; 0 = never
     * @param warm steps after a reset over which steps grow
     * @param density share of entries that have moments and move, in (0, 1]
     */
    public record Config(double beta1, double beta2, double epsilon, long every, long warm, double density) {
        public Config {
            if (!(beta1 >= 0 && beta1 < 1) || !(beta2 >= 0 && beta2 < 1) || !(epsilon > 0)) {
                throw new IllegalArgumentException("SPAM needs betas in [0, 1) and an epsilon > 0 but has " + beta1
                        + ", " + beta2 + " and " + epsilon + ".");
            }
            if (every < 0 || warm < 0 || !(density > 0 && density <= 1)) {
                throw new IllegalArgumentException("SPAM needs steps >= 0 and a density in (0, 1] but has " + every
                        + ", " + warm + " and " + density + ".");
            }
        }

        /** The paper's: resets every 500 steps, 150 steps of growth, all entries. */
        public Config() {
            this(0.9, 0.999, 1e-6, 500, 150, 1);
        }
    }

    private final Config config;
    private final Rng rng;
    private Moment first;
    private Moment second;
    private Moment mask;

    /** Masks are drawn by {@code rng}. */
    public Spam(Parameters parameters, Config config, Rng rng) {
        this.config = config;
        this.rng = rng;
        this.first = new Moment(parameters);
        this.second = new Moment(parameters);
        this.mask = new Moment(parameters);
    }

    /** With given masks of 0 and 1 until the first reset. */
    public Spam(Parameters parameters, Config config, Rng rng, ParamVector masks) {
        this(parameters, config, rng);
        for (int i = 0; i < masks.size(); i++) {
            mask.start(i, masks.get(i));
        }
    }

    @Override
    public ParamVector direction(ParamVector g, StepContext c) {
        long t = c.step() + 1;
        boolean due = config.every > 0 && t % config.every == 0;
        double scale = scale(t);
        Tensor[] u = new Tensor[g.size()];
        for (int i = 0; i < u.length; i++) {
            if (g.get(i) == null) {
                continue;
            }
            Tensor m = first.zeros(i);
            Tensor v = second.zeros(i);
            Tensor kept = config.density < 1 ? mask(i, g.get(i), due, t) : null;
            if (due) {
                if (kept == null) {
                    m.zero_();
                    v.zero_();
                } else {
                    m.mul_(kept);
                    v.mul_(kept);
                }
            }
            Tensor gi = kept == null ? g.get(i) : g.get(i).mul(kept);
            long k = first.count(i);
            m.mul_(Tensors.scalar(config.beta1)).add_(gi, Tensors.scalar(1 - config.beta1));
            v.mul_(Tensors.scalar(config.beta2)).addcmul_(gi, gi, Tensors.scalar(1 - config.beta2));
            double step = scale * Math.sqrt(1 - Math.pow(config.beta2, k)) / (1 - Math.pow(config.beta1, k));
            u[i] = m.div(v.sqrt().add(Tensors.scalar(config.epsilon))).mul(Tensors.scalar(step));
        }
        return new ParamVector(g.of(), u);
    }

    /** By how much a step is smaller after a reset. */
    private double scale(long t) {
        if (config.every == 0 || t < config.every) {
            return 1;
        }
        long since = t % config.every;
        return since < config.warm ? 1 - 0.99 * (1 + Math.cos(Math.PI * since / (config.warm + 1))) / 2 : 1;
    }

    private Tensor mask(int i, Tensor like, boolean due, long t) {
        if (mask.get(i) == null || due) {
            try (Scope s = Scope.open()) {
                Tensor drawn = rng.child("mask", i, t)
                        .uniform(like.shape())
                        .lt(new Scalar(config.density))
                        .to(like.scalar_type());
                mask.zeros(i).copy_(drawn);
            }
        }
        return mask.get(i);
    }

    @Override
    public UpdateRule copy() {
        Spam r = new Spam(first.view().of(), config, rng);
        r.first = first.copy();
        r.second = second.copy();
        r.mask = mask.copy();
        return r;
    }

    @Override
    public Map<String, ParamVector> moments() {
        return Map.of("first", first.view(), "second", second.view());
    }

    @Override
    public void rebind(Parameters now, List<Resized> grown) {
        first.rebind(now, grown);
        second.rebind(now, grown);
        mask.rebind(now, grown);
    }

    @Override
    public State state() {
        State s = new State();
        first.save("first", s);
        second.save("second", s);
        mask.save("mask", s);
        return s;
    }

    @Override
    public void load(State saved) {
        Moment m = first.read("first", saved);
        Moment v = second.read("second", saved);
        Moment k = mask.read("mask", saved);
        first = m;
        second = v;
        mask = k;
    }
}
