package dev.holdfast.loss;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.optim.schedule.SigmoidRamp;
import dev.holdfast.run.Term;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.ScalarOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * Cross entropy + lambda * early-learning regularisation: a running target t of every training sample, an average of
 * what was predicted for it, keeps the network from memorising a label that contradicts it.
 *
 * <pre>
 * observe:  t[i] := beta t[i] + (1 - beta) p[i]                                       (t starts at 0)
 * value:    loss[i] = CE(z[i], y[i]) + r lambda log(1 - &lt;t[i], p[i]&gt;)              (no gradient through t)
 * </pre>
 *
 * <p>p is the softmax of the scores, clamped to [1e-4, 1 - 1e-4] (no gradient where the clamp holds); the cross entropy
 * is that of the scores themselves. The regulariser's gradient in the scores is {@code p_c (<t,p> - t_c) / (1 - <t,p>)}:
 * towards the class that was predicted so far, whatever the label says. {@link #observe} comes before {@link #value} in
 * every step, so that the present prediction is part of the target; ELR observes its own scores, ELR+ those of an
 * averaged peer. Rows that were mixed ({@code Rows.mix}) get their targets mixed in the same way.
 *
 * <p>Samples without a running target yet have t = 0, hence no regulariser. The table grows with every sample that is
 * observed. In evaluation nothing changes, and ids must still be those of the training set. One thread.
 *
 * <p>Liu, Niles-Weed, Razavian, Fernandez-Granda: <i>Early-Learning Regularization Prevents Memorization of Noisy
 * Labels</i>, arXiv 2007.00151, section 4; clamps, zero start and ramp as in the authors' code.
 */
public final class EarlyLearning implements Loss {
    /**
     * @param beta share of the old running target, in [0, 1)
     * @param lambda weight of the regulariser, >= 0; 0 = cross entropy, but targets are still kept
     * @param rampSteps steps over which lambda rises by a sigmoid; 0 = at once
     * @param sharpenLabels replace labels by label times running target, made to sum to 1 (the authors' CIFAR-100 runs)
     * @param clampTargets clamp predictions before they enter the running target and make them sum to 1 again (ELR), or
     *     take them as they are (ELR+)
     */
    public record Config(
            @Doc("share of the old running target in the new one") double beta,
            @Doc("weight of the early-learning regulariser; 0 = cross entropy") double lambda,
            @Doc("steps over which the weight rises by a sigmoid; 0 = at once") long rampSteps,
            @Doc("replace labels by label times running target") boolean sharpenLabels,
            @Doc("clamp predictions before they enter the running target") boolean clampTargets,
            @Doc("precision of the running targets") SampleTable.Precision precision,
            @Doc("what to do when a batch names a sample twice") SampleTable.Duplicates duplicates)
            implements LossConfig {
        public Config {
            if (!(beta >= 0 && beta < 1)) {
                throw new IllegalArgumentException("beta must be in [0, 1) but is " + beta + ".");
            }
            if (!(lambda >= 0) || Double.isInfinite(lambda)) {
                throw new IllegalArgumentException("lambda must be finite and >= 0 but is " + lambda + ".");
            }
            if (rampSteps < 0) {
                throw new IllegalArgumentException("rampSteps must be >= 0 but is " + rampSteps + ".");
            }
        }

        /** The paper's settings for ten classes with symmetric noise: beta 0.7, lambda 3. */
        public Config() {
            this(0.7, 3);
        }

        /** ELR with these numbers, float32 targets. */
        public Config(double beta, double lambda) {
            this(beta, lambda, 0, false, true, SampleTable.Precision.FLOAT32, SampleTable.Duplicates.REFUSE);
        }

        /** The same for ELR+: predictions of the peer enter the running targets as they are. */
        public Config withoutClamp() {
            return new Config(beta, lambda, rampSteps, sharpenLabels, false, precision, duplicates);
        }

        @Override
        public String kind() {
            return "elr";
        }

        @Override
        public EarlyLearning build(Schema schema) {
            return new EarlyLearning(this);
        }

        @Override
        public boolean remembersSamples() {
            return true;
        }
    }

    private static final double CLAMP = 1e-4;

    private final Config config;
    private final CrossEntropy crossEntropy = new CrossEntropy();
    private final SigmoidRamp ramp;
    private SampleTable table;
    private long step;

    public EarlyLearning(Config config) {
        this.config = config;
        this.ramp = new SigmoidRamp(config.rampSteps);
    }

    public Config config() {
        return config;
    }

    /** The running targets by sample id, one column for every score column; null before the first was observed. */
    public SampleTable targets() {
        return table;
    }

    /** Refuses rows without a stable id each, and samples that come twice unless the last wins. */
    @Override
    public void requireFits(Rows rows) {
        SampleTable.requireFit(rows.ids(), config.duplicates);
    }

    /** Takes the predictions into the running targets; does nothing in evaluation. */
    @Override
    public void observe(LossInput in) {
        if (!in.training()) {
            return;
        }
        try (Scope s = Scope.open()) {
            long[] ids = in.rows().ids();
            Tensors.requireFinite("Scores for the running targets", in.scores());
            Tensor p = Columns.among(in.scores().detach(), in).softmax(1);
            if (config.clampTargets) {
                p = clamp(p);
                p = p.div(p.sum(1).unsqueeze(1));
            }
            long width = in.scores().size(1);
            requireFits(in.rows());
            if (table == null) {
                table = new SampleTable(width, 0, config.precision, config.duplicates);
            }
            table.widen(width);
            Tensor all = p;
            if (in.among() != null) {
                all = Tensors.zerosLike(p, p.size(0), width).index_copy_(1, Tensors.ids(Columns.kept(in)), p);
            }
            Tensor t = table.read(ids, all).mul(Tensors.scalar(config.beta)).add(all, Tensors.scalar(1 - config.beta));
            table.write(ids, t);
        }
        step++;
    }

    /** The losses of the rows, at the ramp's point after as many steps as were observed. */
    @Override
    public LossValue value(LossInput in) {
        return value(in, step);
    }

    /** The same at a given step, counted from 1, of the ramp. */
    public LossValue value(LossInput in, long atStep) {
        Tensor t = target(in);
        Tensor ce = crossEntropy.value(withTarget(in, labels(in, t))).perSample();
        if (config.lambda == 0) {
            return new Value(ce, ce, null);
        }
        Tensor p = clamp(Columns.among(in.scores(), in).softmax(1));
        Tensor agreement = p.mul(t).sum(1);
        Tensor reg = Tensors.scalarLike(agreement, 1).sub(agreement).log();
        double weight = config.lambda * ramp.at(atStep);
        return new Value(ce.add(reg, Tensors.scalar(weight)), ce, reg);
    }

    /** The running targets of the rows [n, columns that take part], mixed as the rows are; without a graph. */
    public Tensor target(LossInput in) {
        Tensor t;
        long width = in.scores().size(1);
        if (table == null) {
            t = Tensors.zerosLike(in.scores(), in.scores().size(0), width);
        } else {
            t = table.read(in.rows().ids(), in.scores());
            if (table.width() > width) {
                throw new IllegalArgumentException(
                        "The scores have " + width + " columns but the running targets have " + table.width() + ".");
            }
            if (table.width() < width) {
                t = Tensors.cat(1, t, Tensors.zerosLike(t, t.size(0), width - table.width()));
            }
        }
        t = Columns.among(t, in);
        if (in.rows().mix() != null) {
            Tensor l = in.rows().mix().lambda().to(t.scalar_type()).unsqueeze(1);
            Tensor partner = Tensors.rows(t, in.rows().mix().partner());
            t = t.mul(l).add(partner.mul(Tensors.scalarLike(l, 1).sub(l)));
        }
        return t;
    }

    /** What the cross entropy compares with: the labels as given, or sharpened by the running targets. */
    public Target labels(LossInput in) {
        return labels(in, target(in));
    }

    private Target labels(LossInput in, Tensor t) {
        if (!config.sharpenLabels) {
            return in.target();
        }
        Tensor y;
        if (in.target() instanceof Target.ClassIds hard) {
            y = Tensors.oneHot(Columns.of(hard, in), (int) t.size(1), t);
        } else if (in.target() instanceof Target.Soft soft) {
            Columns.requireLike("Soft targets", soft.p(), in);
            y = Columns.among(soft.p(), in).to(t.scalar_type());
        } else {
            throw Columns.unfit("Early learning", "one class or one distribution a row", in);
        }
        Tensor product = y.mul(t);
        Tensor sum = product.sum(1).unsqueeze(1);
        // a running target that gives the label nothing, or is not there yet, leaves the label as it is
        Tensor none = sum.le(Tensors.scalar(0)).to(t.scalar_type());
        Tensor sharp = product.add(y.mul(none)).div(sum.add(none.mul(y.sum(1).unsqueeze(1))));
        if (in.among() != null) {
            sharp = Tensors.zerosLike(t, t.size(0), in.scores().size(1))
                    .index_copy_(1, Tensors.ids(Columns.kept(in)), sharp);
        }
        return new Target.Soft(sharp);
    }

    private static LossInput withTarget(LossInput in, Target y) {
        return new LossInput(in.scores(), y, in.rows(), in.columns(), in.side(), in.training(), in.among());
    }

    private static Tensor clamp(Tensor p) {
        return p.clamp(new ScalarOptional(Tensors.scalar(CLAMP)), new ScalarOptional(Tensors.scalar(1 - CLAMP)));
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.LOGITS;
    }

    @Override
    public State state() {
        State s = new State().put("step", step);
        return table == null ? s : s.put("targets", table);
    }

    @Override
    public void load(State saved) {
        long newStep = saved.integer("step");
        if (newStep < 0) {
            throw new IllegalArgumentException("The saved loss has taken " + newStep + " steps; expected >= 0.");
        }
        State t = saved.child("targets");
        if (t.tensors().isEmpty()) {
            if (newStep > 0) {
                throw new IllegalArgumentException(
                        "The saved loss has taken " + newStep + " steps but has no running targets.");
            }
            table = null;
        } else {
            SampleTable loaded = new SampleTable(1, 0, config.precision, config.duplicates);
            loaded.load(t);
            table = loaded;
        }
        step = newStep;
    }

    /** Per-sample sum with its two parts. */
    private record Value(Tensor perSample, Tensor ce, Tensor reg) implements LossValue {
        @Override
        public Tensor total(Tensor weights) {
            return new SampleLosses("early-learning", perSample, Reduction.MEAN).total(weights);
        }

        @Override
        public List<Term> parts() {
            List<Term> parts = new ArrayList<>();
            parts.addAll(new SampleLosses("cross-entropy", ce, Reduction.MEAN).parts());
            if (reg != null) {
                parts.addAll(new SampleLosses("early-learning", reg, Reduction.MEAN).parts());
            }
            return parts;
        }
    }
}
