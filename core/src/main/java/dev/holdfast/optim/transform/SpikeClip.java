package dev.holdfast.optim.transform;

import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.StepContext;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Clamps entries of a gradient that are large beside what the rule has seen of them: where g^2 > threshold v, with v the rule's
 * second moment before this step, g becomes sign(g) sqrt(threshold v). Idle without a second moment, in the first {@code quiet}
 * steps, and so long after every reset of the moments. Pure.
 *
 * <p>Huang et al.: <i>SPAM: Spike-Aware Adam with Momentum Reset for Stable LLM Training</i>, arXiv 2501.06842.
 *
 * @param threshold > 0
 * @param resetEvery steps between resets of the moments; 0 = never
 * @param quiet steps without clipping at the start and after a reset
 */
public record SpikeClip(double threshold, long resetEvery, long quiet) implements GradientTransform, Stateless {
    /** The moment that is looked at. */
    static final String SECOND = "second";

    public SpikeClip {
        if (!(threshold > 0) || resetEvery < 0 || quiet < 0) {
            throw new IllegalArgumentException("Spike clipping needs a threshold > 0 and steps >= 0 but has "
                    + threshold + ", " + resetEvery + " and " + quiet + ".");
        }
    }

    /** The paper's 5000, resets every 500 steps, 20 quiet steps. */
    public SpikeClip() {
        this(5000, 500, 20);
    }

    @Override
    public ParamVector apply(ParamVector g, StepContext c) {
        long t = c.step() + 1;
        ParamVector second = c.moments().get(SECOND);
        if (second == null || t < quiet || resetEvery > 0 && t % resetEvery < quiet) {
            return g;
        }
        Tensor[] out = new Tensor[g.size()];
        for (int i = 0; i < out.length; i++) {
            Tensor gi = g.get(i);
            if (gi == null || second.get(i) == null) {
                out[i] = gi;
                continue;
            }
            Tensor most = second.get(i).mul(Tensors.scalar(threshold));
            out[i] = gi.sgn().mul(most.sqrt()).where(gi.mul(gi).gt(most), gi);
        }
        return new ParamVector(g.of(), out);
    }
}
