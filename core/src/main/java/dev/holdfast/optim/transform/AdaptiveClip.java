package dev.holdfast.optim.transform;

import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.StepContext;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * AdaClip: entries of a gradient that exceed a running average of the largest entry are brought down to it, each tensor by
 * itself. They are rescaled by one factor, not clamped, so they keep their relative sizes and the largest lands on the average:
 *
 * <pre>
 * mMax = gamma mMax + (1 - gamma) max|g|;   hat = mMax / (1 - gamma^k);   g_j := g_j hat / max|g|   where |g_j| &gt; hat
 * </pre>
 *
 * <p>k counts the tensor's gradients. With {@code countFrom > 0} it starts again at 1 after every multiple of so many steps, as
 * in the authors' code, where momentum resets take the bias correction along: the threshold is then far too large for long. A
 * gradient of 0 is left alone. One writer.
 *
 * <p>Huang et al.: <i>Stable-SPAM: How to Train in 4-Bit More Stably than 16-Bit Adam</i>, arXiv 2502.17055, section 4.
 */
public final class AdaptiveClip implements GradientTransform {
    /** An average that is off by the rounding of its own sum makes no spike. */
    private static final double ROUNDING = 1 + 1e-12;

    private final double gamma;
    private final Averages averages;
    private double clipped;
    private double seen;

    /** The paper's gamma_3 = 0.999, counters that are never reset. */
    public AdaptiveClip() {
        this(0.999, 0);
    }

    /**
     * @param gamma share of the old average, in [0, 1)
     * @param countFrom steps after which the count starts again; 0 = never
     */
    public AdaptiveClip(double gamma, long countFrom) {
        this.gamma = Averages.requireShare("gamma", gamma);
        this.averages = new Averages(1, countFrom);
    }

    /** Running averages of the largest entry by leaf; 0 before the first gradient. */
    public double[] averages() {
        return averages.all(0);
    }

    /** Share of the entries of the last gradient that were brought down; NaN before the first. */
    public double clippedShare() {
        return clipped / seen;
    }

    @Override
    public ParamVector apply(ParamVector g, StepContext c) {
        averages.begin(g.of());
        clipped = 0;
        seen = 0;
        Tensor[] out = new Tensor[g.size()];
        for (int i = 0; i < out.length; i++) {
            Tensor gi = g.get(i);
            if (gi == null) {
                continue;
            }
            seen += gi.numel();
            Tensor size = gi.abs();
            double largest = Tensors.item(size.max());
            long k = averages.count(i, c.step() + 1);
            double hat = averages.move(0, i, gamma, largest) / (1 - Math.pow(gamma, k));
            out[i] = gi;
            if (largest > hat * ROUNDING) {
                Tensor spikes = size.gt(Tensors.scalar(hat));
                clipped += Tensors.item(spikes.sum());
                out[i] = gi.mul(Tensors.scalar(hat / largest)).where(spikes, gi);
            }
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
