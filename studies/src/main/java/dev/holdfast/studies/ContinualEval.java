package dev.holdfast.studies;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.Splits;
import dev.holdfast.distill.SoftLogits;
import dev.holdfast.evaluate.GradientProbe;
import dev.holdfast.evaluate.Run;
import dev.holdfast.evaluate.TaskEvaluator;
import dev.holdfast.evaluate.UpdateEvaluator;
import dev.holdfast.evaluate.metric.AccuracyCurves;
import dev.holdfast.evaluate.metric.StabilityGap;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.learner.regularize.AnchoredLearner;
import dev.holdfast.learner.regularize.Lwf;
import dev.holdfast.learner.replay.EpisodicGem;
import dev.holdfast.learner.replay.ExperienceReplay;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.optim.transform.GradientSurgery;
import dev.holdfast.penalty.Anchored;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.MetricLog;
import dev.holdfast.run.Probe;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.DomainIncremental;
import dev.holdfast.scenario.ListedScenario;
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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The stability gap on Split-Fashion-MNIST (five tasks of two classes, one head) and on turned digits (three domains):
 * a multilayer perceptron 784-400-400-10, SGD with momentum 0.9 that is not reset between tasks, batches of 256, every
 * update evaluated on a subset that is drawn once.
 *
 * <p>With budget full, rate and strength of each method are chosen on tasks 1 and 2 with a tenth of their training rows
 * held back, two epochs a task, three rates and three strengths for each; else the rate is 0.1 and the strengths are those
 * in the middle.
 */
public final class ContinualEval implements Study {
    private static final String SPLIT = "Split-Fashion";
    private static final String TURNED = "Turned-MNIST";
    private static final String TURNED_45 = "Turned-MNIST by 45";
    private static final String DIP = "dip of task 1, points";
    private static final String RECOVERED = "dip made good, %";
    private static final String GAP = "ACC less min-ACC, points";
    private static final String FORG = "FORG, points";
    private static final String WF10 = "WF10, points";
    private static final String RATIO = "gs/gp at the switch, share of later";
    private static final String FIRST = "gs at the switch, no replay";
    private static final int CAPACITY = 2000;
    private static final int TASKS = 5;
    /** Updates after a switch in which a dip is looked for, and at a task's end for what is usual. */
    private static final int NEAR = 20;

    private static final double[] RATES = {0.1, 0.01, 0.001};

    /** A method with one rate and its own strength. */
    private interface Setting {
        Arm<?> with(double rate, double strength);
    }

    /**
     * @param strengths to choose from
     */
    private record Method(String name, List<Double> strengths, Setting setting) {
        Arm<?> middle() {
            return setting.with(RATES[0], strengths.get(strengths.size() / 2));
        }
    }

    private static final Method FINETUNE = new Method(
            "finetune",
            List.of(0.0),
            (rate, s) -> new Arm<>("finetune", new Finetune.Plugin(), Finetune.Config.of(net(rate))));
    private static final Method ER = new Method(
            "ER",
            List.of(0.3, 0.5, 0.7),
            (rate, a) -> new Arm<>(
                    "ER", new ExperienceReplay.Plugin(), ExperienceReplay.Config.mixed(net(rate), CAPACITY, a)));
    private static final Method GEM = new Method(
            "GEM",
            List.of(0.0, 0.5, 1.0),
            (rate, margin) -> new Arm<>(
                    "GEM",
                    new EpisodicGem.Plugin(),
                    new EpisodicGem.Config(net(rate), CAPACITY / TASKS, margin, GradientSurgery.EPSILON)));
    private static final Method LWF = new Method(
            "LwF",
            List.of(0.3, 1.0, 3.0),
            (rate, alpha) -> new Arm<>(
                    "LwF",
                    new Lwf.Plugin(),
                    new Lwf.Config(net(rate), alpha, 2, SoftLogits.Form.KL, Lwf.Over.SLICED, true)));
    private static final Method EWC = new Method(
            "EWC",
            List.of(1.0, 30.0, 1000.0),
            (rate, strength) -> new Arm<>(
                    "EWC",
                    new AnchoredLearner.EwcPlugin(),
                    new AnchoredLearner.EwcConfig(net(rate), Anchored.Config.averagedEwc(strength, 256))));

    @Override
    public Paper paper() {
        return new Paper(
                "06-continual-eval",
                "Continual evaluation for lifelong learning: Identifying the stability gap",
                2023,
                "2205.13452");
    }

    @Override
    public String claim() {
        return "Replay, constraint-based replay, distillation and parameter regularization all show a stability gap: right"
                + " after a switch to a new task, accuracy on earlier tasks collapses and then recovers, so the final"
                + " accuracy looks fine while the worst case (min-ACC, WC-ACC) is far lower; the gap grows with the"
                + " change between tasks.";
    }

    @Override
    public List<Criterion> criteria() {
        List<Criterion> all = new ArrayList<>();
        for (String arm : List.of("ER", "GEM")) {
            all.add(new Criterion(
                    "1 dip " + arm,
                    arm + ": accuracy of task 1 falls by at least 15 points within 20 updates of the switch to task 2",
                    atLeast(SPLIT, DIP, arm, 15),
                    true));
            all.add(new Criterion(
                    "1 recovery " + arm,
                    arm + ": at least 70 % of that dip is made good by the end of task 2",
                    atLeast(SPLIT, RECOVERED, arm, 70),
                    true));
        }
        all.add(new Criterion(
                "2 worst case", "ER: ACC less min-ACC is at least 10 points", atLeast(SPLIT, GAP, "ER", 10), true));
        all.add(new Criterion(
                "2 forgetting",
                "ER: forgetting against the ends of tasks is at most 15 points",
                new Rule.Bound(SPLIT, FORG, "ER", -100, 15, 1),
                true));
        all.add(new Criterion(
                "3 replay",
                "ER: ||g_s|| / ||g_p|| at the first update of task 2 is at most a quarter of its mean over the task's last 20",
                new Rule.Bound(SPLIT, RATIO, "ER", 0, 0.25, 1),
                true));
        all.add(new Criterion(
                "3 penalties",
                "LwF and EWC: ||g_s|| at the first update of task 2 is exactly 0",
                new Rule.Exact(FIRST, 0),
                true));
        all.add(new Criterion(
                "4 order",
                "ER: the dip of task 1 grows with the angle, 10 < 45 < 90 degrees",
                new Rule.Trend(TURNED, DIP, List.of("10°", "45°", "90°"), 1),
                true));
        all.add(new Criterion(
                "4 size",
                "ER: the dip at 90 degrees is at least 10 points deeper than at 10 degrees",
                new Rule.Paired(TURNED, DIP, "90°", "10°", 10, false, 1),
                true));
        all.add(new Criterion("5 window", "ER: WF10 is above 10 points", atLeast(SPLIT, WF10, "ER", 10), true));
        all.add(new Criterion(
                "LwF, EWC",
                "LwF and EWC do not recover in class-incremental learning with this network, so their gap is shown on"
                        + " digits turned by 45 degrees",
                new Rule.Report(),
                false));
        return all;
    }

    private static Rule atLeast(String bed, String metric, String arm, double low) {
        return new Rule.Bound(bed, metric, arm, low, 1000, 1);
    }

    @Override
    public Findings run(StudyContext c) {
        List<Row> rows = new ArrayList<>();
        switch (c.budget()) {
            case SMOKE -> {
                // the bundled sample, so that a look whether everything runs needs no download; judged by nobody
                DataPair data = few(c.data("sample"), 60);
                split(c, data, "smoke split", List.of(FINETUNE, ER, GEM, LWF, EWC), false, 1, 20, 1, rows);
                turned(c, data, "smoke turned", List.of(90), 20, 1, rows);
            }
            case QUICK -> split(c, c.data("fashion"), SPLIT, List.of(FINETUNE, ER, EWC), false, 2, 250, 1, rows);
            case FULL -> {
                split(c, c.data("fashion"), SPLIT, List.of(FINETUNE, ER, GEM, LWF, EWC), true, 5, 500, 2, rows);
                turned(c, c.data("mnist"), TURNED, List.of(10, 45, 90), 500, 2, rows);
            }
        }
        return new Findings(rows);
    }

    private void split(
            StudyContext c,
            DataPair data,
            String bed,
            List<Method> methods,
            boolean tune,
            int epochs,
            int subset,
            int seeds,
            List<Row> rows) {
        List<Arm<?>> arms = new ArrayList<>();
        for (Method m : methods) {
            arms.add(tune ? tuned(c, data.train(), m, bed, rows) : m.middle());
        }
        // everything at once, for the height of what could be reached
        arms.add(new Arm<>("joint", new Finetune.JointPlugin(), Finetune.Config.of(net(RATES[0]))));
        for (long seed : c.seeds(seeds)) {
            Scenario s = classes(data.train(), data.test(), epochs);
            for (int i = 0; i < arms.size() && !c.cancelled(); i++) {
                c.progress(rows.size(), -1, arms.get(i).name + ", " + bed + ", seed " + seed);
                arms.get(i).run(s, bed, arms.get(i).name, seed, subset, rows);
            }
        }
    }

    private static Scenario classes(Dataset train, Dataset test, int epochs) {
        return ClassIncremental.of(
                new ClassIncremental.Config(2, 2, ClassIncremental.Order.NATURAL, false, Dealing.offline(epochs, 256)),
                train,
                test,
                Rng.of(1));
    }

    /** Digits that are turned by 0, phi and 2 phi; ER at every angle, LwF and EWC at 45 degrees. */
    private void turned(
            StudyContext c, DataPair data, String bed, List<Integer> angles, int subset, int seeds, List<Row> rows) {
        for (long seed : c.seeds(seeds)) {
            for (int phi : angles) {
                Scenario s = DomainIncremental.of(
                        DomainIncremental.turning(3, phi, Dealing.offline(1, 256)),
                        data.train(),
                        data.test(),
                        Rng.of(1));
                List<Arm<?>> arms = phi == 45 ? List.of(ER.middle(), LWF.middle(), EWC.middle()) : List.of(ER.middle());
                for (int i = 0; i < arms.size() && !c.cancelled(); i++) {
                    c.progress(rows.size(), -1, arms.get(i).name + ", " + phi + " degrees, seed " + seed);
                    boolean er = i == 0;
                    arms.get(i).run(s, er ? bed : TURNED_45, er ? phi + "°" : arms.get(i).name, seed, subset, rows);
                }
            }
        }
    }

    /** The rate and strength with the best mean accuracy on held-back rows of tasks 1 and 2 when task 2 is over. */
    private static Arm<?> tuned(StudyContext c, Dataset train, Method m, String bed, List<Row> rows) {
        Splits.Split held = Splits.stratified(train.classIds(), 0.1, Rng.of(1).child("tuning"));
        Scenario all = classes(train.subset(held.train()), train.subset(held.test()), 2);
        Scenario two = new ListedScenario(
                "tuning",
                all.schema(),
                all.experiences().subList(0, 2),
                all.tests().subList(0, 2),
                false);
        Arm<?> best = null;
        double most = -1;
        Map<String, Double> chosen = new LinkedHashMap<>();
        for (double rate : RATES) {
            for (double strength : m.strengths) {
                c.progress(rows.size(), -1, "tuning " + m.name + ", rate " + rate + ", strength " + strength);
                Arm<?> arm = m.setting.with(rate, strength);
                double accuracy = c.cancelled() ? 0 : arm.finalAccuracy(two);
                if (accuracy > most) {
                    most = accuracy;
                    best = arm;
                    chosen.put("tuned rate", rate);
                    chosen.put("tuned strength", strength);
                    chosen.put("tuned accuracy, %", 100 * accuracy);
                }
            }
        }
        chosen.forEach((metric, value) -> rows.add(new Row(m.name, bed, 0, metric, value)));
        return best;
    }

    private static NetConfig net(double rate) {
        return new NetConfig(BackboneConfig.mlp(Init.KAIMING_UNIFORM, 400, 400), OptimizerConfig.sgd(rate, 0.9), true);
    }

    private static DataPair few(DataPair data, int perClass) {
        return new DataPair(data.name(), data.note(), few(data.train(), perClass), few(data.test(), perClass));
    }

    private static Dataset few(Dataset d, int perClass) {
        int classes = d.schema().classes().size();
        return d.subset(Splits.sample(d.classIds(), (long) perClass * classes, Rng.of(1)));
    }

    /** A learner with its settings. */
    private record Arm<C extends Record>(String name, LearnerPlugin<C> plugin, C config) {
        double finalAccuracy(Scenario s) {
            try (Scope all = Scope.open();
                    Learner learner =
                            plugin.create(config, s.schema(), Rng.of(0).child("learner"))) {
                List<Probe<Learner>> probes = List.of(new TaskEvaluator(s));
                Run run = new Run(learner, s, probes, new MetricLog(), Rng.of(0).child("run")).finish();
                double[][] a = run.log().square(TaskEvaluator.ACCURACY);
                return Arrays.stream(a[a.length - 1]).average().orElseThrow();
            }
        }

        void run(Scenario scenario, String bed, String arm, long seed, int subset, List<Row> rows) {
            Rng rng = Rng.of(seed);
            Scenario stream = plugin.arrange(scenario);
            try (Scope all = Scope.open();
                    Learner learner = plugin.create(config, scenario.schema(), rng.child("learner"))) {
                UpdateEvaluator updates = new UpdateEvaluator(stream, 1, subset, rng.child("evaluate"));
                Run run = new Run(
                        learner,
                        stream,
                        stream == scenario
                                ? List.of(updates, new TaskEvaluator(stream), new GradientProbe(1, 1))
                                : List.of(new TaskEvaluator(stream)),
                        new MetricLog(),
                        rng.child("run"));
                run.finish();
                double[][] square = run.log().square(TaskEvaluator.ACCURACY);
                double[] last = square[square.length - 1];
                rows.add(new Row(
                        arm,
                        bed,
                        seed,
                        "accuracy, all test rows, %",
                        100 * Arrays.stream(last).average().orElseThrow()));
                if (stream == scenario) {
                    gap(updates.curves(run.log()), bed, arm, seed, rows);
                    gradients(run.log(), bed, arm, seed, rows);
                }
                rows.add(new Row(arm, bed, seed, "learning s", run.learnSeconds()));
            }
        }

        private void gap(AccuracyCurves curves, String bed, String arm, long seed, List<Row> rows) {
            StabilityGap g = StabilityGap.of(curves);
            Map<String, Double> values = new LinkedHashMap<>();
            values.put("ACC, %", 100 * g.accuracy());
            values.put("min-ACC, %", 100 * g.minAccuracy());
            values.put("WC-ACC, %", 100 * g.worstCaseAccuracy());
            values.put(GAP, 100 * (g.accuracy() - g.minAccuracy()));
            values.put(FORG, 100 * g.forgetting());
            values.put(WF10, 100 * g.window(StabilityGap.SHORT).forgetting());
            values.put("WF100, points", 100 * g.window(StabilityGap.LONG).forgetting());
            values.put("WP10, points", 100 * g.window(StabilityGap.SHORT).plasticity());
            values.put("LCA, %", 100 * g.learningCurveArea());
            int[] task = curves.task();
            int switched = 0;
            while (task[switched] == 0) {
                switched++;
            }
            int over = switched;
            double least = 1;
            for (; over < task.length && task[over] == 1; over++) {
                if (over < switched + NEAR) {
                    least = Math.min(least, curves.accuracy()[over][0]);
                }
            }
            double before = curves.accuracy()[switched - 1][0];
            values.put("task 1 before the switch, %", 100 * before);
            values.put("task 1 at the end of task 2, %", 100 * curves.accuracy()[over - 1][0]);
            values.put(DIP, 100 * (before - least));
            if (before - least >= 0.01) {
                values.put(RECOVERED, 100 * (curves.accuracy()[over - 1][0] - least) / (before - least));
            }
            values.forEach((metric, value) -> rows.add(new Row(arm, bed, seed, metric, value)));
        }

        private void gradients(MetricLog log, String bed, String arm, long seed, List<Row> rows) {
            double[] p = values(log, GradientProbe.PLASTICITY);
            double[] s = values(log, GradientProbe.STABILITY);
            double usual = 0;
            int n = Math.min(NEAR, p.length);
            for (int i = p.length - n; i < p.length; i++) {
                usual += s[i] / p[i] / n;
            }
            rows.add(new Row(arm, bed, seed, "gs/gp at the switch", s[0] / p[0]));
            rows.add(new Row(arm, bed, seed, "gs/gp, last 20 of task 2", usual));
            if (config instanceof ExperienceReplay.Config) {
                rows.add(new Row(arm, bed, seed, RATIO, s[0] / p[0] / usual));
            }
            if (config instanceof Lwf.Config || config instanceof AnchoredLearner.EwcConfig) {
                rows.add(new Row(arm, bed, seed, FIRST, s[0]));
            }
        }

        private static double[] values(MetricLog log, String metric) {
            return log.of(metric).stream().mapToDouble(MetricLog.Entry::value).toArray();
        }
    }
}
