package dev.holdfast.optim.rule;

import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.UpdateRule;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.pytorch.Tensor;

/**
 * Momentum m := beta m + (1 - dampening) g from m = 0, in which the few entries beyond a threshold move by a fixed amount:
 * those are the ones that rows with opposing signals shake.
 *
 * <pre>
 * u_j = m_j            where |m_j| &lt;= threshold
 * u_j = step sign(m_j) elsewhere
 * </pre>
 *
 * <p>By quantile, the threshold is that quantile of the magnitudes of all entries, anew at every update, and the fixed amount a
 * multiple of it, so that neither depends on the scale of the loss.
 *
 * <p>An infinite threshold gives dampened momentum; a threshold of 0 with step 1 the sign of the momentum. As with every rule,
 * the optimizer multiplies u by the rate, so an entry beyond the threshold moves by rate times step.
 *
 * <p>Rosenfeld, Risteski, arXiv 2311.04163, section 4 describes a method that treats the two kinds of entries apart; this rule
 * is our reading.
 */
public final class SplitSgd implements UpdateRule {
    private final double momentum;
    private final double dampening;
    private final double threshold;
    private final boolean quantile;
    private final double step;
    private Moment moment;

    /**
     * @param momentum beta in [0, 1)
     * @param dampening in [0, 1]; the gradient enters with one less this
     * @param threshold magnitude beyond which an entry moves by a fixed amount, >= 0; may be infinite
     * @param step that amount, before the rate, > 0
     */
    public SplitSgd(Parameters parameters, double momentum, double dampening, double threshold, double step) {
        this(parameters, momentum, dampening, threshold, false, step);
    }

    private SplitSgd(
            Parameters parameters, double momentum, double dampening, double threshold, boolean quantile, double step) {
        if (!(momentum >= 0 && momentum < 1) || !(dampening >= 0 && dampening <= 1)) {
            throw new IllegalArgumentException("Split SGD needs momentum in [0, 1) and dampening in [0, 1] but has "
                    + momentum + " and " + dampening + ".");
        }
        if (!(threshold >= 0) || !(step > 0) || Double.isInfinite(step)) {
            throw new IllegalArgumentException("Split SGD needs a threshold >= 0 and a finite step > 0 but has "
                    + threshold + " and " + step + ".");
        }
        this.momentum = momentum;
        this.dampening = dampening;
        this.threshold = threshold;
        this.quantile = quantile;
        this.step = step;
        this.moment = new Moment(parameters);
    }

    /**
     * The entries beyond a quantile of all magnitudes move by {@code step} times that quantile: with 1 they are cut to it.
     *
     * @param share of the entries that are not beyond it, in (0, 1)
     */
    public static SplitSgd byQuantile(
            Parameters parameters, double momentum, double dampening, double share, double step) {
        if (!(share > 0 && share < 1)) {
            throw new IllegalArgumentException("Split SGD needs a quantile in (0, 1) but has " + share + ".");
        }
        return new SplitSgd(parameters, momentum, dampening, share, true, step);
    }

    /** Dampened momentum: m = 0.9 m + 0.1 g. */
    public static SplitSgd dampened(Parameters parameters) {
        return new SplitSgd(parameters, 0.9, 0.9, Double.POSITIVE_INFINITY, 1);
    }

    @Override
    public ParamVector direction(ParamVector g, StepContext c) {
        Tensor[] u = new Tensor[g.size()];
        for (int i = 0; i < u.length; i++) {
            if (g.get(i) != null) {
                u[i] = moment.zeros(i).mul_(Tensors.scalar(momentum)).add_(g.get(i), Tensors.scalar(1 - dampening));
            }
        }
        double beyond = quantile ? quantile(u) : threshold;
        double fixed = quantile ? step * beyond : step;
        for (int i = 0; i < u.length; i++) {
            if (u[i] != null && !Double.isInfinite(beyond)) {
                u[i] = u[i].sgn().mul(Tensors.scalar(fixed)).where(u[i].abs().gt(Tensors.scalar(beyond)), u[i]);
            }
        }
        return new ParamVector(g.of(), u);
    }

    /** The smallest magnitude such that at least the share of all entries are not above it. */
    private double quantile(Tensor... u) {
        Tensor[] all =
                Arrays.stream(u).filter(Objects::nonNull).map(Tensor::flatten).toArray(Tensor[]::new);
        if (all.length == 0) {
            return Double.POSITIVE_INFINITY;
        }
        Tensor magnitudes = Tensors.cat(0, all).abs();
        long rank = Math.max(1, (long) Math.ceil(threshold * magnitudes.numel()));
        return Tensors.item(magnitudes.kthvalue(rank).get0());
    }

    @Override
    public UpdateRule copy() {
        SplitSgd r = new SplitSgd(moment.view().of(), momentum, dampening, threshold, quantile, step);
        r.moment = moment.copy();
        return r;
    }

    @Override
    public Map<String, ParamVector> moments() {
        return Map.of("momentum", moment.view());
    }

    /** That of dampened momentum, which this is below the threshold. */
    @Override
    public double stabilityLimit() {
        return 2 * (1 + momentum) / (1 - dampening);
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
