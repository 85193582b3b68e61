package dev.holdfast.studies;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.estimate.LinearSoftmax;
import dev.holdfast.estimate.StreamingLda;
import dev.holdfast.evaluate.Run;
import dev.holdfast.evaluate.TaskEvaluator;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.analytic.ClosedFormLearner;
import dev.holdfast.learner.analytic.DeeSil;
import dev.holdfast.learner.analytic.FeatureSpace;
import dev.holdfast.learner.analytic.FeatureTranslation.Selector;
import dev.holdfast.learner.analytic.Fetril;
import dev.holdfast.learner.analytic.Fetril.Classifier;
import dev.holdfast.learner.analytic.GAcil;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.learner.regularize.Lwf;
import dev.holdfast.learner.regularize.RehearsalFreeConfig;
import dev.holdfast.learner.regularize.RehearsalFreePlugin;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.ConcatSource;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Joint;
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
import dev.holdfast.tensor.linalg.RecursiveRidge.Form;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Borrowed features for old classes: clothes and digits, twenty classes in a drawn order, the first ten at once and the
 * rest in five parts of two or ten of one, on the same 64 features of a ConvNet that was trained on the first ten.
 *
 * <p>C of all support vector machines, the rates of the softmax layer, of the fine-tuned head and of LwF-MC, and the
 * strength of LwF are each the best of three settings on a fifth of the training rows of the first ten classes, held back:
 * C and the layer's rate when these classes are learnt at once, the others over a stream of them in five parts. SLDA and
 * G-ACIL, which are only reported, are not tuned. Average incremental accuracy is the mean over states, the first included,
 * of accuracy on the test rows of all classes so far.
 *
 * <p>A second bed (full only): letters, thirteen at once and thirteen one by one, on 64 features of a perceptron that was
 * trained on the first thirteen in twenty passes.
 */
public final class BorrowedFeatures implements Study {
    private static final String FIVE = "10 + 5 x 2";
    private static final String TEN = "10 + 10 x 1";
    private static final String AVERAGE = "average incremental accuracy, %";
    private static final String LAST = "last accuracy, %";
    private static final String LOSS = "loss from T = 5 to T = 10, points";
    private static final String STATE = "seconds a state, share of an epoch of fine-tuning the network";
    private static final String FETRIL = "FeTrIL";
    private static final String LWF_MC = "LwF-MC, head";
    private static final String LETTERS = "letters, 13 + 13 x 1";
    private static final String BOUND = "SVM on all true features";

    /**
     * How much is done.
     *
     * @param variants whether other selectors are run as well
     */
    private record Size(
            List<DataPair> sets, int first, int perClass, int testPerClass, int epochs, int seeds, boolean variants) {}

    /** A learner with its configuration. */
    private record Arm<C extends Record>(String name, LearnerPlugin<C> plugin, C config) {}

    /** Accuracy on all classes seen, after each state, in percent. */
    private record Curve(List<Double> states, double secondsAState) {
        double average() {
            return states.stream().mapToDouble(v -> v).average().orElseThrow();
        }

        double last() {
            return states.get(states.size() - 1);
        }
    }

    @Override
    public Paper paper() {
        return new Paper(
                "18-fetril",
                "FeTrIL: Feature Translation for Exemplar-Free Class-Incremental Learning",
                2023,
                "2211.13131");
    }

    @Override
    public String claim() {
        return "With a frozen extractor, moving the features of new classes to the stored means of old ones repairs"
                + " classifiers that are learnt part by part: on CIFAR-100 in five parts 66.3 % against 60.0 % of DeeSIL,"
                + " and 65.2 % in ten, where DeeSIL falls to 50.6 %.";
    }

    @Override
    public List<Criterion> criteria() {
        return List.of(
                at(FIVE, "1 DeeSIL", "DeeSIL", 8, "FeTrIL is at least 8 points above DeeSIL in five parts"),
                at(
                        FIVE,
                        "2 NCM",
                        "NCM",
                        1,
                        "FeTrIL is at least 1 point above the nearest mean of normalised features in five parts"),
                at(
                        TEN,
                        "2 NCM, ten",
                        "NCM",
                        1,
                        "FeTrIL is at least 1 point above the nearest mean of normalised features in ten parts"),
                at(
                        FIVE,
                        "3 bound",
                        BOUND,
                        -3,
                        "FeTrIL is within 3 points of machines that are trained on the true features of all classes"),
                new Criterion(
                        "4 more parts",
                        "FeTrIL loses at most 4 points from five parts to ten",
                        new Rule.Bound(TEN, LOSS, FETRIL, -100, 4, 1),
                        true),
                at(FIVE, "5 LwF", "LwF, head", 10, "FeTrIL is at least 10 points above LwF of the head"),
                at(FIVE, "5 LwF-MC", LWF_MC, 10, "FeTrIL is at least 10 points above LwF-MC of the head"),
                at(FIVE, "6 layer", "FeTrIL, FC", -1, "Machines are at most 1 point below the softmax layer"),
                new Criterion(
                        "7 time",
                        "A state takes less than a fifth of an epoch of training the whole network on as many rows",
                        new Rule.Bound(FIVE, STATE, FETRIL, 0, 0.2, 1),
                        true),
                new Criterion(
                        "DeeSIL, ten",
                        "DeeSIL is left out of ten parts: a class that is alone in its part has no negatives",
                        new Rule.Report(),
                        false),
                new Criterion(
                        "letters",
                        "The second bed, letters as a perceptron 16-128-64 sees them, is run in full only and reported",
                        new Rule.Report(),
                        false),
                new Criterion("others", "The random selector, SLDA and G-ACIL are reported", new Rule.Report(), false));
    }

    private static Criterion at(String bed, String id, String baseline, double margin, String sentence) {
        return new Criterion(id, sentence, new Rule.Paired(bed, AVERAGE, FETRIL, baseline, margin, false, 1), true);
    }

    @Override
    public Findings run(StudyContext c) {
        List<Row> rows = new ArrayList<>();
        Size size =
                switch (c.budget()) {
                    case SMOKE -> new Size(List.of(c.data("sample")), 4, 30, 10, 1, 1, true);
                    case QUICK -> new Size(List.of(c.data("fashion"), c.data("mnist")), 10, 200, 200, 6, 1, false);
                    case FULL -> new Size(List.of(c.data("fashion"), c.data("mnist")), 10, 600, 1000, 6, 3, true);
                };
        for (long seed : c.seeds(size.seeds)) {
            if (!c.cancelled()) {
                seed(c, size, seed, rows);
            }
            if (c.budget() == StudyContext.Budget.FULL && !c.cancelled()) {
                letters(c, seed, rows);
            }
        }
        return new Findings(rows);
    }

    private static void seed(StudyContext c, Size size, long seed, List<Row> rows) {
        c.progress(rows.size(), -1, "training the extractor, seed " + seed);
        FrozenFeatures f =
                FrozenFeatures.of(size.sets, size.first, size.perClass, size.testPerClass, size.epochs, seed);
        List<Arm<?>> arms = arms(c, size, f, FIVE, rows, seed);
        int classes = f.train().schema().classes().size();
        FrozenFeatures unit = f.normalised();
        double fiveParts = run(c, f, unit, size, FIVE, Math.max(1, (classes - size.first) / 5), arms, seed, rows);
        double tenParts = run(c, f, unit, size, TEN, 1, arms, seed, rows);
        rows.add(new Row(FETRIL, TEN, seed, LOSS, fiveParts - tenParts));
        f.close();
        unit.close();
    }

    private static void letters(StudyContext c, long seed, List<Row> rows) {
        Size size =
                new Size(List.of(c.data("tabular/letterrecognition.csv.gz?label=label")), 13, 500, 200, 20, 1, true);
        c.progress(rows.size(), -1, "training the extractor of letters, seed " + seed);
        FrozenFeatures f = FrozenFeatures.of(
                size.sets,
                BackboneConfig.mlp(Init.KAIMING_UNIFORM, 128, 64),
                size.first,
                size.perClass,
                size.testPerClass,
                size.epochs,
                seed);
        FrozenFeatures unit = f.normalised();
        run(c, f, unit, size, LETTERS, 1, arms(c, size, f, LETTERS, rows, seed), seed, rows);
        f.close();
        unit.close();
    }

    /** All arms over one stream; FeTrIL's average. */
    private static double run(
            StudyContext c,
            FrozenFeatures f,
            FrozenFeatures unit,
            Size size,
            String bed,
            int increment,
            List<Arm<?>> arms,
            long seed,
            List<Row> rows) {
        Scenario plain = stream(f, size.first, increment);
        Scenario normalised = stream(unit, size.first, increment);
        double fetril = 0;
        for (Arm<?> arm : arms) {
            if (c.cancelled() || arm.name.equals("DeeSIL") && increment == 1) {
                continue;
            }
            c.progress(rows.size(), -1, arm.name + ", " + bed + ", seed " + seed);
            Scenario s = arm.name.equals("NCM") ? normalised : plain;
            Curve curve = arm.name.equals(BOUND) ? bound(arm, s, seed) : curve(arm, s, seed);
            rows.add(new Row(arm.name, bed, seed, AVERAGE, curve.average()));
            rows.add(new Row(arm.name, bed, seed, LAST, curve.last()));
            rows.add(new Row(
                    arm.name,
                    bed,
                    seed,
                    "learning s",
                    curve.secondsAState * s.experiences().size()));
            if (arm.name.equals(FETRIL)) {
                fetril = curve.average();
                if (bed.equals(FIVE) && c.budget() != StudyContext.Budget.SMOKE) {
                    // an epoch of the extractor saw the first classes; a later part is smaller
                    double share = s.experiences().get(1).train().size()
                            / (double) s.experiences().get(0).train().size();
                    rows.add(new Row(FETRIL, bed, seed, STATE, curve.secondsAState / (f.epochSeconds() * share)));
                }
            }
        }
        return fetril;
    }

    private static List<Arm<?>> arms(
            StudyContext c, Size size, FrozenFeatures f, String bed, List<Row> rows, long seed) {
        List<Arm<?>> arms = new ArrayList<>();
        FrozenFeatures held = firstClasses(size, f);
        Fetril.Config machines = best(List.of(machines(0.1), machines(1), machines(10)), held);
        Fetril.Config layer = best(List.of(layer(0.05), layer(0.5), layer(5)), held);
        double svm = machines.c();
        rows.add(new Row("all machines", bed, seed, "C chosen", svm));
        rows.add(new Row("FeTrIL, FC", bed, seed, "rate chosen", layer.fc().rate()));
        arms.add(fetril(FETRIL, machines));
        arms.add(fetril("FeTrIL, RANDOM", machines.with(Selector.RANDOM, Classifier.SVC, svm)));
        if (size.variants) {
            arms.add(fetril("FeTrIL, HERDING", machines.with(Selector.HERDING, Classifier.SVC, svm)));
            arms.add(fetril(
                    "FeTrIL, second nearest",
                    machines.with(Selector.KTH, Classifier.SVC, svm).withRank(2)));
        }
        arms.add(fetril("FeTrIL, FC", layer));
        arms.add(new Arm<>("DeeSIL", new DeeSil.Plugin(), new DeeSil.Config(FeatureSpace.Config.inputs(), svm, 1e-6)));
        for (String name : List.of("NCM", "NCM, raw features")) {
            arms.add(new Arm<>(
                    name,
                    new ClosedFormLearner.NcmPlugin(),
                    new ClosedFormLearner.NcmConfig(FeatureSpace.Config.inputs())));
        }
        arms.add(new Arm<>(
                "SLDA",
                new ClosedFormLearner.SldaPlugin(),
                new ClosedFormLearner.SldaConfig(
                        FeatureSpace.Config.inputs(), new StreamingLda.Config(1e-4, StreamingLda.Covariance.POOLED))));
        arms.add(new Arm<>(
                "G-ACIL",
                new GAcil.Plugin(),
                GAcil.Config.of(FeatureSpace.Config.inputs(), 1024, 0.1, false, Form.RECURSIVE)));
        List<Arm<?>> heads = new ArrayList<>();
        List<Arm<?>> sigmoids = new ArrayList<>();
        List<Arm<?>> distilled = new ArrayList<>();
        for (double rate : new double[] {1e-4, 1e-3, 1e-2}) {
            sigmoids.add(
                    new Arm<>(LWF_MC, new RehearsalFreePlugin.LwfMc(), RehearsalFreeConfig.of(head(rate), 1, 0, 0, 0)));
            heads.add(new Arm<>("fine-tuned head", new Finetune.Plugin(), Finetune.Config.of(head(rate))));
        }
        for (double strength : new double[] {1, 10, 100}) {
            distilled.add(new Arm<>("LwF, head", new Lwf.Plugin(), Lwf.Config.of(head(1e-3), strength, 2)));
        }
        arms.add(tuned(c, size, held, heads, bed, rows, seed));
        arms.add(tuned(c, size, held, distilled, bed, rows, seed));
        arms.add(tuned(c, size, held, sigmoids, bed, rows, seed));
        arms.add(fetril(BOUND, machines));
        return arms;
    }

    private static NetConfig head(double rate) {
        return new NetConfig(BackboneConfig.linear(), OptimizerConfig.adam(rate), false);
    }

    private static Fetril.Config machines(double c) {
        return Fetril.Config.of(FeatureSpace.Config.inputs()).with(Selector.NEAREST, Classifier.SVC, c);
    }

    private static Fetril.Config layer(double rate) {
        Fetril.Config of = Fetril.Config.of(FeatureSpace.Config.inputs());
        return new Fetril.Config(
                of.features(),
                of.selector(),
                of.similarity(),
                of.rank(),
                Classifier.FC,
                of.c(),
                of.tolerance(),
                new LinearSoftmax.Config(50, rate, 0.9, 5e-4, 128),
                of.maxPseudoPerClass(),
                of.warmStart(),
                of.returning());
    }

    private static Arm<Fetril.Config> fetril(String name, Fetril.Config config) {
        return new Arm<>(name, new Fetril.Plugin(), config);
    }

    private static Scenario stream(FrozenFeatures f, int first, int increment) {
        return ClassIncremental.of(
                new ClassIncremental.Config(
                        first, increment, ClassIncremental.Order.NATURAL, false, Dealing.offline(5, 64)),
                f.train(),
                f.test(),
                Rng.of(1));
    }

    /** The rows of the first classes, a fifth of them as test rows. */
    private static FrozenFeatures firstClasses(Size size, FrozenFeatures f) {
        long[] ids = f.train().classIds();
        FrozenFeatures first = new FrozenFeatures(
                f.train()
                        .subset(IntStream.range(0, ids.length)
                                .filter(i -> ids[i] < size.first)
                                .toArray())
                        .withSchema(f.train()
                                .schema()
                                .withClasses(ClassIndex.of(
                                        f.train().schema().classes().columns().subList(0, size.first)))),
                f.test(),
                f.epochSeconds());
        return first.heldBack(0.2, Rng.of(1).child("tuning"));
    }

    /** The best of these on held-back rows of the first classes, learnt at once. */
    private static Fetril.Config best(List<Fetril.Config> settings, FrozenFeatures held) {
        Fetril.Config best = settings.get(0);
        double most = -1;
        Scenario all = Joint.of(Dealing.offline(1, 64), held.train(), held.test());
        for (Fetril.Config setting : settings) {
            double accuracy = curve(new Arm<>(FETRIL, new Fetril.Plugin(), setting), all, 1)
                    .last();
            if (accuracy > most) {
                most = accuracy;
                best = setting;
            }
        }
        return best;
    }

    private static Arm<?> tuned(
            StudyContext c,
            Size size,
            FrozenFeatures held,
            List<Arm<?>> settings,
            String bed,
            List<Row> rows,
            long seed) {
        int increment = Math.max(1, size.first / 5);
        Scenario s = stream(held, size.first - increment * Math.min(4, (size.first - 1) / increment), increment);
        int best = 0;
        double most = -1;
        for (int i = 0; i < settings.size() && !c.cancelled(); i++) {
            double average = curve(settings.get(i), s, 1).average();
            if (average > most) {
                most = average;
                best = i;
            }
        }
        rows.add(new Row(settings.get(best).name, bed, seed, "setting chosen, of " + settings.size(), best + 1));
        return settings.get(best);
    }

    /** A learner over a stream; a stream of one part is scored on all its test sets. */
    private static <C extends Record> Curve curve(Arm<C> arm, Scenario s, long seed) {
        try (Scope all = Scope.open();
                Learner learner =
                        arm.plugin.create(arm.config, s.schema(), Rng.of(seed).child("learner"))) {
            Run run = new Run(
                            learner,
                            s,
                            List.of(new TaskEvaluator(s)),
                            new MetricLog(),
                            Rng.of(seed).child("run"))
                    .finish();
            double[][] a = run.log().square(TaskEvaluator.ACCURACY);
            List<Double> states = new ArrayList<>();
            for (int k = 0; k < a.length; k++) {
                states.add(100 * overRows(a[k], s, a.length == 1 ? a[0].length - 1 : k));
            }
            return new Curve(states, run.learnSeconds() / a.length);
        }
    }

    /** Accuracy on the test rows of tasks 0..k together. */
    private static double overRows(double[] accuracy, Scenario s, int k) {
        double right = 0;
        long rows = 0;
        for (int j = 0; j <= k; j++) {
            long n = s.tests().get(j).data().size();
            right += n * accuracy[j];
            rows += n;
        }
        return right / rows;
    }

    /** In every state a fresh learner gets the true rows of all classes so far. */
    private static Curve bound(Arm<?> arm, Scenario s, long seed) {
        List<Double> states = new ArrayList<>();
        double seconds = 0;
        for (int k = 0; k < s.experiences().size(); k++) {
            List<Experience> soFar = s.experiences().subList(0, k + 1);
            Experience e = new Experience(
                    0,
                    0,
                    new ConcatSource(soFar.stream().map(Experience::train).toList()),
                    s.schema().classes(),
                    true,
                    s.experiences().get(0).pace());
            Scenario joint = new ListedScenario(
                    "all so far", s.schema(), List.of(e), s.tests().subList(0, k + 1), false);
            Curve one = curve(arm, joint, seed);
            states.add(one.last());
            seconds += one.secondsAState;
        }
        return new Curve(states, seconds / states.size());
    }
}
