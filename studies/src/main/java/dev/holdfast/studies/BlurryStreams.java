package dev.holdfast.studies;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.estimate.RidgeHead;
import dev.holdfast.estimate.StreamingLda;
import dev.holdfast.evaluate.Run;
import dev.holdfast.evaluate.TaskEvaluator;
import dev.holdfast.evaluate.UpdateEvaluator;
import dev.holdfast.evaluate.metric.Anytime;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.analytic.ClosedFormLearner;
import dev.holdfast.learner.analytic.FeatureSpace;
import dev.holdfast.learner.analytic.GAcil;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.learner.regularize.AnchoredLearner;
import dev.holdfast.learner.regularize.Lwf;
import dev.holdfast.learner.replay.AsymmetricReplay;
import dev.holdfast.learner.replay.ExperienceReplay;
import dev.holdfast.learner.replay.Store;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.penalty.Anchored;
import dev.holdfast.penalty.RiemannianWalk;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.Blurry;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Joint;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.study.Criterion;
import dev.holdfast.study.Findings;
import dev.holdfast.study.Findings.Row;
import dev.holdfast.study.Paper;
import dev.holdfast.study.Rule;
import dev.holdfast.study.Study;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.RecursiveRidge.Form;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Analytic learning on a stream of old and new classes: clothes and digits, twenty classes, Si-Blurry-50-10 in five parts,
 * one pass in batches of 16, all methods on the same 64 features of a ConvNet that was trained on eight of the classes.
 *
 * <p>The gradient methods use Adam on a linear classifier or, where this is one of their settings, on one hidden layer.
 * Every method has four settings to choose from; the one with the best last accuracy on a fifth of the training rows,
 * held back, in another order of classes is taken. LwF, EWC and EWC++ are told where parts end and EWC may read them again,
 * which the stream denies the others. EWC++ and ER-ACE are reported only. Orders differ by seed; the extractor and a learner's own draws do not.
 */
public final class BlurryStreams implements Study {
    private static final String BED = "Si-Blurry-50-10";
    private static final String LAST = "A_last, %";
    private static final String AUC = "A_AUC, %";
    private static final String AVERAGE = "A_avg, %";
    private static final String WEIGHTS = "gap of W between two orders, relative";
    private static final String DIFFER = "predictions that differ between two orders";
    private static final String JOINT = "A_last less that of joint ridge, points";
    private static final String SPREAD = "standard deviation of A_last over orders, points";
    private static final String SPREAD_LESS = "spread of A_last less half of ER's, points";
    private static final String GACIL = "G-ACIL";
    private static final String LARGE = "G-ACIL, M = 1024";
    private static final String ABLATED = "G-ACIL, no exposed update";
    private static final List<String> WITHOUT_ROWS = List.of("NCM", "ridge, no buffer", "softmax", "LwF", "EWC");
    private static final double[] GAMMAS = {0.01, 0.1, 1, 10};

    /**
     * How much is done.
     *
     * @param units M of the arm that is judged
     * @param orders over which the spread is measured
     */
    private record Size(
            List<DataPair> sets,
            int known,
            int perClass,
            int testPerClass,
            int epochs,
            int units,
            int seeds,
            int orders) {}

    /** A method with the settings that it may choose from. */
    private record Method(String name, List<Setting<?>> settings, boolean announced) {
        static Method of(String name, Setting<?>... settings) {
            return new Method(name, List.of(settings), false);
        }
    }

    /** A learner with its configuration. */
    private record Setting<C extends Record>(LearnerPlugin<C> plugin, C config) {
        Learner create(Scenario s) {
            return plugin.create(config, s.schema(), Rng.of(1).child("learner"));
        }
    }

    @Override
    public Paper paper() {
        return new Paper(
                "24-g-acil",
                "Analytic Learning for Exemplar-Free Generalized Class Incremental Learning",
                2024,
                "2403.15706");
    }

    @Override
    public String claim() {
        return "On streams of mixed and unbalanced old and new classes, ridge regression on a random expansion of frozen"
                + " features, updated batch by batch without a stored row, ends exactly where joint training ends, leads"
                + " the methods that store no rows, and competes with replay.";
    }

    @Override
    public List<Criterion> criteria() {
        List<Criterion> all = new ArrayList<>();
        all.add(new Criterion(
                "1 weights",
                "The weights after two random orders of arrival differ by at most 1e-6 of their size",
                new Rule.Exact(WEIGHTS, 1e-6),
                true));
        all.add(new Criterion(
                "1 predictions", "All predictions after these two orders agree", new Rule.Exact(DIFFER, 0), true));
        all.add(new Criterion(
                "2 joint",
                "The last accuracy is that of joint ridge regression to 0.01 points",
                new Rule.Exact(JOINT, 0.01),
                true));
        for (String arm : WITHOUT_ROWS) {
            for (String metric : List.of(LAST, AUC)) {
                all.add(new Criterion(
                        "3 " + arm + " " + metric.substring(0, metric.indexOf(',')),
                        metric.substring(0, metric.indexOf(',')) + " is at least 3 points above that of " + arm
                                + ", which stores no rows either",
                        new Rule.Paired(BED, metric, GACIL, arm, 3, false, 1),
                        true));
            }
        }
        for (String metric : List.of(LAST, AUC)) {
            all.add(new Criterion(
                    "3 SLDA " + metric.substring(0, metric.indexOf(',')),
                    metric.substring(0, metric.indexOf(','))
                            + " with 1024 units is at least 1 point above that of SLDA",
                    new Rule.Paired(BED, metric, LARGE, "SLDA", 1, false, 1),
                    true));
        }
        all.add(new Criterion(
                "4 ER",
                "A_last is at least 1 point above that of ER with 500 stored rows",
                new Rule.Paired(BED, LAST, GACIL, "ER 500", 1, false, 1),
                true));
        all.add(new Criterion("4 more rows", "ER with 2000 stored rows is reported", new Rule.Report(), false));
        all.add(new Criterion(
                "5 spread",
                "A_last varies over orders by at most half as much as that of ER with 500 rows",
                new Rule.Bound(BED, SPREAD_LESS, GACIL, -100, 0, 1),
                true));
        all.add(new Criterion(
                "6 ablation",
                "Without the update of columns of absent classes A_last falls by at least 5 points",
                new Rule.Paired(BED, LAST, GACIL, ABLATED, 5, false, 1),
                true));
        return all;
    }

    @Override
    public Findings run(StudyContext c) {
        return switch (c.budget()) {
            case SMOKE -> new Findings(study(c, new Size(List.of(c.data("sample")), 4, 30, 10, 1, 32, 1, 2)));
            case QUICK ->
                new Findings(
                        study(c, new Size(List.of(c.data("fashion"), c.data("mnist")), 8, 200, 100, 6, 512, 1, 3)));
            case FULL ->
                new Findings(
                        study(c, new Size(List.of(c.data("fashion"), c.data("mnist")), 8, 600, 500, 6, 2048, 5, 5)));
        };
    }

    private List<Row> study(StudyContext c, Size size) {
        List<Row> rows = new ArrayList<>();
        c.progress(0, -1, "training the extractor");
        FrozenFeatures features =
                FrozenFeatures.of(size.sets, size.known, size.perClass, size.testPerClass, size.epochs, 1);
        FrozenFeatures held = features.heldBack(0.2, Rng.of(1).child("tuning"));
        for (Method m : methods(size)) {
            if (c.cancelled()) {
                break;
            }
            Setting<?> s = tuned(c, m, held, rows);
            for (long seed : c.seeds(size.seeds)) {
                c.progress(rows.size(), -1, m.name + ", order " + seed);
                streamed(m, s, features, seed, rows);
            }
            if (m.name.equals(GACIL)) {
                exact(c, size, s, features, rows);
            }
            if (m.name.equals(GACIL) || m.name.equals("ER 500")) {
                c.progress(rows.size(), -1, m.name + ", " + size.orders + " orders");
                rows.add(new Row(m.name, BED, 0, SPREAD, spread(c, size, m, s, features)));
            }
        }
        c.progress(rows.size(), -1, "joint softmax");
        for (boolean hidden : new boolean[] {false, true}) {
            String arm = hidden ? "joint softmax, hidden layer" : "joint softmax";
            rows.add(new Row(arm, BED, 0, LAST, 100 * joint(softmax(0.001, hidden), features, 20)));
        }
        if (rows.stream().filter(r -> r.metric().equals(SPREAD)).count() == 2) {
            double ours = value(rows, GACIL, SPREAD);
            rows.add(new Row(GACIL, BED, 0, SPREAD_LESS, ours - value(rows, "ER 500", SPREAD) / 2));
        }
        features.close();
        return rows;
    }

    private static List<Method> methods(Size size) {
        List<Method> all = new ArrayList<>();
        all.add(analytic(GACIL, size.units, GAcil.Expansion.RELU, true));
        for (int units : new int[] {256, 1024}) {
            all.add(analytic("G-ACIL, M = " + units, Math.min(units, 2 * size.units), GAcil.Expansion.RELU, true));
        }
        all.add(analytic("G-ACIL, Gaussian", size.units, GAcil.Expansion.GAUSSIAN, true));
        all.add(analytic(ABLATED, size.units, GAcil.Expansion.RELU, false));
        all.add(analytic("ridge, no buffer", 0, GAcil.Expansion.RELU, true));
        all.add(new Method(
                "SLDA",
                Arrays.stream(new double[] {1e-4, 1e-3, 1e-2, 1e-1})
                        .<Setting<?>>mapToObj(k -> new Setting<>(
                                new ClosedFormLearner.SldaPlugin(),
                                new ClosedFormLearner.SldaConfig(
                                        FeatureSpace.Config.inputs(),
                                        new StreamingLda.Config(k, StreamingLda.Covariance.POOLED))))
                        .toList(),
                false));
        all.add(Method.of(
                "NCM",
                new Setting<>(
                        new ClosedFormLearner.NcmPlugin(),
                        new ClosedFormLearner.NcmConfig(FeatureSpace.Config.inputs()))));
        all.add(Method.of(
                "softmax", softmax(0.001, false), softmax(0.01, false), softmax(0.001, true), softmax(0.01, true)));
        all.add(new Method("LwF", List.of(lwf(0.001, 1), lwf(0.001, 10), lwf(0.01, 1), lwf(0.01, 10)), true));
        all.add(new Method("EWC", List.of(ewc(0.001, 1), ewc(0.001, 100), ewc(0.01, 1), ewc(0.01, 100)), true));
        all.add(new Method(
                "EWC++", List.of(ewcpp(0.001, 1), ewcpp(0.001, 100), ewcpp(0.01, 1), ewcpp(0.01, 100)), true));
        for (int capacity : new int[] {500, 2000}) {
            all.add(Method.of(
                    "ER-ACE " + capacity,
                    asymmetric(0.001, false, capacity),
                    asymmetric(0.01, false, capacity),
                    asymmetric(0.001, true, capacity),
                    asymmetric(0.01, true, capacity)));
            all.add(Method.of(
                    "ER " + capacity,
                    replay(0.001, false, capacity),
                    replay(0.01, false, capacity),
                    replay(0.001, true, capacity),
                    replay(0.01, true, capacity)));
        }
        return all;
    }

    private static Method analytic(String name, int units, GAcil.Expansion expansion, boolean exposed) {
        return new Method(
                name,
                Arrays.stream(GAMMAS)
                        .<Setting<?>>mapToObj(gamma -> new Setting<>(
                                new GAcil.Plugin(),
                                new GAcil.Config(
                                        FeatureSpace.Config.inputs(),
                                        units,
                                        expansion,
                                        0,
                                        exposed,
                                        gamma,
                                        false,
                                        Form.RECURSIVE)))
                        .toList(),
                false);
    }

    /** A linear head, or one hidden layer of 256 for those who would do without a random one. */
    private static NetConfig net(double rate, boolean hidden) {
        return new NetConfig(
                hidden ? BackboneConfig.mlp(Init.KAIMING_UNIFORM, 256) : BackboneConfig.linear(),
                OptimizerConfig.adam(rate),
                false);
    }

    private static Setting<Finetune.Config> softmax(double rate, boolean hidden) {
        return new Setting<>(new Finetune.Plugin(), Finetune.Config.of(net(rate, hidden)));
    }

    private static Setting<Lwf.Config> lwf(double rate, double alpha) {
        return new Setting<>(new Lwf.Plugin(), Lwf.Config.of(net(rate, false), alpha, 2));
    }

    private static Setting<AnchoredLearner.EwcConfig> ewc(double rate, double strength) {
        return new Setting<>(
                new AnchoredLearner.EwcPlugin(),
                new AnchoredLearner.EwcConfig(net(rate, false), Anchored.Config.onlineEwc(strength, 1)));
    }

    private static Setting<AnchoredLearner.WalkConfig> ewcpp(double rate, double strength) {
        return new Setting<>(
                new AnchoredLearner.EwcPlusPlusPlugin(),
                new AnchoredLearner.WalkConfig(net(rate, false), RiemannianWalk.Config.fisher(strength)));
    }

    private static Setting<AsymmetricReplay.Config> asymmetric(double rate, boolean hidden, int capacity) {
        return new Setting<>(
                new AsymmetricReplay.Plugin(),
                new AsymmetricReplay.Config(
                        net(rate, hidden), capacity, 16, Store.RESERVOIR, AsymmetricReplay.Start.FIRST_BATCH));
    }

    private static Setting<ExperienceReplay.Config> replay(double rate, boolean hidden, int capacity) {
        return new Setting<>(
                new ExperienceReplay.Plugin(),
                ExperienceReplay.Config.of(net(rate, hidden), capacity, 16, Store.RESERVOIR));
    }

    private static Scenario stream(FrozenFeatures f, boolean announced, long seed) {
        Dealing dealing = announced ? Dealing.offline(1, 16) : new Dealing(1, 16, true, false);
        return Blurry.of(
                new Blurry.Config(5, 50, 10, Blurry.Shares.RANDOM, dealing), f.train(), f.test(), Rng.of(seed));
    }

    /** The setting with the best last accuracy on held-back rows in another order. */
    private static Setting<?> tuned(StudyContext c, Method m, FrozenFeatures held, List<Row> rows) {
        if (m.settings.size() == 1) {
            return m.settings.get(0);
        }
        int best = 0;
        double most = -1;
        Scenario s = stream(held, m.announced, 1000);
        for (int i = 0; i < m.settings.size() && !c.cancelled(); i++) {
            c.progress(rows.size(), -1, "tuning " + m.name + ", setting " + (i + 1));
            try (Scope all = Scope.open();
                    Learner learner = m.settings.get(i).create(s)) {
                double last = last(learner, s, held.test(), 1000);
                if (last > most) {
                    most = last;
                    best = i;
                }
            }
        }
        rows.add(new Row(m.name, BED, 0, "setting chosen, of " + m.settings.size(), best + 1));
        return m.settings.get(best);
    }

    /** Learns all of a stream; accuracy on all test rows. */
    private static double last(Learner learner, Scenario s, Dataset test, long seed) {
        new Run(learner, s, List.of(), new MetricLog(), Rng.of(seed).child("run")).finish();
        int[] said = said(learner, test);
        long[] truth = test.classIds();
        return IntStream.range(0, said.length).filter(i -> said[i] == truth[i]).count() / (double) said.length;
    }

    private static int[] said(Learner learner, Dataset rows) {
        int n = (int) rows.size();
        int[] all = new int[n];
        for (int from = 0; from < n; from += 1000) {
            try (Scope s = Scope.open()) {
                int[] some = learner.predict(rows.rows(IntStream.range(from, Math.min(n, from + 1000))
                                        .toArray())
                                .inputs())
                        .classes();
                System.arraycopy(some, 0, all, from, some.length);
            }
        }
        return all;
    }

    /** One order: accuracies at twenty moments and at the ends of parts. */
    private static void streamed(Method m, Setting<?> setting, FrozenFeatures f, long seed, List<Row> rows) {
        Scenario s = stream(f, m.announced, seed);
        MetricLog log = new MetricLog();
        UpdateEvaluator updates = new UpdateEvaluator(
                s, Math.max(1, Run.plannedSteps(s) / 20), -1, Rng.of(seed).child("evaluate"));
        try (Scope all = Scope.open();
                Learner learner = setting.create(s)) {
            Run run = new Run(
                            learner,
                            s,
                            List.of(updates, new TaskEvaluator(s)),
                            log,
                            Rng.of(seed).child("run"))
                    .finish();
            Anytime a = Anytime.of(
                    updates.curves(log),
                    s.tests().stream().mapToLong(t -> t.data().size()).toArray());
            rows.add(new Row(m.name, BED, seed, LAST, 100 * a.last()));
            rows.add(new Row(m.name, BED, seed, AUC, 100 * a.areaUnderCurve()));
            rows.add(new Row(m.name, BED, seed, AVERAGE, 100 * a.average()));
            rows.add(new Row(m.name, BED, seed, "state kB", learner.footprint().bytes() / 1e3));
            rows.add(new Row(m.name, BED, seed, "learning s", run.learnSeconds()));
        }
    }

    /** Two orders of arrival against each other and against the sums of all rows, solved once. */
    private static void exact(StudyContext c, Size size, Setting<?> setting, FrozenFeatures f, List<Row> rows) {
        c.progress(rows.size(), -1, "two orders and joint ridge");
        Scenario a = stream(f, false, 1);
        Scenario b = stream(f, false, 2);
        GAcil.Config config = (GAcil.Config) setting.config;
        GAcil.Config sums = new GAcil.Config(
                config.features(),
                config.buffer(),
                config.expansion(),
                config.sigma(),
                true,
                config.gamma(),
                config.bias(),
                Form.GRAM);
        try (Scope all = Scope.open();
                Learner one = setting.create(a);
                Learner two = setting.create(b)) {
            double last = last(one, a, f.test(), 1);
            last(two, b, f.test(), 2);
            Tensor w = weight(one);
            double gap =
                    w.sub(weight(two)).abs().max().item_double() / w.abs().max().item_double();
            rows.add(new Row(GACIL, BED, 0, WEIGHTS, gap));
            int[] saidOne = said(one, f.test());
            int[] saidTwo = said(two, f.test());
            rows.add(new Row(
                    GACIL,
                    BED,
                    0,
                    DIFFER,
                    IntStream.range(0, saidOne.length)
                            .filter(i -> saidOne[i] != saidTwo[i])
                            .count()));
            double joint = joint(new Setting<>(new GAcil.Plugin(), sums), f, 1);
            rows.add(new Row("joint ridge", BED, 0, LAST, 100 * joint));
            rows.add(new Row(GACIL, BED, 0, JOINT, 100 * (last - joint)));
        }
    }

    /** W with columns by class id. */
    private static Tensor weight(Learner learner) {
        RidgeHead head = (RidgeHead) ((ClosedFormLearner) learner).head();
        return head.weight()
                .index_select(
                        1,
                        Tensors.ids(head.columns()
                                .columnsOf(IntStream.range(0, head.columns().size())
                                        .asLongStream()
                                        .toArray())));
    }

    private static double joint(Setting<?> setting, FrozenFeatures f, int epochs) {
        Scenario s = Joint.of(Dealing.offline(epochs, 16), f.train(), f.test());
        try (Scope all = Scope.open();
                Learner learner = setting.create(s)) {
            return last(learner, s, f.test(), 1);
        }
    }

    private static double spread(StudyContext c, Size size, Method m, Setting<?> setting, FrozenFeatures f) {
        List<Double> last = new ArrayList<>();
        for (long seed : c.seeds(size.orders)) {
            Scenario s = stream(f, m.announced, seed);
            try (Scope all = Scope.open();
                    Learner learner = setting.create(s)) {
                last.add(100 * last(learner, s, f.test(), seed));
            }
        }
        double mean = last.stream().mapToDouble(v -> v).average().orElseThrow();
        double squares = last.stream().mapToDouble(v -> (v - mean) * (v - mean)).sum();
        return Math.sqrt(squares / Math.max(1, last.size() - 1));
    }

    private static double value(List<Row> rows, String arm, String metric) {
        return rows.stream()
                .filter(r -> r.arm().equals(arm) && r.metric().equals(metric))
                .mapToDouble(Row::value)
                .findFirst()
                .orElseThrow();
    }
}
