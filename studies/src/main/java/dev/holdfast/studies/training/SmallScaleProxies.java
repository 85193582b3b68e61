package dev.holdfast.studies.training;

import dev.holdfast.diagnose.scaling.Instability;
import dev.holdfast.diagnose.scaling.InternalStatistics;
import dev.holdfast.diagnose.scaling.LrSweep;
import dev.holdfast.diagnose.scaling.LrSweep.Grid;
import dev.holdfast.diagnose.scaling.LrSweep.Shape;
import dev.holdfast.diagnose.scaling.ProxyRecipe;
import dev.holdfast.diagnose.scaling.ProxyRecipe.MuKind;
import dev.holdfast.diagnose.scaling.ProxyRun;
import dev.holdfast.diagnose.scaling.ScalingFit;
import dev.holdfast.language.train.TextWindows;
import dev.holdfast.nn.lm.QkNorm;
import dev.holdfast.optim.ParamGroup.Decay;
import dev.holdfast.study.Criterion;
import dev.holdfast.study.Findings;
import dev.holdfast.study.Findings.Row;
import dev.holdfast.study.Paper;
import dev.holdfast.study.Rule;
import dev.holdfast.study.Study;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.hipparchus.stat.StatUtils;

/**
 * Byte-level decoders of three widths, trained at rates from 3e-4 to 3e-1 with and without LayerNorm on queries and keys, and
 * at the middle width with each other intervention switched: what grows, what a wrong rate costs, and whether small models
 * foretell larger ones.
 */
public final class SmallScaleProxies implements Study {
    private static final String OFF = "no qk norm";
    private static final String ON = "qk LayerNorm";
    private static final String LARGEST = "largest width";
    private static final String ALL = "all widths";
    private static final String MIDDLE = "middle width";
    private static final String LONG = "middle width, long";
    private static final String SENSITIVITY = "sensitivity to the rate, nats";
    private static final String WARM = "warm-up over a quarter";
    private static final double BEYOND = 1e9;

    /** How much is run. */
    private record Size(
            List<Shape> shapes, List<Double> rates, ProxyRecipe recipe, int seeds, boolean arms, int longSteps) {
        Shape middle() {
            return shapes.get(shapes.size() / 2);
        }

        Shape largest() {
            return shapes.get(shapes.size() - 1);
        }
    }

    @Override
    public Paper paper() {
        return new Paper(
                "37-small-scale-proxies",
                "Small-scale proxies for large-scale Transformer training instabilities",
                2023,
                "2309.14322");
    }

    @Override
    public String claim() {
        return "Instabilities of large Transformers show in small ones at high learning rates: without LayerNorm on queries"
                + " and keys attention logits grow with rate and size until training fails; with it models reach similar"
                + " losses over orders of magnitude of rates, and the growth in small models foretells that in larger ones.";
    }

    @Override
    public List<Criterion> criteria() {
        List<Criterion> all = new ArrayList<>(List.of(
                new Criterion(
                        "growth-0.1",
                        "largest width, rate 0.1: attention logits without the norm are at least 50 times those with it",
                        new Rule.Paired(LARGEST, logit(0.1), OFF, ON, 50, true, 1),
                        true),
                new Criterion(
                        "growth-0.3",
                        "and at rate 0.3",
                        new Rule.Paired(LARGEST, logit(0.3), OFF, ON, 50, true, 1),
                        true),
                bound(
                        "bounded",
                        "with the norm no attention logit exceeds sqrt(head size) times the largest scales, in any run",
                        ALL,
                        "largest attention logit over its bound",
                        ON,
                        0,
                        1.0001,
                        0.99),
                bound(
                        "threshold",
                        "largest width, rate 0.3: without the norm attention logits exceed 1e4",
                        LARGEST,
                        logit(0.3),
                        OFF,
                        ScalingFit.ATTENTION_LOGIT,
                        BEYOND,
                        1)));
        for (double rate : new double[] {0.03, 0.1, 0.3}) {
            all.add(new Criterion(
                    "loss-" + rate,
                    "largest width, rate " + rate + ": the held-out loss with the norm is at most that without",
                    new Rule.Paired(LARGEST, loss(rate), OFF, ON, 0, false, 1),
                    true));
        }
        all.add(new Criterion(
                "sensitivity",
                "largest width: a wrong rate costs less with the norm",
                new Rule.Paired(LARGEST, SENSITIVITY, OFF, ON, 1e-6, false, 1),
                true));
        all.add(bound(
                "warm-up",
                "middle width: a warm-up of a quarter of the steps instead of a twentieth does not raise the sensitivity by more"
                        + " than its standard deviation over seeds (full)",
                MIDDLE,
                "rise of the sensitivity, deviations",
                WARM,
                -BEYOND,
                1,
                1));
        all.add(bound(
                "slope",
                "without the norm attention logits at rate 0.03 grow with size",
                ALL,
                "slope of log logit over log size, rate 0.03",
                OFF,
                1e-6,
                BEYOND,
                1));
        all.add(bound(
                "foretold",
                "the line through the smaller widths foretells them at the largest within a factor of 3",
                ALL,
                "predicted over measured logit at the largest width, rate 0.03",
                OFF,
                1.0 / 3,
                3,
                1));
        all.add(new Criterion(
                "entropy",
                "largest width, rate 0.3: the entropy of attention is lower without the norm",
                new Rule.Paired(LARGEST, "attention entropy, rate 0.3", ON, OFF, 1e-6, false, 1),
                true));
        return all;
    }

    private static Criterion bound(
            String id, String sentence, String bed, String metric, String arm, double low, double high, double seeds) {
        return new Criterion(id, sentence, new Rule.Bound(bed, metric, arm, low, high, seeds), true);
    }

    private static String logit(double rate) {
        return "largest attention logit, rate " + number(rate);
    }

    private static String loss(double rate) {
        return "held-out loss, nats, rate " + number(rate);
    }

    private static String number(double rate) {
        return rate < 0.01 ? String.format(Locale.ROOT, "%.0e", rate) : Double.toString(rate);
    }

    @Override
    public Findings run(StudyContext c) {
        Size size =
                switch (c.budget()) {
                    case SMOKE ->
                        new Size(
                                shapes(1, 8, 16, 24),
                                List.of(0.03, 0.1, 0.3),
                                ProxyRecipe.published(6).withBed(8, 16, 4),
                                1,
                                false,
                                0);
                    case QUICK ->
                        new Size(
                                shapes(3, 32, 64, 128),
                                List.of(3e-3, 0.03, 0.1, 0.3),
                                ProxyRecipe.published(60).withBed(16, 128, 8),
                                1,
                                false,
                                0);
                    case FULL ->
                        new Size(
                                shapes(3, 32, 64, 128),
                                List.of(3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3),
                                ProxyRecipe.published(200).withBed(16, 128, 8),
                                2,
                                true,
                                1500);
                };
        StudyText text = StudyText.of(c);
        List<Row> rows = new ArrayList<>();
        List<Double> onAtMiddle = new ArrayList<>();
        for (long seed : c.seeds(size.seeds)) {
            LrSweep off = sweep(c, size.recipe.withQkNorm(QkNorm.NONE), size.shapes, size.rates, text, seed, OFF);
            LrSweep on = sweep(c, size.recipe, size.shapes, size.rates, text, seed, ON);
            if (c.cancelled()) {
                return new Findings(rows);
            }
            headline(rows, size, OFF, off, seed);
            headline(rows, size, ON, on, seed);
            foretold(rows, size, off, seed);
            onAtMiddle.add(on.sensitivity(size.middle()).sensitivity());
        }
        if (size.arms && !c.cancelled()) {
            arms(c, rows, size, text, onAtMiddle);
        }
        if (size.longSteps > 0 && !c.cancelled()) {
            late(c, rows, size, text);
        }
        return new Findings(rows);
    }

    private static List<Shape> shapes(int layers, int... widths) {
        return Arrays.stream(widths).mapToObj(w -> new Shape(w, layers)).toList();
    }

    private static LrSweep sweep(
            StudyContext c,
            ProxyRecipe recipe,
            List<Shape> shapes,
            List<Double> rates,
            StudyText text,
            long seed,
            String arm) {
        Rng rng = Rng.of(seed);
        return LrSweep.run(
                recipe,
                new Grid(shapes, rates),
                TextWindows.of(text.train(), recipe.rows(), recipe.length(), rng.child("data")),
                TextWindows.of(
                        text.held(), recipe.rows(), recipe.length(), Rng.of(0).child("held")),
                1,
                rng.child("model"),
                r -> c.progress(0, -1, arm + ", seed " + seed + ", " + r.shape() + ", rate " + r.rate()),
                c::cancelled);
    }

    /** What a run that diverged ends at is what it began with. */
    private static double ended(ProxyRun r) {
        return r.diverged() ? r.initialLoss() : Math.min(r.loss(), r.initialLoss());
    }

    private static void headline(List<Row> rows, Size size, String arm, LrSweep sweep, long seed) {
        double overBound = 0;
        for (ProxyRun r : sweep.runs()) {
            InternalStatistics end = r.last();
            String bed = bed(size, r.shape());
            rows.add(new Row(arm, bed, seed, loss(r.rate()), ended(r)));
            rows.add(new Row(arm, bed, seed, logit(r.rate()), end.largestAttentionLogit()));
            if (r.rate() >= 0.1) {
                String at = ", rate " + number(r.rate());
                rows.add(new Row(arm, bed, seed, "attention entropy" + at, end.attentionEntropy()));
                rows.add(new Row(arm, bed, seed, "mean log Z" + at, end.logZMean()));
                rows.add(new Row(arm, bed, seed, "gradient size over epsilon" + at, end.gradientOverEpsilon(1e-8)));
            }
            overBound = Math.max(
                    overBound, end.attentionLogitOverBound(sweep.recipe().headSize()));
        }
        for (Shape shape : sweep.shapes()) {
            String bed = bed(size, shape);
            rows.add(new Row(
                    arm, bed, seed, SENSITIVITY, sweep.sensitivity(shape).sensitivity()));
        }
        if (arm.equals(ON)) {
            rows.add(new Row(arm, ALL, seed, "largest attention logit over its bound", overBound));
        }
    }

    private static String bed(Size size, Shape shape) {
        return shape.equals(size.largest()) ? LARGEST : "width " + shape.width();
    }

    private static void foretold(List<Row> rows, Size size, LrSweep off, long seed) {
        double[] sizes = new double[size.shapes.size()];
        double[] logits = new double[sizes.length];
        for (int i = 0; i < sizes.length; i++) {
            ProxyRun r = off.at(size.shapes.get(i), 0.03).orElseThrow();
            sizes[i] = r.size();
            logits[i] = r.last().largestAttentionLogit();
        }
        int last = sizes.length - 1;
        ScalingFit smaller = ScalingFit.line(Arrays.copyOf(sizes, last), Arrays.copyOf(logits, last));
        rows.add(new Row(
                OFF,
                ALL,
                seed,
                "slope of log logit over log size, rate 0.03",
                off.fit(Instability.ATTENTION_LOGITS, 0.03).orElseThrow().slope()));
        rows.add(new Row(
                OFF,
                ALL,
                seed,
                "predicted over measured logit at the largest width, rate 0.03",
                smaller.at(sizes[last]) / logits[last]));
    }

    /** Each other intervention at the middle width, queries and keys normed; what less than two deviations are is chance. */
    private static void arms(StudyContext c, List<Row> rows, Size size, StudyText text, List<Double> on) {
        record Arm(String name, ProxyRecipe recipe) {}
        double deviation = deviation(on);
        for (int i = 0; i < on.size(); i++) {
            rows.add(new Row("as published", MIDDLE, i + 1, SENSITIVITY, on.get(i)));
        }
        for (Arm arm : List.of(
                new Arm("no z-loss", size.recipe.withZLoss(0)),
                new Arm(WARM, size.recipe.withWarmUp(0.25)),
                new Arm("decay 0.1 times the rate", size.recipe.withDecay(0.1, Decay.LR_COUPLED)),
                new Arm("muParam, simple", size.recipe.withMuParam(MuKind.SIMPLE, 256)))) {
            List<Double> found = new ArrayList<>();
            for (long seed : c.seeds(size.seeds)) {
                LrSweep s = sweep(c, arm.recipe, List.of(size.middle()), size.rates, text, seed, arm.name);
                if (c.cancelled()) {
                    return;
                }
                double value = s.sensitivity(size.middle()).sensitivity();
                found.add(value);
                rows.add(new Row(arm.name, MIDDLE, seed, SENSITIVITY, value));
                rows.add(new Row(
                        arm.name,
                        MIDDLE,
                        seed,
                        "best rate",
                        s.sensitivity(size.middle()).bestRate()));
            }
            if (deviation > 0) {
                double rise = mean(found) - mean(on);
                rows.add(new Row(arm.name, MIDDLE, 1, "rise of the sensitivity, deviations", rise / deviation));
            }
        }
        rows.add(new Row("as published", MIDDLE, 1, "deviation of the sensitivity over seeds, nats", deviation));
    }

    /** Whether the loss without the norm falls behind later. */
    private static void late(StudyContext c, List<Row> rows, Size size, StudyText text) {
        ProxyRecipe longer = size.recipe.withSteps(size.longSteps);
        for (String arm : List.of(OFF, ON)) {
            ProxyRecipe r = arm.equals(OFF) ? longer.withQkNorm(QkNorm.NONE) : longer;
            LrSweep s = sweep(c, r, List.of(size.middle()), List.of(0.1), text, 1, arm);
            if (c.cancelled()) {
                return;
            }
            rows.add(new Row(arm, LONG, 1, loss(0.1), ended(s.runs().get(0))));
            rows.add(new Row(arm, LONG, 1, logit(0.1), s.runs().get(0).last().largestAttentionLogit()));
        }
    }

    private static double mean(List<Double> of) {
        return StatUtils.mean(of.stream().mapToDouble(v -> v).toArray());
    }

    private static double deviation(List<Double> of) {
        return of.size() < 2
                ? 0
                : Math.sqrt(StatUtils.variance(of.stream().mapToDouble(v -> v).toArray()));
    }
}
