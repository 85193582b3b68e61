package dev.holdfast.studies;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.Schema;
import dev.holdfast.evaluate.Run;
import dev.holdfast.evaluate.TaskEvaluator;
import dev.holdfast.evaluate.metric.TaskForgetting;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.learner.analytic.ClosedFormLearner;
import dev.holdfast.learner.analytic.FeatureSpace;
import dev.holdfast.learner.analytic.GAcil;
import dev.holdfast.learner.prompt.L2p;
import dev.holdfast.learner.regularize.RehearsalFree;
import dev.holdfast.learner.regularize.RehearsalFreeConfig;
import dev.holdfast.learner.regularize.RehearsalFreeConfig.Classification;
import dev.holdfast.learner.regularize.RehearsalFreePlugin;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.registry.ScenarioPlugin;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.Joint;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.search.Bed;
import dev.holdfast.search.Candidate;
import dev.holdfast.search.Journal;
import dev.holdfast.search.SearchAxis;
import dev.holdfast.search.SearchSpace;
import dev.holdfast.search.Tuned;
import dev.holdfast.search.TwoPhase;
import dev.holdfast.study.Findings.Row;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.linalg.RecursiveRidge.Form;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/** Methods that store no rows on a stream of one data set: tuned on another, then scored. */
final class RegularizedBed {
    static final String ALL = "accuracy on all classes at the end, %";
    private static final String GLOBAL = "forgetting among all classes, points";
    private static final String LOCAL = "forgetting within the task, points";
    static final String CONFUSED = "forgetting among all classes less within the task, points";
    private static final String NEWEST = "accuracy on the newest task, %";
    private static final String SECONDS = "learning s";

    private RegularizedBed() {}

    /** A method: a combination of the four regularisers and what of it is tuned. */
    record Method(String name, RehearsalFreeConfig config, Map<String, String> axes) {
        static Method of(String name, String preset, String... axes) {
            return of(name, new RehearsalFreePlugin().presets().get(preset), axes);
        }

        static Method of(String name, RehearsalFreeConfig config, String... axes) {
            Map<String, String> all = new LinkedHashMap<>();
            all.put("net.optimizer.rate", "3e-4,1e-3,3e-3");
            for (String a : axes) {
                all.put(
                        a,
                        switch (a) {
                            case "l2" -> "0.01..10:log";
                            case "ewc" -> "1..1000:log";
                            default -> "0.01..1:log";
                        });
            }
            return new Method(name, config, all);
        }

        SearchSpace space() {
            return new SearchSpace(axes.entrySet().stream()
                    .map(e -> SearchAxis.parse(e.getKey(), e.getValue()))
                    .toList());
        }
    }

    /** The learner, from given weights where there are some. */
    record Started(NetLearner weights) implements LearnerPlugin<RehearsalFreeConfig> {
        @Override
        public String name() {
            return "rehearsal-free";
        }

        @Override
        public String summary() {
            return "";
        }

        @Override
        public RehearsalFreeConfig defaults() {
            return new RehearsalFreePlugin().defaults();
        }

        @Override
        public RehearsalFree create(RehearsalFreeConfig config, Schema schema, Rng rng) {
            RehearsalFree l = new RehearsalFree(config, schema, rng);
            if (weights != null) {
                l.startFrom(weights.model());
            }
            return l;
        }
    }

    static void run(
            StudyContext c,
            int trials,
            String bed,
            List<Method> methods,
            BackboneConfig net,
            Bed<?> tuning,
            NetLearner tuningWeights,
            Bed<?> scoring,
            NetLearner weights,
            List<Long> seeds,
            List<Row> rows) {
        List<Candidate<?>> candidates = new ArrayList<>();
        List<RehearsalFreeConfig> bases = new ArrayList<>();
        for (Method m : methods) {
            RehearsalFreeConfig base = ConfigBinder.set(
                    m.config,
                    Map.of(
                            "net.backbone.kind",
                            net.kind().name(),
                            "net.backbone.widths",
                            net.widths().stream()
                                    .map(String::valueOf)
                                    .reduce((a, b) -> a + "," + b)
                                    .orElse("")));
            bases.add(base);
            candidates.add(new Candidate<>(m.name, new Started(tuningWeights), base, m.space()));
        }
        List<Tuned> tuned;
        try {
            tuned = new TwoPhase(
                            TwoPhase.Config.defaults().withRuns(trials, 1, 1),
                            candidates,
                            Journal.inMemory(),
                            c::cancelled,
                            (learner, trial, seed) -> c.progress(
                                    rows.size(), -1, bed + ", tuning " + learner + ", setting " + (trial + 1)))
                    .tune(tuning);
        } catch (TwoPhase.Cancelled stopped) {
            return;
        }
        for (int i = 0; i < methods.size(); i++) {
            Method m = methods.get(i);
            Map<String, String> setting = tuned.get(i).setting();
            setting.forEach((option, value) ->
                    rows.add(new Row(m.name, bed, 0, option + " chosen", Double.parseDouble(value))));
            RehearsalFreeConfig config = ConfigBinder.set(bases.get(i), setting);
            for (long seed : seeds) {
                if (c.cancelled()) {
                    return;
                }
                c.progress(rows.size(), -1, bed + ", " + m.name + ", seed " + seed);
                Scenario s = stream(scoring, seed);
                try (Scope all = Scope.open();
                        Learner l = new Started(weights)
                                .create(config, s.schema(), Rng.of(seed).child("learner"))) {
                    scored(m.name, bed, l, s, seed, rows);
                }
            }
        }
    }

    /** Joint training of the same network, and two classifiers on features that stand still after the first part. */
    static void yardsticks(
            StudyContext c,
            int units,
            String bed,
            BackboneConfig net,
            Bed<?> scoring,
            NetLearner weights,
            List<Long> seeds,
            List<Row> rows) {
        FeatureSpace.Config features = weights == null
                ? new FeatureSpace.Config(FeatureSpace.Extractor.FIRST_PART, net(net))
                : FeatureSpace.Config.inputs();
        ClosedFormLearner.NcmConfig means = new ClosedFormLearner.NcmConfig(features);
        GAcil.Config ridge = GAcil.Config.of(features, units, 0.1, false, Form.RECURSIVE);
        for (long seed : seeds) {
            if (c.cancelled()) {
                return;
            }
            c.progress(rows.size(), -1, bed + ", yardsticks, seed " + seed);
            Scenario s = stream(scoring, seed);
            RehearsalFreeConfig joint =
                    RehearsalFreeConfig.of(net(net), 0, 0, 0, 0).with(Classification.SOFTMAX_ALL);
            try (Scope all = Scope.open();
                    Learner l = new Started(weights)
                            .create(joint, s.schema(), Rng.of(seed).child("learner"))) {
                scored("joint", bed, l, Joint.of(s), seed, rows);
            }
            try (Scope all = Scope.open()) {
                Scenario still = weights == null ? s : stream(seen(scoring, weights), seed);
                Rng rng = Rng.of(seed).child("learner");
                try (Learner l = new ClosedFormLearner.NcmPlugin().create(means, still.schema(), rng)) {
                    scored("nearest mean, frozen features", bed, l, still, seed, rows);
                }
                try (Learner l = new GAcil.Plugin().create(ridge, still.schema(), rng)) {
                    scored("G-ACIL, frozen features", bed, l, still, seed, rows);
                }
            }
        }
    }

    private static <S extends Record> Bed<S> seen(Bed<S> bed, NetLearner weights) {
        return new Bed<>(
                bed.plugin(),
                bed.config(),
                FrozenFeatures.seen(bed.train(), weights.model()),
                FrozenFeatures.seen(bed.test(), weights.model()));
    }

    private static void scored(String arm, String bed, Learner l, Scenario s, long seed, List<Row> rows) {
        Run run = new Run(
                        l,
                        s,
                        List.of(new TaskEvaluator(s), new TaskEvaluator(s, "local", true)),
                        new MetricLog(),
                        Rng.of(seed).child("run"))
                .finish();
        double[][] a = run.log().square(TaskEvaluator.ACCURACY);
        double[] last = a[a.length - 1];
        double right = 0;
        long n = 0;
        for (int j = 0; j < last.length; j++) {
            long size = s.tests().get(j).data().size();
            right += size * last[j];
            n += size;
        }
        rows.add(new Row(arm, bed, seed, ALL, 100 * right / n));
        if (a.length > 1) {
            double global = 100 * TaskForgetting.of(a);
            double local = 100 * TaskForgetting.of(run.log().square("local"));
            rows.add(new Row(arm, bed, seed, GLOBAL, global));
            rows.add(new Row(arm, bed, seed, LOCAL, local));
            rows.add(new Row(arm, bed, seed, CONFUSED, global - local));
            rows.add(new Row(
                    arm,
                    bed,
                    seed,
                    NEWEST,
                    100
                            * IntStream.range(0, a.length)
                                    .mapToDouble(k -> a[k][k])
                                    .average()
                                    .orElseThrow()));
        }
        rows.add(new Row(arm, bed, seed, SECONDS, run.learnSeconds()));
    }

    /** Prompts before the same transformer. */
    static void prompts(
            StudyContext c, String bed, Bed<?> scoring, NetLearner weights, List<Long> seeds, List<Row> rows) {
        L2p.Plugin plugin = new L2p.Plugin();
        L2p.Config config = ConfigBinder.set(plugin.defaults(), Map.of("pretrainEpochs", "0", "patch", "7"));
        for (long seed : seeds) {
            c.progress(rows.size(), -1, "prompts, seed " + seed);
            Scenario s = stream(scoring, seed);
            try (Scope all = Scope.open();
                    L2p l = plugin.create(config, s.schema(), Rng.of(seed).child("learner"))) {
                Map<String, Tensor> mine = l.model().state().tensors();
                try (var mode = Autograd.noGrad()) {
                    weights.model().state().tensors().forEach((name, t) -> {
                        if (!name.startsWith("head.")) {
                            mine.get("body." + name).copy_(t);
                        }
                    });
                }
                scored("L2P, prompts", bed, l, s, seed, rows);
            }
        }
    }

    static NetConfig net(BackboneConfig backbone) {
        return new NetConfig(backbone, OptimizerConfig.adam(1e-3), false);
    }

    /** Scored orders of classes come from another stream than those of tuning. */
    private static <S extends Record> Scenario stream(Bed<S> bed, long seed) {
        return bed.plugin()
                .create(bed.config(), bed.train(), bed.test(), Rng.of(seed).child("order"));
    }

    static Bed<?> laid(Dataset train, Dataset test, int increment, int epochs) {
        return laid(Registry.load().scenario("class-incremental"), train, test, increment, epochs);
    }

    private static <S extends Record> Bed<S> laid(
            ScenarioPlugin<S> plugin, Dataset train, Dataset test, int increment, int epochs) {
        S config = ConfigBinder.set(
                plugin.defaults(),
                Map.of(
                        "increment",
                        Integer.toString(increment),
                        "epochs",
                        Integer.toString(epochs),
                        "batchSize",
                        "32"));
        return new Bed<>(plugin, config, train, test);
    }
}
