package dev.holdfast.studies;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Loader;
import dev.holdfast.estimate.StreamingLda;
import dev.holdfast.evaluate.metric.FewShotScores;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.analytic.ClosedFormLearner;
import dev.holdfast.learner.analytic.FeatureSpace;
import dev.holdfast.learner.analytic.GAcil;
import dev.holdfast.learner.fewshot.BagConfig;
import dev.holdfast.learner.fewshot.BagConfig.Classifier;
import dev.holdfast.learner.fewshot.BagConfig.Tuning;
import dev.holdfast.learner.fewshot.FscilBag;
import dev.holdfast.learner.fewshot.FscilBagPlugin;
import dev.holdfast.loss.SupervisedContrastive;
import dev.holdfast.loss.SupervisedContrastive.Form;
import dev.holdfast.nn.Pass;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.study.Criterion;
import dev.holdfast.study.Findings;
import dev.holdfast.study.Findings.Row;
import dev.holdfast.study.Paper;
import dev.holdfast.study.Rule;
import dev.holdfast.study.Study;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Eight tricks for few-shot class-incremental learning, added one by one to a frozen network with class means.
 *
 * <p>Bed one: Fashion-MNIST and MNIST together, six classes of each as the base, then four sessions of one and one, five rows
 * a class. Bed two: letters, sixteen as the base, then five sessions of two, without the tricks that turn images. A network
 * is trained once; the five rows of each new class are drawn anew ten times for it (three times for each rate of tuning), and results are means over these draws.
 * "final" is after the last session; novel and base accuracies are those of the last session. No epoch is chosen by any
 * score. {@code ratio} is the mean distance between class means over the root mean squared distance from them, of unit
 * features of novel test rows before any novel row was learnt.
 *
 * <p>{@code quick}: 300 rows a base class, 4 epochs, one seed, baseline, tricks 1 to 3 and the full bag on bed one. {@code
 * full}: 600 rows, 8 epochs, two seeds, all rungs, rates of tuning, Fashion-MNIST alone, and letters.
 */
public final class FewShotTricks implements Study {
    private static final String BED = FewShotBed.BOTH;
    private static final String ALONE = "fashion alone";
    private static final String LETTERS = FewShotBed.LETTERS;
    private static final String AVERAGE = "average %";
    private static final String NOVEL = "novel %";
    private static final String DROP = "performance drop";
    private static final String RATIO = "ratio";
    private static final String LOST = "base points lost";
    private static final String BASELINE = "baseline";
    private static final String VIEWS = "views";
    private static final String BAG = "bag";
    private static final String FINETUNED = "full fine-tuning";

    /** A trained base, before and after its end. */
    private record Trained(State before, State after, double seconds) {}

    @Override
    public Paper paper() {
        return new Paper("03-fscil-bag", "A Bag of Tricks for Few-Shot Class-Incremental Learning", 2024, "2403.14392");
    }

    @Override
    public String claim() {
        return "Adding the tricks step by step improves stability, adaptability and overall accuracy, to the state of the art"
                + " (abstract, without figures).";
    }

    @Override
    public List<Criterion> criteria() {
        return List.of(
                new Criterion(
                        "average",
                        "the full bag is at least 1.5 points above the baseline in average accuracy",
                        new Rule.Paired(BED, AVERAGE, BAG, BASELINE, 1.5, false, 1),
                        true),
                new Criterion(
                        "novel",
                        "the full bag is at least 4 points above the baseline in novel accuracy",
                        new Rule.Paired(BED, NOVEL, BAG, BASELINE, 4, false, 1),
                        true),
                new Criterion(
                        "drop",
                        "the accuracy of the full bag drops less than that of the baseline",
                        new Rule.Paired(BED, DROP, BASELINE, BAG, 1e-9, false, 1),
                        true),
                new Criterion(
                        "room for new classes",
                        "tricks 1 to 3 raise the ratio of distances between and within novel classes by at least a tenth",
                        new Rule.Paired(BED, RATIO, VIEWS, BASELINE, 1.1, true, 1),
                        true),
                new Criterion(
                        "why freezing",
                        "full fine-tuning loses at least 15 points on base classes",
                        new Rule.Bound(BED, LOST, FINETUNED, 15, 100, 1),
                        true),
                new Criterion("rungs", "every rung, and every rate of tuning, is reported", new Rule.Report(), false));
    }

    @Override
    public Findings run(StudyContext c) {
        List<Row> rows = new ArrayList<>();
        List<String> some = List.of(BASELINE, VIEWS, BAG);
        switch (c.budget()) {
            case SMOKE -> {
                // the bundled sample; judged by nobody
                FewShotBed.Size tiny = new FewShotBed.Size(12, 4, 1, 1, List.of(4, 8), List.of(BASELINE, BAG));
                run(c, FewShotBed.alone(c.data("sample"), "smoke", tiny, 1), tiny, 1, rows);
            }
            case QUICK -> {
                FewShotBed.Size quick = new FewShotBed.Size(300, 50, 4, 10, List.of(16, 32, 64), some);
                run(c, FewShotBed.both(c.data("fashion"), c.data("mnist"), quick, 1), quick, 1, rows);
            }
            case FULL -> {
                FewShotBed.Size full = new FewShotBed.Size(600, 50, 8, 10, List.of(16, 32, 64), List.of());
                FewShotBed.Size letters = new FewShotBed.Size(400, 100, 20, 10, List.of(128, 64), List.of());
                for (long seed : c.seeds(2)) {
                    run(c, FewShotBed.both(c.data("fashion"), c.data("mnist"), full, seed), full, seed, rows);
                    FewShotBed.Size pair =
                            new FewShotBed.Size(600, 50, 8, 10, List.of(16, 32, 64), List.of(BASELINE, VIEWS));
                    run(c, FewShotBed.alone(c.data("fashion"), ALONE, pair, seed), pair, seed, rows);
                    run(
                            c,
                            FewShotBed.letters(c.data("tabular/letterrecognition.csv.gz?label=label"), letters, seed),
                            letters,
                            seed,
                            rows);
                }
            }
        }
        return new Findings(rows);
    }

    private static Map<String, BagConfig> rungs(FewShotBed bed, FewShotBed.Size size) {
        BagConfig baseline = BagConfig.baseline().with(bed.net());
        Map<String, BagConfig> all = new LinkedHashMap<>();
        if (bed.name().equals(LETTERS)) {
            // tricks 1, 2, 7, 4 and 5
            BagConfig c = baseline;
            all.put(BASELINE, c);
            all.put("contrast", c = c.withContrast(1, Form.BATCH));
            all.put("prototypes", c = c.withAssigned(BagConfig.Assigned.Use.CROSS_ENTROPY));
            all.put("pretraining", c = c.withPretraining(0));
            all.put("tuning", c = c.with(Tuning.lastStage()));
            all.put(BAG, c.with(Tuning.subnet(Tuning.Score.MAGNITUDE)));
        } else {
            all.putAll(FscilBagPlugin.ladder(baseline, 0));
        }
        if (!size.rungs().isEmpty()) {
            all.keySet().retainAll(size.rungs());
        }
        return all;
    }

    private void run(StudyContext c, FewShotBed bed, FewShotBed.Size size, long seed, List<Row> rows) {
        Map<BagConfig, Trained> trained = new LinkedHashMap<>();
        Trained frozen = null;
        for (Map.Entry<String, BagConfig> rung : rungs(bed, size).entrySet()) {
            if (c.cancelled()) {
                return;
            }
            c.progress(rows.size(), -1, rung.getKey() + ", " + bed.name() + ", seed " + seed);
            BagConfig config = rung.getValue();
            // tuning begins after the base, so rungs that differ in it share their base
            BagConfig base = config.with(Tuning.off()).with(Classifier.MEAN);
            Trained t = trained.get(base);
            t = t == null ? train(c, config, bed, size, seed) : ended(t, config, bed, size, seed);
            trained.putIfAbsent(base, t);
            frozen = frozen == null ? t : frozen;
            report(rung.getKey(), bed, seed, draws(c, config, bed, size, seed, t), rows);
            rows.add(new Row(rung.getKey(), bed.name(), seed, RATIO, ratio(config, bed, seed, t)));
            rows.add(new Row(rung.getKey(), bed.name(), seed, "learning s", t.seconds));
            if (rung.getKey().equals("width")
                    || bed.name().equals(LETTERS) && rung.getKey().equals("pretraining")) {
                rates(c, config, bed, size, seed, t, rows);
            }
            if (rung.getKey().equals(BAG) && c.budget() == StudyContext.Budget.FULL) {
                for (Classifier other : List.of(Classifier.ASSIGNED, Classifier.BLEND)) {
                    BagConfig stands = config.with(other);
                    report(
                            BAG + ", " + (other == Classifier.BLEND ? "half-way to prototypes" : "prototypes"),
                            bed,
                            seed,
                            draws(c, stands, bed, size, seed, ended(t, stands, bed, size, seed)),
                            rows);
                }
            }
        }
        BagConfig baseline = BagConfig.baseline().with(bed.net());
        report(FINETUNED, bed, seed, draws(c, FscilBagPlugin.fullFinetune(baseline), bed, size, seed, frozen), rows);
        Trained drawn = train(c, baseline.untrained(), bed, size, seed);
        report("NCM, random network", bed, seed, draws(c, baseline.untrained(), bed, size, seed, drawn), rows);
        FeatureSpace.Config features = new FeatureSpace.Config(FeatureSpace.Extractor.FIRST_PART, bed.net());
        others(
                c,
                "SLDA",
                new ClosedFormLearner.SldaPlugin(),
                new ClosedFormLearner.SldaConfig(
                        features, new StreamingLda.Config(1e-4, StreamingLda.Covariance.POOLED)),
                bed,
                size,
                seed,
                rows);
        GAcil.Config g = new GAcil.Plugin().defaults();
        others(
                c,
                "G-ACIL",
                new GAcil.Plugin(),
                new GAcil.Config(
                        features,
                        g.buffer(),
                        g.expansion(),
                        g.sigma(),
                        g.exposedUpdate(),
                        g.gamma(),
                        g.bias(),
                        g.form()),
                bed,
                size,
                seed,
                rows);
    }

    /** What tuning gives new classes and costs old ones, by its rates. */
    private static void rates(
            StudyContext c,
            BagConfig rung,
            FewShotBed bed,
            FewShotBed.Size size,
            long seed,
            Trained t,
            List<Row> rows) {
        for (double rate : new double[] {1e-3, 1e-2, 1e-1}) {
            for (double encoder : new double[] {0, 0.02, 0.2}) {
                BagConfig tuned = rung.with(Tuning.lastStage().withRates(rate, encoder));
                report(
                        "tuned at " + rate + ", encoder x " + encoder,
                        bed,
                        seed,
                        draws(c, tuned, bed, size.withDraws(3), seed, t),
                        rows);
            }
        }
    }

    private static FscilBag learner(BagConfig config, FewShotBed bed, long seed) {
        return new FscilBag(config, bed.train().schema(), Rng.of(seed).child("learner"));
    }

    private static Trained train(StudyContext c, BagConfig config, FewShotBed bed, FewShotBed.Size size, long seed) {
        try (Scope s = Scope.open();
                FscilBag l = learner(config, bed, seed)) {
            Experience e = bed.scenario(size, 0, seed).experiences().get(0);
            long from = System.nanoTime();
            l.begin(e);
            teach(c, l, e, seed);
            State before = l.state().copy();
            l.end(e);
            return new Trained(before, l.state().copy(), (System.nanoTime() - from) * 1e-9);
        }
    }

    /** A base trained under another configuration, which ends under this one. */
    private static Trained ended(Trained t, BagConfig config, FewShotBed bed, FewShotBed.Size size, long seed) {
        try (Scope s = Scope.open();
                FscilBag l = learner(config, bed, seed)) {
            l.load(t.before);
            l.end(bed.scenario(size, 0, seed).experiences().get(0));
            return new Trained(t.before, l.state().copy(), t.seconds);
        }
    }

    private static void teach(StudyContext c, Learner l, Experience e, long seed) {
        try (Loader batches = e.train().batches(e.pace(), Rng.of(seed).child("data", e.index()))) {
            while (batches.hasNext() && !c.cancelled()) {
                try (Scope step = Scope.open()) {
                    l.learn(batches.next());
                }
            }
        }
    }

    /** Scores of one draw of the few rows, with those of the two halves of mixed beds. */
    private record Draw(FewShotScores scores, double firstNovel, double secondNovel) {}

    private static List<Draw> draws(
            StudyContext c, BagConfig config, FewShotBed bed, FewShotBed.Size size, long seed, Trained t) {
        List<Draw> all = new ArrayList<>();
        for (int d = 0; d < size.draws() && !c.cancelled(); d++) {
            try (Scope s = Scope.open();
                    FscilBag l = learner(config, bed, seed)) {
                l.load(t.after);
                all.add(walk(c, l, bed, bed.scenario(size, d, seed), seed));
            }
        }
        return all;
    }

    /** Baselines that end their base in their own way learn it anew; their few rows are drawn as often. */
    private static <C extends Record> void others(
            StudyContext c,
            String arm,
            LearnerPlugin<C> plugin,
            C config,
            FewShotBed bed,
            FewShotBed.Size size,
            long seed,
            List<Row> rows) {
        List<Draw> all = new ArrayList<>();
        State after = null;
        for (int d = 0; d < size.draws() && !c.cancelled(); d++) {
            Scenario scenario = bed.scenario(size, d, seed);
            try (Scope s = Scope.open();
                    Learner l = plugin.create(
                            config, bed.train().schema(), Rng.of(seed).child("learner"))) {
                if (after == null) {
                    Experience e = scenario.experiences().get(0);
                    l.begin(e);
                    teach(c, l, e, seed);
                    l.end(e);
                    after = l.state().copy();
                } else {
                    l.load(after);
                }
                all.add(walk(c, l, bed, scenario, seed));
            }
        }
        report(arm, bed, seed, all, rows);
    }

    /** All sessions after a base that is learnt, scored after each. */
    private static Draw walk(StudyContext c, Learner l, FewShotBed bed, Scenario scenario, long seed) {
        int sessions = scenario.experiences().size();
        long[][] correct = new long[sessions][];
        long[][] total = new long[sessions][];
        for (int s = 0; s < sessions; s++) {
            Experience e = scenario.experiences().get(s);
            if (s > 0) {
                try (Scope scope = Scope.open()) {
                    l.begin(e);
                    teach(c, l, e, seed);
                    l.end(e);
                }
            }
            int classes = bed.base() + s * bed.way();
            correct[s] = new long[classes];
            total[s] = new long[classes];
            for (int j = 0; j <= s; j++) {
                count(l, scenario.tests().get(j).data(), correct[s], total[s]);
            }
        }
        FewShotScores scores = FewShotScores.of(bed.base(), bed.way(), correct, total);
        long[] right = correct[sessions - 1];
        long[] all = total[sessions - 1];
        return new Draw(scores, half(right, all, bed.base(), 0), half(right, all, bed.base(), 1));
    }

    /** Every second novel class. */
    private static double half(long[] right, long[] all, int base, int from) {
        double r = 0;
        double n = 0;
        for (int k = base + from; k < right.length; k += 2) {
            r += right[k];
            n += all[k];
        }
        return 100 * r / n;
    }

    private static void count(Learner l, Dataset test, long[] correct, long[] total) {
        long[] truth = test.classIds();
        for (int from = 0; from < truth.length; from += 500) {
            try (Scope s = Scope.open()) {
                int[] at = IntStream.range(from, Math.min(truth.length, from + 500))
                        .toArray();
                int[] said = l.predict(test.rows(at).inputs()).classes();
                for (int i = 0; i < at.length; i++) {
                    total[(int) truth[at[i]]]++;
                    correct[(int) truth[at[i]]] += said[i] == truth[at[i]] ? 1 : 0;
                }
            }
        }
    }

    private static void report(String arm, FewShotBed bed, long seed, List<Draw> draws, List<Row> rows) {
        if (draws.isEmpty()) {
            return;
        }
        put(arm, bed, seed, AVERAGE, draws, d -> d.scores.average(), rows);
        put(arm, bed, seed, "final %", draws, d -> d.scores.last().all(), rows);
        put(arm, bed, seed, "base %", draws, d -> d.scores.last().base(), rows);
        put(arm, bed, seed, NOVEL, draws, d -> d.scores.last().novel(), rows);
        put(arm, bed, seed, "harmonic %", draws, d -> d.scores.last().harmonic(), rows);
        put(arm, bed, seed, DROP, draws, d -> d.scores.performanceDrop(), rows);
        put(
                arm,
                bed,
                seed,
                LOST,
                draws,
                d -> d.scores.sessions().get(0).base() - d.scores.last().base(),
                rows);
        if (bed.split() >= 0) {
            put(arm, bed, seed, "novel fashion %", draws, Draw::firstNovel, rows);
            put(arm, bed, seed, "novel digits %", draws, Draw::secondNovel, rows);
        }
    }

    private static void put(
            String arm,
            FewShotBed bed,
            long seed,
            String metric,
            List<Draw> draws,
            ToDoubleFunction<Draw> of,
            List<Row> rows) {
        rows.add(new Row(
                arm,
                bed.name(),
                seed,
                metric,
                draws.stream().mapToDouble(of).average().orElseThrow()));
    }

    /** Distances between class means over those within classes, of unit features of novel test rows. */
    private static double ratio(BagConfig config, FewShotBed bed, long seed, Trained t) {
        try (Scope s = Scope.open();
                FscilBag l = learner(config, bed, seed);
                var mode = Autograd.noGrad()) {
            l.load(t.after);
            long[] ids = bed.test().classIds();
            List<Tensor> means = new ArrayList<>();
            double within = 0;
            int classes = bed.base() + bed.sessions() * bed.way();
            for (int k = bed.base(); k < classes; k++) {
                int id = k;
                Batch b = bed.test()
                        .rows(IntStream.range(0, ids.length)
                                .filter(i -> ids[i] == id)
                                .toArray());
                Tensor f = SupervisedContrastive.unit(l.model().features(b.inputs(), Pass.eval()));
                Tensor mean = f.mean(new long[] {0});
                within += f.sub(mean).square().sum(1).mean().item_double();
                means.add(mean);
            }
            double between = 0;
            for (int i = 0; i < means.size(); i++) {
                for (int j = 0; j < i; j++) {
                    between += means.get(i).sub(means.get(j)).norm().item_double();
                }
            }
            int n = means.size();
            return between / (n * (n - 1) / 2.0) / Math.sqrt(within / n);
        }
    }
}
