package dev.holdfast.studies.training;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.synth.ModularArithmetic;
import dev.holdfast.diagnose.logits.NaiveMinimisation;
import dev.holdfast.diagnose.logits.SoftmaxCollapse;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.stable.PreciseCrossEntropy;
import dev.holdfast.loss.stable.Precision;
import dev.holdfast.loss.stable.StableMax;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.ParamGroup;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.transform.PerpendicularGradient;
import dev.holdfast.study.Criterion;
import dev.holdfast.study.Findings;
import dev.holdfast.study.Findings.Row;
import dev.holdfast.study.Paper;
import dev.holdfast.study.Rule;
import dev.holdfast.study.Study;
import dev.holdfast.study.StudyContext;
import dev.holdfast.study.StudyContext.Budget;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Addition modulo a prime, two fifths of the pairs for training, a ReLU network without biases (width 200, two hidden layers),
 * all rows at once, AdamW with an epsilon of 1e-25 (the usual 1e-8 would swamp the small late gradients and freeze training
 * for another reason). No decay but in the arm that has it, which gets three strengths and keeps its quickest.
 */
public final class GrokkingStability implements Study {
    private static final String CE16 = "cross entropy, float16";
    private static final String CE32 = "cross entropy, float32";
    private static final String CE64 = "cross entropy, float64";
    private static final String ORTHO = "cross entropy, perpendicular gradient";
    private static final String DECAY = "cross entropy, weight decay";
    private static final String STABLE = "StableMax";
    private static final String STABLE_ORTHO = "StableMax, perpendicular gradient";
    private static final String BED = "addition";
    private static final String LONG = "addition, long";
    private static final int LOOK = 10;
    private static final int NEVER = 100_000;

    /** How much is run. */
    private record Size(int p, int width, int steps, int seeds, boolean all) {}

    private record Arm(String name, Loss loss, double rate, double decay, boolean perpendicular) {}

    @Override
    public Paper paper() {
        return new Paper("08-grokking-stability", "Grokking at the Edge of Numerical Stability", 2025, "2501.04697");
    }

    @Override
    public String claim() {
        return "Without regularisation logits grow until the softmax rounds to 1 and training freezes before the network"
                + " generalises; a loss that cannot round (StableMax) keeps learning, and gradients without their part along"
                + " the weights generalise within a few hundred steps.";
    }

    @Override
    public List<Criterion> criteria() {
        return List.of(
                bound(
                        "collapse",
                        "cross entropy in float32 ends with at least 30 % of rows collapsed",
                        CE32,
                        "collapsed at the end",
                        0.3,
                        1),
                bound("no-generalisation", "and at most 5 % test accuracy", CE32, "test accuracy at the end", 0, 0.05),
                bound(
                        "perpendicular",
                        "with the perpendicular gradient test accuracy reaches 95 % within 600 steps, all seeds",
                        ORTHO,
                        "steps to 95 % test accuracy",
                        0,
                        600),
                new Criterion(
                        "quicker",
                        "weight decay needs at least 5 times as many steps to 90 % test accuracy (steps cut off where it does not)",
                        new Rule.Paired(BED, "steps to 90 % test accuracy", DECAY, ORTHO, 5, true, 1),
                        true),
                new Criterion(
                        "order-32",
                        "float32 collapses later than float16",
                        new Rule.Paired(BED, "steps to 10 % collapsed", CE32, CE16, 1, false, 1),
                        true),
                new Criterion(
                        "order-64",
                        "float64 collapses later than float32",
                        new Rule.Paired(BED, "steps to 10 % collapsed", CE64, CE32, 1, false, 1),
                        true),
                bound("stable", "no loss of StableMax is ever 0", STABLE, "largest share of zero losses", 0, 0),
                bound(
                        "stable-falls",
                        "and its training loss still falls in the last fifth",
                        STABLE,
                        "loss at the end over that at 4/5",
                        0,
                        0.9999),
                bound(
                        "naive",
                        "before collapse, median cosine of cross entropy's step with the weights is at least 0.6",
                        CE32,
                        "median cosine of step and weights",
                        0.6,
                        1),
                new Criterion(
                        "generalises",
                        "StableMax generalises at least 10 points better than cross entropy in a long run (full)",
                        new Rule.Paired(LONG, "test accuracy at the end", STABLE, CE32, 0.1, false, 1),
                        false));
    }

    private static Criterion bound(String id, String sentence, String arm, String metric, double low, double high) {
        return new Criterion(id, sentence, new Rule.Bound(BED, metric, arm, low, high, 0.99), true);
    }

    @Override
    public Findings run(StudyContext c) {
        List<Row> rows = new ArrayList<>();
        Size size =
                switch (c.budget()) {
                    case SMOKE -> new Size(11, 32, 60, 1, false);
                    case QUICK -> new Size(59, 200, 800, 1, false);
                    case FULL -> new Size(59, 200, 2000, 3, true);
                };
        for (long seed : c.seeds(size.seeds)) {
            for (Arm arm : arms(size)) {
                if (!c.cancelled()) {
                    c.progress(rows.size(), -1, arm.name + ", seed " + seed);
                    rows.addAll(run(c, arm, size.p, 0.4, size.width, size.steps, seed, BED));
                }
            }
            Arm quickest = null;
            List<Row> best = List.of();
            double steps = Double.POSITIVE_INFINITY;
            for (double decay : c.budget() == Budget.SMOKE ? new double[] {1} : new double[] {0.3, 1, 3}) {
                if (c.cancelled()) {
                    return new Findings(rows);
                }
                Arm arm = new Arm(DECAY, new PreciseCrossEntropy(Precision.FLOAT32), 5e-3, decay, false);
                c.progress(rows.size(), -1, arm.name + " " + decay + ", seed " + seed);
                List<Row> found = run(c, arm, size.p, 0.4, size.width, 2 * size.steps, seed, BED);
                double took = found.stream()
                        .filter(r -> r.metric().equals("steps to 90 % test accuracy"))
                        .mapToDouble(Row::value)
                        .findFirst()
                        .orElse(Double.POSITIVE_INFINITY);
                if (quickest == null || took < steps) {
                    quickest = arm;
                    best = found;
                    steps = took;
                }
            }
            rows.addAll(best);
            rows.add(new Row(DECAY, BED, seed, "chosen decay", quickest.decay));
        }
        if (size.all && !c.cancelled()) {
            for (Arm arm : List.of(
                    new Arm(STABLE, new StableMax(0), 1e-2, 0, false),
                    new Arm(CE32, new PreciseCrossEntropy(Precision.FLOAT32), 1e-2, 0, false))) {
                c.progress(rows.size(), -1, LONG + ", " + arm.name);
                rows.addAll(run(c, arm, 31, 0.7, 100, 60_000, 1, LONG));
            }
        }
        return new Findings(rows);
    }

    private static List<Arm> arms(Size size) {
        List<Arm> arms = new ArrayList<>(List.of(
                new Arm(CE32, new PreciseCrossEntropy(Precision.FLOAT32), 5e-3, 0, false),
                new Arm(ORTHO, new PreciseCrossEntropy(Precision.FLOAT32), 5e-3, 0, true),
                new Arm(STABLE, new StableMax(0), 1e-2, 0, false),
                new Arm(CE16, new PreciseCrossEntropy(Precision.FLOAT16), 5e-3, 0, false),
                new Arm(CE64, new PreciseCrossEntropy(Precision.FLOAT64), 5e-3, 0, false)));
        if (size.all) {
            arms.add(new Arm(STABLE_ORTHO, new StableMax(0), 1e-2, 0, true));
        }
        return arms;
    }

    /** One training, looked at every ten steps. */
    private static List<Row> run(
            StudyContext c, Arm arm, int p, double fraction, int width, int steps, long seed, String bed) {
        Rng rng = Rng.of(seed);
        List<Row> rows = new ArrayList<>();
        ModularArithmetic data = ModularArithmetic.of(new ModularArithmetic.Config(p, fraction), rng.child("data"));
        Parameters w = network(2L * p, width, p, rng.child("net"));
        try (Scope all = Scope.open()) {
            Rowset train = Rowset.of(data.train());
            Rowset test = Rowset.of(data.test());
            List<GradientTransform> first = arm.perpendicular ? List.of(new PerpendicularGradient()) : List.of();
            ChainOptimizer optimizer = new ChainOptimizer(
                    w,
                    first,
                    new Adam(w, 0.9, arm.loss instanceof StableMax ? 0.999 : 0.99, 1e-25),
                    List.of(ParamGroup.all(
                            arm.rate,
                            Constant.ONE,
                            arm.decay,
                            arm.decay == 0 ? ParamGroup.Decay.NONE : ParamGroup.Decay.LR_COUPLED)));
            Precision precision = arm.loss instanceof PreciseCrossEntropy e ? e.precision() : Precision.FLOAT64;
            // a rival that gets nowhere is told with the steps it had, the method itself with more than anyone has
            int never = arm.decay > 0 ? steps : NEVER;
            int to95 = never;
            int to90 = never;
            int collapsed = steps + 1;
            double zero = 0;
            double later = Double.NaN;
            double lossNow = Double.NaN;
            double share = 0;
            List<Double> cosines = new ArrayList<>();
            for (int t = 0; t < steps && !c.cancelled(); t++) {
                try (Scope s = Scope.open()) {
                    Tensor z = logits(w, train.x);
                    LossValue v = arm.loss.value(train.input(z, p));
                    Tensor total = v.total(null);
                    ParamVector g = Autograd.grad(total, w, false);
                    if (t % LOOK == 0) {
                        lossNow = Tensors.item(total);
                        later = t <= steps * 4 / 5 ? lossNow : later;
                        zero = Math.max(zero, SoftmaxCollapse.zeroLosses(v.perSample()));
                        share = SoftmaxCollapse.share(z, precision);
                        collapsed =
                                share > 0.1 && !(arm.loss instanceof StableMax) ? Math.min(collapsed, t) : collapsed;
                        double fits = train.accuracy(z);
                        if (fits == 1 && share < 0.1) {
                            cosines.add(NaiveMinimisation.of(w, g).whole());
                        }
                        double right = test.accuracy(logits(w, test.x));
                        to95 = right >= 0.95 ? Math.min(to95, t) : to95;
                        to90 = right >= 0.9 ? Math.min(to90, t) : to90;
                    }
                    optimizer.step(g);
                }
            }
            try (Scope s = Scope.open()) {
                Tensor z = logits(w, train.x);
                row(rows, arm, bed, seed, "training accuracy at the end", train.accuracy(z));
                row(rows, arm, bed, seed, "test accuracy at the end", test.accuracy(logits(w, test.x)));
                row(
                        rows,
                        arm,
                        bed,
                        seed,
                        "largest logit at the end",
                        Tensors.item(z.abs().max()));
                if (!(arm.loss instanceof StableMax)) {
                    row(rows, arm, bed, seed, "collapsed at the end", SoftmaxCollapse.share(z, precision));
                    row(rows, arm, bed, seed, "steps to 10 % collapsed", collapsed);
                }
            }
            row(rows, arm, bed, seed, "steps to 90 % test accuracy", to90);
            row(rows, arm, bed, seed, "steps to 95 % test accuracy", to95);
            row(rows, arm, bed, seed, "largest share of zero losses", zero);
            row(rows, arm, bed, seed, "loss at the end over that at 4/5", lossNow / later);
            if (!cosines.isEmpty()) {
                double[] sorted = cosines.stream().mapToDouble(d -> d).sorted().toArray();
                row(rows, arm, bed, seed, "median cosine of step and weights", sorted[sorted.length / 2]);
            }
        } finally {
            for (Tensor t : w.tensors()) {
                t.close();
            }
        }
        return rows;
    }

    private static void row(List<Row> rows, Arm arm, String bed, long seed, String metric, double value) {
        rows.add(new Row(arm.name, bed, seed, metric, value));
    }

    /** All rows of a data set as one batch. */
    private record Rowset(Tensor x, long[] y, long[] ids) {
        static Rowset of(MemoryDataset d) {
            int n = Math.toIntExact(d.size());
            return new Rowset(
                    d.rows(IntStream.range(0, n).toArray()).inputs().x(),
                    d.classIds(),
                    IntStream.range(0, n).mapToLong(d::id).toArray());
        }

        LossInput input(Tensor z, int classes) {
            return new LossInput(z, Target.ClassIds.of(y), Rows.of(ids), ClassIndex.numbered(classes));
        }

        double accuracy(Tensor z) {
            int[] said = Tensors.ints(z.detach().argmax(new LongOptional(1), false));
            return IntStream.range(0, said.length).filter(i -> said[i] == y[i]).count() / (double) said.length;
        }
    }

    /** Weights of a ReLU network without biases. */
    private static Parameters network(long inputs, long width, long classes, Rng rng) {
        long[] widths = {inputs, width, width, classes};
        List<Tensor> leaves = new ArrayList<>();
        List<ParamMeta> meta = new ArrayList<>();
        for (int l = 0; l < 3; l++) {
            double bound = 1 / Math.sqrt(widths[l]);
            Tensor u = rng.child("w", l).uniform(ScalarType.Float, widths[l + 1], widths[l]);
            leaves.add(Scope.own(u.mul(Tensors.scalar(2 * bound)).sub(Tensors.scalar(bound)))
                    .set_requires_grad(true));
            meta.add(new ParamMeta("w" + l, ParamMeta.Role.HIDDEN, widths[l], widths[l + 1], true, 0));
        }
        return new Parameters(meta, leaves);
    }

    private static Tensor logits(Parameters w, Tensor x) {
        Tensor h = x.matmul(w.get(0).t()).relu().matmul(w.get(1).t()).relu();
        return h.matmul(w.get(2).t());
    }
}
