package dev.holdfast.studies;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.augment.ImageOps;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.corrupt.ImageShift;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.source.Splits;
import dev.holdfast.estimate.PrototypeCalibration;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.prototype.AdaptationConfig;
import dev.holdfast.learner.prototype.Csfa;
import dev.holdfast.math.Bootstrap;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Norm;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Gilcd;
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
import dev.holdfast.tensor.State;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Calibrated source-free adaptation against a frozen network, its parts and its rivals, on streams in which new classes
 * arrive with five labels each while the inputs drift.
 *
 * <p>Six base classes, then two and two; five sessions (as it is, noise, low contrast, blur, noise again). All arms of a
 * seed start from the same base and see the same rows. Every arm that adapts gets six settings (learning rate and the
 * entropy below which rows are trusted, or six learning rates), tried once on the seed 100; the weight of the calibration
 * is the one of four with the largest harmonic mean of base and new-class accuracy there. The wild streams use the same
 * settings.
 *
 * <p>{@code quick}: Fashion-MNIST at 14x14 pixels, 9,000 base rows, sessions of 1000 rows, one seed, streams as they are,
 * with garbage (a third digits) and sorted by class. {@code full}: 18,000 base rows, sessions of 2000 rows, five seeds,
 * also MNIST and glosses, and batches of four rows.
 */
public final class DriftingClasses implements Study {
    private static final String FASHION = "fashion";
    private static final String GARBAGE = "fashion, garbage";
    private static final String SORTED = "fashion, by class";
    private static final String ALL = "accuracy %";
    private static final String DRIFTED = "accuracy under drift %";
    private static final String NEW = "new classes %";
    private static final String BASE = "base classes %";
    private static final String NCM = "frozen NCM";
    private static final String TEEN = "TEEN";
    private static final String TENT = "TENT";
    private static final String SAR = "SAR";
    private static final String RSGS = "RSGS";
    private static final long TUNING = 100;

    /** How much is run. */
    private record Size(int baseRows, int epochs, int sessionRows, int seeds, boolean full) {}

    /** Data of a bed, the network for it, and its drifts. */
    private record Bed(
            String name,
            Dataset train,
            Dataset test,
            Dataset garbage,
            NetConfig net,
            int frozenBlocks,
            Gilcd.Config stream) {}

    /** One arm with its settings to choose from. */
    private record Arm(String name, List<Csfa.Config> settings, boolean labels) {}

    @Override
    public Paper paper() {
        return new Paper(
                "21-csfa",
                "Generalized Incremental Learning under Concept Drift across Evolving Data Streams",
                2025,
                "2506.05736");
    }

    @Override
    public String claim() {
        return "Calibrated prototypes and reliable surrogate-gap sharpness-aware adaptation are superior to the state of the"
                + " art in accuracy where classes and distribution change at once (abstract, without figures).";
    }

    @Override
    public List<Criterion> criteria() {
        return List.of(
                new Criterion(
                        "calibration, new",
                        "calibration lifts the accuracy on new classes by at least 2 points",
                        new Rule.Paired(FASHION, NEW, TEEN, NCM, 2, false, 1),
                        true),
                new Criterion(
                        "calibration, base",
                        "calibration costs at most 2 points on base classes",
                        new Rule.Paired(FASHION, BASE, TEEN, NCM, -2, false, 1),
                        true),
                new Criterion(
                        "drift",
                        "in sessions with drift RSGS is at least 1 point above the frozen network",
                        new Rule.Paired(FASHION, DRIFTED, RSGS, NCM, 1, false, 1),
                        true),
                new Criterion(
                        "stability",
                        "in no seed is RSGS more than 2 points below the frozen network",
                        new Rule.Paired(FASHION, DRIFTED, RSGS, NCM, -2, false, 0.9999),
                        true),
                new Criterion(
                        "garbage",
                        "with garbage in the stream RSGS is at least 2 points above TENT",
                        new Rule.Paired(GARBAGE, ALL, RSGS, TENT, 2, false, 1),
                        true),
                new Criterion(
                        "sorted by class",
                        "on streams sorted by class RSGS is at least 2 points above TENT",
                        new Rule.Paired(SORTED, ALL, RSGS, TENT, 2, false, 1),
                        true),
                new Criterion(
                        "gap",
                        "what the surrogate gap adds to SAR is reported, with its interval",
                        new Rule.Report(),
                        false));
    }

    @Override
    public Findings run(StudyContext c) {
        List<Row> rows = new ArrayList<>();
        switch (c.budget()) {
            case SMOKE -> {
                // the bundled sample; judged by nobody
                Size tiny = new Size(300, 1, 60, 1, false);
                run(c, images(c.data("sample"), "smoke", null, tiny), tiny, rows);
            }
            case QUICK -> {
                Size quick = new Size(9_000, 3, 1000, 1, false);
                run(c, images(c.data("fashion"), FASHION, c.data("mnist").test(), quick), quick, rows);
            }
            case FULL -> {
                Size full = new Size(18_000, 3, 2000, 5, true);
                run(c, images(c.data("fashion"), FASHION, c.data("mnist").test(), full), full, rows);
                run(c, images(c.data("mnist"), "mnist", c.data("fashion").test(), full), full, rows);
                Size texts = new Size(3_600, 10, 1000, 5, true);
                run(c, glosses(c.data(GLOSSES), texts), texts, rows);
            }
        }
        return new Findings(rows);
    }

    private static final String GLOSSES = "text/wordnet.csv.gz?label=lexname&text=gloss&rows=24000";

    /** Images at half their size; the garbage is another data set's test images. */
    private static Bed images(DataPair data, String name, Dataset garbage, Size size) {
        NetConfig net = new NetConfig(
                new BackboneConfig(BackboneConfig.Kind.CONVNET, List.of(16, 32, 64), Init.KAIMING_UNIFORM, Norm.GROUP),
                OptimizerConfig.adam(1e-3),
                false);
        Gilcd.Config stream = Gilcd.Config.images(Dealing.offline(size.epochs, 64))
                .withClasses(6, 2)
                .withRows(size.sessionRows);
        return new Bed(
                name,
                pooled(data.train()),
                pooled(data.test()),
                garbage == null ? null : pooled(garbage),
                net,
                1,
                stream);
    }

    private static Dataset pooled(Dataset d) {
        try (Scope s = Scope.open()) {
            Batch all = d.rows(IntStream.range(0, (int) d.size()).toArray());
            Schema.Field f = d.schema().inputs().get(0);
            Schema half = Schema.of(
                    new Schema.Field(
                            f.name(),
                            f.kind(),
                            List.of(
                                    f.shape().get(0),
                                    f.shape().get(1) / 2,
                                    f.shape().get(2) / 2),
                            0),
                    Target.ClassIds.class,
                    d.schema().classes());
            return MemoryDataset.of(
                    half,
                    Inputs.of(
                            Map.of(f.name(), ImageOps.pool(all.inputs().x(), 2).contiguous())),
                    Target.ClassIds.of(all.classIds()),
                    all.rows().ids());
        }
    }

    /** Sentence vectors of the ten largest classes; an adapter of one linear layer and a norm is what adapts. */
    private static Bed glosses(DataPair data, Size size) {
        Map<Long, Integer> counts = Splits.counts(data.train().classIds());
        List<ClassIndex.Column> largest = counts.entrySet().stream()
                .sorted(Map.Entry.<Long, Integer>comparingByValue(Comparator.reverseOrder())
                        .thenComparing(Map.Entry.comparingByKey()))
                .limit(10)
                .map(e -> data.schema()
                        .classes()
                        .columns()
                        .get(data.schema().classes().columnOf(e.getKey().intValue())))
                .toList();
        ClassIndex ten = ClassIndex.of(largest);
        NetConfig net = new NetConfig(
                new BackboneConfig(BackboneConfig.Kind.MLP, List.of(128), Init.KAIMING_UNIFORM, Norm.LAYER),
                OptimizerConfig.adam(1e-3),
                false);
        // entries of these vectors are about 0.05 large
        Gilcd.Config stream = Gilcd.Config.images(Dealing.offline(size.epochs, 64))
                .withClasses(6, 2)
                .withRows(size.sessionRows)
                .withDrifts(List.of(
                        new ImageShift.None(),
                        ImageShift.featureNoise(0.05),
                        new ImageShift.Scaling(0.5),
                        new ImageShift.Scaling(1),
                        ImageShift.featureNoise(0.05)));
        return new Bed("glosses", only(data.train(), ten), only(data.test(), ten), null, net, 0, stream);
    }

    private static Dataset only(Dataset d, ClassIndex classes) {
        long[] ids = d.classIds();
        int[] at = IntStream.range(0, ids.length)
                .filter(i -> classes.columnOf((int) ids[i]) >= 0)
                .toArray();
        try (Scope s = Scope.open()) {
            Batch all = d.rows(at);
            return MemoryDataset.of(
                    d.schema().withClasses(classes),
                    Inputs.of(Map.of(
                            d.schema().inputs().get(0).name(), all.inputs().x())),
                    Target.ClassIds.of(all.classIds()),
                    all.rows().ids());
        }
    }

    private void run(StudyContext c, Bed bed, Size size, List<Row> rows) {
        List<Arm> arms = choose(c, bed, size, rows);
        Map<String, Gilcd.Config> streams = new LinkedHashMap<>();
        streams.put(bed.name, bed.stream);
        if (bed.frozenBlocks > 0) {
            int batch = bed.stream.batchSize();
            streams.put(bed.name + ", garbage", bed.stream.wild(batch, Gilcd.Order.SHUFFLED, 0.3));
            streams.put(bed.name + ", by class", bed.stream.wild(batch, Gilcd.Order.BY_CLASS, 0));
            if (size.full) {
                streams.put(
                        bed.name + ", batches of 4",
                        bed.stream.wild(4, Gilcd.Order.SHUFFLED, 0).withRows(size.sessionRows / 4));
            }
        }
        Map<String, Map<Long, Double>> gain = new LinkedHashMap<>();
        for (long seed : c.seeds(size.seeds)) {
            State base = null;
            for (Map.Entry<String, Gilcd.Config> stream : streams.entrySet()) {
                Scenario scenario = scenario(bed, size, stream.getValue(), seed);
                base = base == null ? base(c, bed, scenario, seed) : base;
                Map<String, StreamOutcome> outcomes = new HashMap<>();
                for (Arm arm : arms) {
                    if (c.cancelled()) {
                        return;
                    }
                    c.progress(rows.size(), -1, arm.name + ", " + stream.getKey() + ", seed " + seed);
                    StreamOutcome o = outcome(arm.settings.get(0), bed, scenario, base, seed, arm.labels);
                    outcomes.put(arm.name, o);
                    report(arm.name, stream.getKey(), seed, o, rows);
                }
                gain.computeIfAbsent(stream.getKey(), k -> new TreeMap<>())
                        .put(seed, outcomes.get(RSGS).all() - outcomes.get(SAR).all());
            }
        }
        gain.forEach((stream, bySeed) -> interval(c, stream, bySeed, rows));
    }

    /** What the surrogate gap adds to SAR. */
    private static void interval(StudyContext c, String stream, Map<Long, Double> bySeed, List<Row> rows) {
        bySeed.forEach((seed, d) -> rows.add(new Row("RSGS less SAR", stream, seed, "points", d)));
        if (bySeed.size() > 1) {
            double[] d =
                    bySeed.values().stream().mapToDouble(Double::doubleValue).toArray();
            Bootstrap.Interval i = Bootstrap.mean(d, 0.95, 10_000, c.rng().child("interval")::below);
            rows.add(new Row("RSGS less SAR", stream, 0, "points, 95 % from", i.low()));
            rows.add(new Row("RSGS less SAR", stream, 0, "points, 95 % to", i.high()));
        }
    }

    private static void report(String arm, String stream, long seed, StreamOutcome o, List<Row> rows) {
        rows.add(new Row(arm, stream, seed, ALL, o.all()));
        rows.add(new Row(arm, stream, seed, DRIFTED, o.drifted()));
        rows.add(new Row(arm, stream, seed, NEW, o.fresh()));
        rows.add(new Row(arm, stream, seed, BASE, o.base()));
        if (o.resets() > 0) {
            rows.add(new Row(arm, stream, seed, "times put back", o.resets()));
        }
    }

    private static Scenario scenario(Bed bed, Size size, Gilcd.Config stream, long seed) {
        Rng rng = Rng.of(seed).child("drifting-classes");
        long n = bed.train.schema().classes().size();
        int wanted = (int) Math.min(bed.train.size(), size.baseRows * n / 6);
        Dataset some = bed.train.subset(Splits.sample(bed.train.classIds(), wanted, rng.child("rows")));
        return Gilcd.of(stream, some, bed.test, bed.garbage, rng.child("stream"));
    }

    private static Csfa.Config config(Bed bed) {
        return Csfa.Config.of(bed.net).with(AdaptationConfig.defaults().withFrozenBlocks(bed.frozenBlocks));
    }

    private static Csfa learner(Csfa.Config config, Bed bed, long seed) {
        return new Csfa(config, bed.train.schema(), Rng.of(seed).child("learner"));
    }

    /** The learner after its base: the same for all arms. */
    private static State base(StudyContext c, Bed bed, Scenario scenario, long seed) {
        c.progress(0, -1, "base of " + bed.name + ", seed " + seed);
        try (Scope s = Scope.open();
                Csfa l = learner(config(bed), bed, seed)) {
            Experience e = scenario.experiences().get(0);
            l.begin(e);
            try (Loader batches = e.train().batches(e.pace(), Rng.of(seed).child("base"))) {
                while (batches.hasNext() && !c.cancelled()) {
                    try (Scope step = Scope.open()) {
                        l.learn(batches.next());
                    }
                }
            }
            l.end(e);
            return l.state().copy();
        }
    }

    /** Every arm with the settings that were best on the tuning seed. */
    private List<Arm> choose(StudyContext c, Bed bed, Size size, List<Row> rows) {
        Scenario scenario = scenario(bed, size, bed.stream, TUNING);
        State base = base(c, bed, scenario, TUNING);
        Csfa.Config all = config(bed);
        Csfa.Config plain = all.with(new PrototypeCalibration(0, 16));
        Csfa.Config calibrated = null;
        double best = Double.NEGATIVE_INFINITY;
        for (double alpha : new double[] {0, 0.1, 0.3, 0.5}) {
            Csfa.Config tried = all.with(new PrototypeCalibration(alpha, 16));
            double v = outcome(tried.with(tried.adapt().frozen()), bed, scenario, base, TUNING, false)
                    .harmonic();
            if (v > best) {
                best = v;
                calibrated = tried;
            }
        }
        rows.add(new Row(
                TEEN, bed.name, TUNING, "chosen alpha", calibrated.calibration().alpha()));
        List<Arm> chosen = new ArrayList<>();
        for (Arm arm : arms(plain, calibrated)) {
            Csfa.Config use = arm.settings.get(0);
            double highest = Double.NEGATIVE_INFINITY;
            for (Csfa.Config tried : arm.settings.size() == 1 ? List.<Csfa.Config>of() : arm.settings) {
                if (c.cancelled()) {
                    break;
                }
                c.progress(rows.size(), -1, "settings of " + arm.name + ", " + bed.name);
                double v =
                        outcome(tried, bed, scenario, base, TUNING, arm.labels).all();
                if (v > highest) {
                    highest = v;
                    use = tried;
                }
            }
            if (arm.settings.size() > 1) {
                rows.add(new Row(
                        arm.name, bed.name, TUNING, "chosen rate", use.adapt().rate()));
                rows.add(new Row(
                        arm.name, bed.name, TUNING, "chosen filter", use.adapt().filter()));
            }
            chosen.add(new Arm(arm.name, List.of(use), arm.labels));
        }
        return chosen;
    }

    private static List<Arm> arms(Csfa.Config plain, Csfa.Config calibrated) {
        AdaptationConfig rsgs = calibrated.adapt();
        return List.of(
                new Arm(NCM, List.of(plain.with(rsgs.frozen())), false),
                new Arm(TEEN, List.of(calibrated.with(rsgs.frozen())), false),
                new Arm(TENT, rates(calibrated, rsgs.tent()), false),
                new Arm(SAR, filters(calibrated, rsgs.sar()), false),
                new Arm("GSAM, no filter", rates(calibrated, rsgs.withFilter(0)), false),
                new Arm(RSGS, filters(calibrated, rsgs), false),
                new Arm("RSGS, no recovery", filters(calibrated, rsgs.withRecovery(0)), false),
                new Arm("oracle: all labels", rates(calibrated.withLabelledSteps(), rsgs), true));
    }

    private static List<Csfa.Config> rates(Csfa.Config c, AdaptationConfig a) {
        List<Csfa.Config> all = new ArrayList<>();
        for (double rate : new double[] {5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2}) {
            all.add(c.with(a.withRate(rate)));
        }
        return all;
    }

    private static List<Csfa.Config> filters(Csfa.Config c, AdaptationConfig a) {
        List<Csfa.Config> all = new ArrayList<>();
        for (double rate : new double[] {1e-3, 5e-3}) {
            for (double filter : new double[] {0.2, 0.4, 0.7}) {
                all.add(c.with(a.withRate(rate).withFilter(filter)));
            }
        }
        return all;
    }

    private static StreamOutcome outcome(
            Csfa.Config config, Bed bed, Scenario scenario, State base, long seed, boolean labels) {
        return StreamOutcome.of(() -> learner(config, bed, seed), base, scenario, bed.stream.drifts(), seed, labels);
    }
}
