package dev.holdfast.adapt;

import dev.holdfast.math.stream.Ewma;
import dev.holdfast.optim.Optimizer;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Notices that a model has collapsed while it adapted itself, and puts its leaves and its optimizer back to where they
 * were when the stream began. A collapsed model is sure of everything: the running mean {@code m <- 0.9 m + 0.1 loss} of
 * the entropies falls below {@code share * ln C}. Three values in a row that are not finite count as a collapse, too.
 *
 * <p>Niu et al.: <i>Towards Stable Test-Time Adaptation in Dynamic Wild World</i> (SAR), arXiv 2302.12400, section 4.2.
 * The published threshold, 0.2 for 1000 classes, is a share of 0.029. One thread.
 */
public final class ModelRecovery implements Stateful {
    /** The published threshold 0.2 of 1000 classes as a share of the largest entropy. */
    public static final double SHARE = 0.2 / Math.log(1000);

    private static final double NEWEST = 0.1;
    private static final int BAD_IN_A_ROW = 3;

    private final Parameters leaves;
    private final Optimizer optimizer;
    private final double share;
    private final State freshOptimizer;
    private final ParamVector start;
    private Ewma mean = new Ewma(NEWEST);
    private int bad;
    private long notFinite;
    private long resets;

    /**
     * Remembers the leaves as they are now.
     *
     * @param optimizer of these leaves, which has not moved yet
     * @param share of the largest entropy below which the model has collapsed, in [0, 1); 0 = never
     */
    public ModelRecovery(Parameters leaves, Optimizer optimizer, double share) {
        this.leaves = leaves;
        this.optimizer = optimizer;
        this.share = requireShare(share);
        this.freshOptimizer = optimizer.state().copy();
        this.start = leaves.copy();
    }

    /** Refuses a share outside [0, 1). */
    public static double requireShare(double share) {
        if (!(share >= 0 && share < 1)) {
            throw new IllegalArgumentException("The share of the largest entropy below which a model has collapsed must"
                    + " be in [0, 1) (0 = never) but is " + share + ".");
        }
        return share;
    }

    /**
     * Takes the mean entropy after the perturbation of a step.
     *
     * @return true if the model had collapsed and was put back
     */
    public boolean observe(double loss, int classes) {
        bad = 0;
        return mean.add(loss) < share * Math.log(classes) && reset();
    }

    /**
     * Counts a batch whose entropies were not finite.
     *
     * @return true if it was the third in a row, and the model was put back
     */
    public boolean observeNotFinite() {
        notFinite++;
        return ++bad >= BAD_IN_A_ROW && reset();
    }

    private boolean reset() {
        leaves.assign(start);
        optimizer.load(freshOptimizer);
        mean = new Ewma(NEWEST);
        bad = 0;
        resets++;
        return true;
    }

    /** The running mean; NaN before the first step and after a reset. */
    public double mean() {
        return mean.mean();
    }

    /** Times that the model was put back. */
    public long resets() {
        return resets;
    }

    /** Batches whose entropies were not finite. */
    public long notFinite() {
        return notFinite;
    }

    /** Bytes of the remembered leaves. */
    public long bytes() {
        long n = 0;
        for (int i = 0; i < start.size(); i++) {
            n += start.get(i).nbytes();
        }
        return n;
    }

    @Override
    public State state() {
        State s = new State()
                .put("mean", mean.mean())
                .put("bad", bad)
                .put("notFinite", notFinite)
                .put("resets", resets);
        for (int i = 0; i < start.size(); i++) {
            s.put("start." + leaves.meta().get(i).name(), start.get(i));
        }
        return s;
    }

    @Override
    public void load(State saved) {
        double newMean = saved.number("mean");
        long newBad = saved.integer("bad");
        long newNotFinite = saved.integer("notFinite");
        long newResets = saved.integer("resets");
        for (int i = 0; i < start.size(); i++) {
            ParamMeta m = leaves.meta().get(i);
            Tensors.requireShape(
                    "saved start of " + m.name(),
                    saved.tensor("start." + m.name()),
                    leaves.get(i).shape());
        }
        try (Scope s = Scope.open()) {
            for (int i = 0; i < start.size(); i++) {
                Tensor t = saved.tensor("start." + leaves.meta().get(i).name());
                start.get(i).copy_(t);
            }
        }
        mean = new Ewma(NEWEST, newMean);
        bad = Math.toIntExact(newBad);
        notFinite = newNotFinite;
        resets = newResets;
    }
}
