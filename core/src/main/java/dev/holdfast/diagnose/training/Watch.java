package dev.holdfast.diagnose.training;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.diagnose.curvature.Lanczos;
import dev.holdfast.diagnose.curvature.Preconditioned;
import dev.holdfast.diagnose.logits.NaiveMinimisation;
import dev.holdfast.diagnose.logits.SoftmaxCollapse;
import dev.holdfast.diagnose.signals.OpposingSignals;
import dev.holdfast.evaluate.LookAhead;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.stable.Precision;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Taps;
import dev.holdfast.objective.HvpOperator;
import dev.holdfast.objective.Objective;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.run.Moment;
import dev.holdfast.run.RunLog;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Watches a network while it is trained, on fixed rows in evaluation mode, and leaves no trace in it: gradient norms of the
 * batches, loss, logits and curvature on the watched rows, and over the last steps which rows' losses rise and fall in turns.
 * One run; one thread.
 */
public final class Watch implements LookAhead {
    /**
     * @param every updates between two looks
     * @param sharpness whether curvature is measured: some twenty times the cost of the rest
     * @param window last updates over which rows are watched one by one
     * @param k rises and falls that are marked at an update
     */
    public record Options(long every, boolean sharpness, int window, int k) {
        public Options {
            if (every < 1 || window < 0 || k < 1) {
                throw new IllegalArgumentException("A watch needs every >= 1, window >= 0 and k >= 1 but has " + every
                        + ", " + window + " and " + k + ".");
            }
        }
    }

    private static final Lanczos QUICK = new Lanczos(15, 1e-2);

    private final Options options;
    private final long planned;
    private final Dataset rows;
    private final Dataset test;
    private final Rng rng;
    private final List<Diary.Entry> entries = new ArrayList<>();
    private final OpposingSignals signals;
    private double batchLoss = Double.NaN;
    private double gradientNorm = Double.NaN;
    private double[] before;

    /**
     * @param planned updates of the run
     * @param rows what is watched; some hundred rows
     * @param test rows for the test accuracy; may be empty
     */
    public Watch(Options options, long planned, Dataset rows, Dataset test, Rng rng) {
        if (rows.size() < 4) {
            throw new IllegalArgumentException("A watch needs at least 4 rows but got " + rows.size() + ".");
        }
        this.options = options;
        this.planned = planned;
        this.rows = rows;
        this.test = test;
        this.rng = rng;
        int n = Math.toIntExact(rows.size());
        this.signals = options.window < 2 ? null : new OpposingSignals(n, Math.min(options.k, n / 4), options.window);
    }

    /** What was measured so far. */
    public Diary diary() {
        return new Diary(entries);
    }

    /** The groups of rows that oppose each other, among so many candidates; null without a window. */
    public OpposingSignals.Report groups(int candidates) {
        return signals == null ? null : signals.report(candidates);
    }

    private boolean atEnd(long step) {
        return signals != null && step >= planned - options.window;
    }

    @Override
    public boolean dueBefore(Moment m) {
        return m.step() % options.every == 0 || atEnd(m.step());
    }

    @Override
    public void before(Learner learner, Batch next, Moment m, RunLog log) {
        NetLearner net = net(learner);
        if (m.step() % options.every == 0) {
            try (Scope s = Scope.open();
                    var mode = Autograd.withGrad()) {
                if (m.step() == 0) {
                    // columns of a head that grows appear with its first rows
                    batchLoss = Double.NaN;
                    gradientNorm = Double.NaN;
                } else {
                    Objective loss = net.objective(null);
                    Tensor value = loss.at(next).total(next.rows().weights());
                    batchLoss = Tensors.item(value);
                    gradientNorm =
                            Autograd.grad(value, loss.parameters(), false).norm();
                }
            }
        }
        before = atEnd(m.step()) && m.step() > 0 ? losses(net) : null;
    }

    @Override
    public boolean due(Moment m) {
        return m.step() > 0
                && (before != null || m.step() % options.every == 0 || m.step() == planned)
                && !m.experienceEnd();
    }

    @Override
    public void observe(Learner learner, Moment m, RunLog log) {
        NetLearner net = net(learner);
        if (before != null) {
            signals.observe(m.step(), before, losses(net));
            before = null;
        }
        if (m.step() % options.every == 0 || m.step() == planned) {
            entries.add(look(net, m.step()));
            batchLoss = Double.NaN;
            gradientNorm = Double.NaN;
        }
    }

    private Diary.Entry look(NetLearner net, long step) {
        try (Scope s = Scope.open();
                var mode = Autograd.withGrad()) {
            Batch all = all(rows);
            Objective loss = net.objective(null);
            LossValue value = loss.at(all);
            Tensor total = value.total(all.rows().weights());
            ParamVector g = Autograd.grad(total, loss.parameters(), false);
            Tensor z = net.predict(all.inputs()).scores().detach();
            ChainOptimizer optimizer = net.net().optimizer() instanceof ChainOptimizer c ? c : null;
            double rate = optimizer == null ? Double.NaN : optimizer.rate(0);
            boolean finite = Tensors.finite(z) && Tensors.finite(total);
            return new Diary.Entry(
                    step,
                    rate,
                    batchLoss,
                    gradientNorm,
                    Tensors.item(total),
                    accuracy(net, rows),
                    Tensors.item(z.abs().max()),
                    Tensors.item(z.logsumexp(new long[] {1}).mean()),
                    finite ? SoftmaxCollapse.share(z, Precision.FLOAT32) : Double.NaN,
                    SoftmaxCollapse.zeroLosses(value.perSample()),
                    NaiveMinimisation.of(loss.parameters(), g).whole(),
                    g.norm() / Math.sqrt(loss.parameters().count()),
                    options.sharpness && finite && optimizer != null ? sharpness(loss, all, optimizer) : Double.NaN,
                    optimizer == null ? Double.NaN : optimizer.rule().stabilityLimit() / rate,
                    test.size() == 0 ? Double.NaN : accuracy(net, test),
                    attentionLogit(net, all));
        }
    }

    /** What the rule meets: of the Hessian, or for a rule that divides, of the Hessian between its roots. */
    private double sharpness(Objective loss, Batch all, ChainOptimizer optimizer) {
        LinearOperator h = new HvpOperator(loss, List.of(all));
        var p = optimizer.rule().preconditioner();
        LinearOperator met = p.isPresent() ? new Preconditioned(h, p.get().flat()) : h;
        Tensor like = loss.parameters().get(0);
        return QUICK.run(met, rng.child("start").normal(like.scalar_type(), h.size()))
                .largest();
    }

    /** The largest magnitude among all attention layers; NaN without any. */
    private static double attentionLogit(NetLearner net, Batch all) {
        if (Inventory.of(net.model()).sites().stream().noneMatch(s -> s.name().contains(".attn."))) {
            return Double.NaN;
        }
        Taps taps = Taps.where(n -> n.endsWith(".attn.logits"));
        double[] most = {Double.NaN};
        net.net().predict(all.inputs(), m -> {
            Tensor scores = m.scores(all.inputs(), Pass.eval().withTaps(taps));
            for (String name : taps.names()) {
                Tensor z = taps.get(name);
                double here = Tensors.item(
                        z.masked_fill(z.isneginf(), Tensors.scalar(0)).abs().max());
                most[0] = Double.isNaN(most[0]) ? here : Math.max(most[0], here);
            }
            return scores;
        });
        return most[0];
    }

    private double[] losses(NetLearner net) {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            return Tensors.doubles(net.objective(null).at(all(rows)).perSample().to(ScalarType.Double));
        }
    }

    private static double accuracy(NetLearner net, Dataset d) {
        try (Scope s = Scope.open()) {
            Batch b = all(d);
            int[] said = net.predict(b.inputs()).classes();
            long[] y = b.classIds();
            return IntStream.range(0, said.length).filter(i -> said[i] == y[i]).count() / (double) said.length;
        }
    }

    private static Batch all(Dataset d) {
        return d.rows(IntStream.range(0, Math.toIntExact(d.size())).toArray());
    }

    private static NetLearner net(Learner learner) {
        if (learner instanceof NetLearner net) {
            return net;
        }
        throw new IllegalArgumentException(learner.getClass().getSimpleName()
                + " is not a network that is trained by gradients, so there is nothing to watch."
                + "\nMaybe name another learner, such as finetune or er.");
    }
}
