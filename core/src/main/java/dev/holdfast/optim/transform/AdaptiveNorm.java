package dev.holdfast.optim.transform;

import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.Schedule;
import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * AdaGN: every tensor's gradient is scaled to a length near 1, by running averages of its length and of its square:
 *
 * <pre>
 * m = a m + (1 - a) |g|;   v = gamma2 v + (1 - gamma2) |g|^2;   c = (m / (1 - a^k)) / (sqrt(v / (1 - gamma2^k)) + eps);   g := c g / |g|
 * </pre>
 *
 * <p>a = gamma1 times a factor that may fall over training. A gradient of 0 stays 0, but counts in the averages. Comes after
 * {@link AdaptiveClip} where both are used. One writer.
 *
 * <p>Huang et al.: <i>Stable-SPAM</i>, arXiv 2502.17055, section 4.
 */
public final class AdaptiveNorm implements GradientTransform {
    private final double gamma1;
    private final double gamma2;
    private final double epsilon;
    private final Schedule factor;
    private final Averages averages;

    /** The paper's 0.7, 0.9 and 1e-8, counters that are never reset. */
    public AdaptiveNorm() {
        this(0.7, 0.9, 1e-8, Constant.ONE, 0);
    }

    /**
     * @param gamma1 share of the old average length, in [0, 1)
     * @param gamma2 share of the old average square, in [0, 1)
     * @param epsilon >= 0
     * @param factor of gamma1 at each step, from 1 on
     * @param countFrom steps after which the count starts again, see {@link AdaptiveClip}; 0 = never
     */
    public AdaptiveNorm(double gamma1, double gamma2, double epsilon, Schedule factor, long countFrom) {
        this.gamma1 = Averages.requireShare("gamma1", gamma1);
        this.gamma2 = Averages.requireShare("gamma2", gamma2);
        if (!(epsilon >= 0) || Double.isInfinite(epsilon)) {
            throw new IllegalArgumentException(
                    "The epsilon of adaptive norms must be finite and >= 0 but is " + epsilon + ".");
        }
        this.epsilon = epsilon;
        this.factor = factor;
        this.averages = new Averages(2, countFrom);
    }

    /** Running averages of the length by leaf. */
    public double[] lengths() {
        return averages.all(0);
    }

    /** Running averages of the squared length by leaf. */
    public double[] squares() {
        return averages.all(1);
    }

    @Override
    public ParamVector apply(ParamVector g, StepContext c) {
        averages.begin(g.of());
        long t = c.step() + 1;
        double a = gamma1 * factor.at(t);
        Tensor[] out = new Tensor[g.size()];
        for (int i = 0; i < out.length; i++) {
            if (g.get(i) == null) {
                continue;
            }
            double length = Tensors.item(g.get(i).norm());
            long k = averages.count(i, t);
            double m = averages.move(0, i, a, length) / (1 - Math.pow(a, k));
            double v = averages.move(1, i, gamma2, length * length) / (1 - Math.pow(gamma2, k));
            out[i] = length > 0 ? g.get(i).mul(Tensors.scalar(m / (Math.sqrt(v) + epsilon) / length)) : g.get(i);
        }
        return new ParamVector(g.of(), out);
    }

    @Override
    public State state() {
        return averages.state();
    }

    @Override
    public void load(State saved) {
        averages.load(saved);
    }
}
