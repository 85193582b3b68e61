package dev.holdfast.studies;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.source.Splits;
import dev.holdfast.data.tree.LabelTrees;
import dev.holdfast.data.tree.Taxonomy;
import dev.holdfast.evaluate.LevelEvaluator;
import dev.holdfast.evaluate.LevelScores;
import dev.holdfast.evaluate.Run;
import dev.holdfast.evaluate.UpdateEvaluator;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.hierarchy.FlexibleReplay;
import dev.holdfast.learner.hierarchy.FlexibleReplay.StreamRows;
import dev.holdfast.learner.hierarchy.PlFmsPlugin;
import dev.holdfast.memory.ImportanceMemory;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.Blurry;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.HierarchicalStream;
import dev.holdfast.scenario.HierarchicalStream.Expansion;
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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Labels that get finer, in one pass: clothes and digits (tree F: 2, 6 and 20 classes, images seen by a ConvNet 16-32-64)
 * and glosses of WordNet (tree W: 4 and 45 classes, sentence vectors seen by an MLP 384-256).
 *
 * <p>Every arm makes one step of 16 rows for each row of the stream, with a memory of 200 rows unless said otherwise, on
 * images shifted by at most 2 pixels. The paper's arms share one loop (ER is that loop with a reservoir, all rows of the
 * stream and one rate); learners by name get the stream row by row. Every arm's learning rate is the best of three on a
 * stream of digits alone (tree F without clothes), by the mean over levels of the last accuracy. {@code quick}: the dual
 * stream of tree F, 4,000 rows, one seed, ER, CLIB, PL-FMS and PL-FMS without its sampling.
 */
public final class HierarchicalLabels implements Study {
    private static final String ER = "ER";
    private static final String CLIB = "CLIB";
    private static final String PL_FMS = "PL-FMS";
    private static final String FMS_ONLY = "FMS only";
    private static final String PL_ONLY = "PL only";
    private static final String DIP = "mean dip of older classes when a group arrives, points";
    private static final String FINEST = "A_last finest, %";
    private static final String COARSEST = "A_last coarsest, %";
    private static final String AUC = "A_AUC finest, %";
    private static final String GLOSSES = "text/wordnet.csv.gz?label=lexname&text=gloss&rows=24000";
    private static final double[] RATES = {3e-4, 1e-3, 3e-3};
    private static final int GROUP = 8;

    /** Learners of other modules by their names here and in the registry; those that are not on the class path are left out. */
    private static final Map<String, String> OTHERS =
            new TreeMap<>(Map.of("ER-ACE", "er-ace", "MIR", "mir", "GDumb", "gdumb", "BiC", "bic"));

    /** In which way labels come. */
    private enum Way {
        DUAL("dual", Expansion.DUAL),
        SINGLE("single", Expansion.SINGLE),
        MULTI("multi-depth", Expansion.MULTI_DEPTH),
        I_BLURRY("i-Blurry-50-10", null);

        private final String words;
        private final Expansion expansion;

        Way(String words, Expansion expansion) {
            this.words = words;
            this.expansion = expansion;
        }
    }

    /** How much is run. */
    private record Size(int stream, int testRows, int tuned, int seeds, List<String> arms, boolean full) {}

    /**
     * Rows below a tree, and the network that sees them.
     *
     * @param shift pixels by which images are shifted at random
     */
    private record Bed(String name, Taxonomy tree, Dataset train, Dataset test, BackboneConfig backbone, int shift) {}

    /**
     * A contender.
     *
     * @param rows rows of the stream that it gets at a time
     */
    private record Arm<C extends Record>(String name, LearnerPlugin<C> plugin, C config, int rows) {}

    @Override
    public Paper paper() {
        return new Paper("50-hle", "Online Continual Learning on Hierarchical Label Expansion", 2023, "2308.14374");
    }

    @Override
    public String claim() {
        return "Where labels get finer over one pass, letting new classes in slowly and a memory that gives up what another"
                + " level covers keep all levels best: on CIFAR-100 with dual labels 49.0 % coarse and 39.5 % fine against"
                + " 42.0 and 25.5 of ER and 44.5 and 37.1 of CLIB.";
    }

    @Override
    public List<Criterion> criteria() {
        List<Criterion> all = new ArrayList<>();
        List<String> beds = Stream.of("F", "W")
                .flatMap(t -> Stream.of(Way.DUAL, Way.SINGLE, Way.MULTI)
                        .filter(w -> t.equals("F") || w != Way.MULTI)
                        .map(w -> t + " " + w.words))
                .toList();
        for (String tree : List.of("F", "W")) {
            String dual = tree + " " + Way.DUAL.words;
            all.add(new Criterion(
                    "(a) " + dual,
                    "With dual labels PL-FMS ends at least 4 points above ER at the finest level (" + tree + ")",
                    new Rule.Paired(dual, FINEST, PL_FMS, ER, 4, false, 1),
                    true));
        }
        for (String bed : beds) {
            all.add(new Criterion(
                    "(b) " + bed,
                    "PL-FMS ends at most 2 points below ER at the coarsest level (" + bed + ")",
                    new Rule.Paired(bed, COARSEST, PL_FMS, ER, -2, false, 1),
                    true));
            all.add(new Criterion(
                    "(c) " + bed,
                    "PL-FMS ends at least 1 point above CLIB at the finest level (" + bed + ")",
                    new Rule.Paired(bed, FINEST, PL_FMS, CLIB, 1, false, 1),
                    true));
        }
        for (String tree : List.of("F", "W")) {
            String dual = tree + " " + Way.DUAL.words;
            all.add(new Criterion(
                    "(d) " + dual,
                    "When a group of classes arrives, older classes dip at least 2 points less with flexible sampling than"
                            + " with the unfiltered stream (" + tree + ")",
                    new Rule.Paired(dual, DIP, PL_ONLY, PL_FMS, 2, false, 1),
                    true));
            all.add(new Criterion(
                    "(e) " + tree,
                    "On flat i-Blurry-50-10 the A_AUC of PL-FMS is at least that of ER (" + tree + ")",
                    new Rule.Paired(tree + " " + Way.I_BLURRY.words, AUC, PL_FMS, ER, 0, false, 1),
                    true));
        }
        return all;
    }

    @Override
    public Findings run(StudyContext c) {
        List<Row> rows = new ArrayList<>();
        List<String> main = List.of(ER, CLIB, PL_FMS, PL_ONLY);
        switch (c.budget()) {
            case SMOKE -> {
                DataPair sample = c.data("sample");
                Bed tiny = new Bed(
                        "F",
                        LabelTrees.shipped("fashion"),
                        FrozenFeatures.few(sample.train(), 12, Rng.of(1)),
                        FrozenFeatures.few(sample.test(), 3, Rng.of(1)),
                        BackboneConfig.mlp(Init.KAIMING_UNIFORM, 16),
                        1);
                Size size = new Size(120, 30, 0, 1, main, false);
                run(c, tiny, size, Way.DUAL, 50, null, rows);
                run(c, tiny, size, Way.I_BLURRY, 50, null, rows);
            }
            case QUICK -> images(c, new Size(4000, 2000, 1000, 1, main, false), List.of(Way.DUAL), rows);
            case FULL -> {
                List<String> all = new ArrayList<>(main);
                all.add(FMS_ONLY);
                all.addAll(OTHERS.keySet());
                Size size = new Size(12_000, 4000, 1500, 2, all, true);
                images(c, size, List.of(Way.values()), rows);
                glosses(c, size, rows);
            }
        }
        return new Findings(rows);
    }

    private static void images(StudyContext c, Size size, List<Way> ways, List<Row> rows) {
        DataPair clothes = c.data("fashion");
        DataPair digits = c.data("mnist");
        BackboneConfig net = new BackboneConfig(BackboneConfig.Kind.CONVNET, List.of(16, 32, 64), Init.KAIMING_UNIFORM);
        try (Scope s = Scope.open()) {
            MemoryDataset train = both(clothes.train(), digits.train(), size.stream);
            MemoryDataset test = both(clothes.test(), digits.test(), size.testRows);
            Bed bed = new Bed("F", LabelTrees.shipped("fashion-mnist-digits"), train, test, net, 2);
            Map<String, Double> rates = rates(c, digits, "F", net, 2, size, rows);
            for (Way way : ways) {
                run(c, bed, size, way, 200, rates, rows);
            }
            if (size.full) {
                for (int capacity : new int[] {500, 1000}) {
                    run(c, bed, size, Way.DUAL, capacity, rates, rows);
                }
            }
            train.close();
            test.close();
        }
    }

    private static MemoryDataset both(Dataset clothes, Dataset digits, int rows) {
        List<Dataset> sets = List.of(
                FrozenFeatures.few(clothes, rows / 20, Rng.of(1)), FrozenFeatures.few(digits, rows / 20, Rng.of(2)));
        List<String> names = sets.stream()
                .flatMap(d -> d.schema().classes().columns().stream().map(k -> k.name()))
                .toList();
        return FrozenFeatures.united(
                sets, names, IntStream.range(0, names.size()).toArray());
    }

    private static void glosses(StudyContext c, Size size, List<Row> rows) {
        DataPair words = c.data(GLOSSES);
        Bed bed = new Bed(
                "W",
                LabelTrees.shipped("wordnet-lexname"),
                words.train(),
                words.test(),
                BackboneConfig.mlp(Init.KAIMING_UNIFORM, 256),
                0);
        Map<String, Double> rates = rates(c, c.data("mnist"), "W", bed.backbone, 0, size, rows);
        for (Way way : List.of(Way.DUAL, Way.SINGLE, Way.I_BLURRY)) {
            run(c, bed, size, way, 200, rates, rows);
        }
    }

    /** The best of three rates of each arm on digits alone, for the network of a bed. */
    private static Map<String, Double> rates(
            StudyContext c, DataPair digits, String of, BackboneConfig net, int shift, Size size, List<Row> rows) {
        Bed bed = new Bed(
                "digits",
                LabelTrees.shipped("fashion-mnist-digits"),
                FrozenFeatures.few(digits.train(), size.tuned / 10, Rng.of(7)),
                FrozenFeatures.few(digits.test(), 50, Rng.of(7)),
                net,
                shift);
        Map<String, Double> best = new LinkedHashMap<>();
        for (String name : known(size.arms)) {
            double most = -1;
            for (double rate : RATES) {
                if (c.cancelled()) {
                    return best;
                }
                c.progress(rows.size(), -1, "tuning " + name + " for " + of + ", rate " + rate);
                long stream = 2 * bed.train.size();
                Scored s = scored(arm(name, bed, Way.DUAL, 200, rate, stream), bed, Way.DUAL, size, 1000);
                double mean = s.levels.levels().stream()
                        .mapToDouble(LevelScores.Level::last)
                        .average()
                        .orElseThrow();
                if (mean > most) {
                    most = mean;
                    best.put(name, rate);
                }
            }
            rows.add(new Row(name, of + " digits", 0, "learning rate chosen", best.get(name)));
        }
        return best;
    }

    /** Of these arms those whose learners are here. */
    private static List<String> known(List<String> arms) {
        List<String> registered =
                Registry.load().learners().stream().map(LearnerPlugin::name).toList();
        return arms.stream()
                .filter(a -> !OTHERS.containsKey(a) || registered.contains(OTHERS.get(a)))
                .toList();
    }

    private static void run(
            StudyContext c, Bed bed, Size size, Way way, int capacity, Map<String, Double> rates, List<Row> rows) {
        String name = bed.name + " " + way.words + (capacity == 1000 || capacity == 500 ? ", memory " + capacity : "");
        for (long seed : c.seeds(size.seeds)) {
            for (String a : known(size.arms)) {
                if (c.cancelled()) {
                    return;
                }
                c.progress(rows.size(), -1, a + " on " + name + ", seed " + seed);
                double rate = rates == null ? RATES[1] : rates.get(a);
                Scored s = scored(arm(a, bed, way, capacity, rate, size.stream), bed, way, size, seed);
                report(a, name, seed, s, rows);
            }
        }
    }

    private static void report(String arm, String bed, long seed, Scored s, List<Row> rows) {
        List<LevelScores.Level> levels = s.levels.levels();
        LevelScores.Level finest = levels.get(levels.size() - 1);
        rows.add(new Row(arm, bed, seed, FINEST, 100 * finest.last()));
        rows.add(new Row(arm, bed, seed, AUC, 100 * finest.areaUnderCurve()));
        if (levels.size() > 1) {
            rows.add(new Row(arm, bed, seed, COARSEST, 100 * levels.get(0).last()));
        }
        for (LevelScores.Level l : levels) {
            String at = " level " + (l.level() + 1) + " of " + levels.size() + ", %";
            rows.add(new Row(arm, bed, seed, "A_last" + at, 100 * l.last()));
            rows.add(new Row(arm, bed, seed, "A_AUC" + at, 100 * l.areaUnderCurve()));
            rows.add(new Row(arm, bed, seed, "A_avg" + at, 100 * l.average()));
            if (l.forgetting() != null) {
                rows.add(new Row(arm, bed, seed, "F_last" + at, 100 * l.forgetting()));
            }
        }
        if (s.levels.consistency() != null) {
            rows.add(new Row(arm, bed, seed, "levels agree, %", 100 * s.levels.consistency()));
        }
        if (Double.isFinite(s.dip)) {
            rows.add(new Row(arm, bed, seed, DIP, 100 * s.dip));
        }
        rows.add(new Row(arm, bed, seed, "learning s", s.seconds));
    }

    private static Arm<?> arm(String name, Bed bed, Way way, int capacity, double rate, long stream) {
        NetConfig net = new NetConfig(bed.backbone, OptimizerConfig.adam(rate), false);
        if (OTHERS.containsKey(name)) {
            return byName(name, Registry.load().learner(OTHERS.get(name)), net, capacity);
        }
        FlexibleReplay.Config c = FlexibleReplay.Config.plFms(net, capacity);
        ImportanceMemory.Config flat = ImportanceMemory.Config.flat();
        FlexibleReplay.Config own =
                switch (name) {
                    case ER -> FlexibleReplay.Config.plain(net, capacity);
                    case CLIB -> FlexibleReplay.Config.clib(net, capacity);
                    case PL_FMS -> c;
                    case FMS_ONLY -> c.withImportance(flat);
                    case PL_ONLY -> c.withStream(StreamRows.ALL);
                    default -> throw new IllegalArgumentException("There is no arm '" + name + "'.");
                };
        FlexibleReplay.Config timed = own.over(1, stream).shifted(bed.shift);
        // as the paper's code has it where every level has a part of its own
        FlexibleReplay.Config paced = way == Way.MULTI ? timed.withPace(2, GROUP) : timed;
        return new Arm<>(name, new PlFmsPlugin(), paced, GROUP);
    }

    /** The stream row by row and 15 rows of memory with each, so that all arms make equal steps. */
    private static <C extends Record> Arm<C> byName(String name, LearnerPlugin<C> plugin, NetConfig net, int capacity) {
        String widths = net.backbone().widths().stream().map(String::valueOf).collect(Collectors.joining(","));
        Map<String, String> wanted = Map.of(
                "capacity", Integer.toString(capacity),
                "replayBatch", "15",
                "net.backbone.kind", net.backbone().kind().name(),
                "net.backbone.widths", widths,
                "net.optimizer.rate", Double.toString(net.optimizer().rate()));
        Map<String, String> fitting = ConfigBinder.options(plugin.defaults()).stream()
                .map(ConfigBinder.Option::name)
                .filter(wanted::containsKey)
                .collect(Collectors.toMap(o -> o, wanted::get));
        return new Arm<>(name, plugin, ConfigBinder.set(plugin.defaults(), fitting), 1);
    }

    /** What one run gave. */
    private record Scored(LevelScores levels, double dip, double seconds) {}

    private static <C extends Record> Scored scored(Arm<C> arm, Bed bed, Way way, Size size, long seed) {
        Rng rng = Rng.of(seed);
        Scenario s = stream(bed, way, size, arm.rows, rng);
        long calls = Run.plannedSteps(s);
        MetricLog log = new MetricLog();
        LevelEvaluator levels = new LevelEvaluator(s, Math.max(1, calls / 20), 100, rng.child("levels"));
        UpdateEvaluator updates = new UpdateEvaluator(
                s, UpdateEvaluator.Options.every(Math.max(1, calls / 80), 100), rng.child("updates"));
        try (Scope all = Scope.open();
                Learner learner = arm.plugin.create(arm.config, s.schema(), rng.child("learner"))) {
            Run run = new Run(learner, s, List.of(levels, updates), log, rng.child("run")).finish();
            return new Scored(levels.scores(log), way == Way.DUAL ? dip(log, s) : Double.NaN, run.learnSeconds());
        }
    }

    private static Scenario stream(Bed bed, Way way, Size size, int rows, Rng rng) {
        Dealing dealing = new Dealing(1, rows, true, false);
        if (way == Way.I_BLURRY) {
            return Blurry.of(
                    new Blurry.Config(5, 50, 10, Blurry.Shares.EQUAL, dealing),
                    some(bed.train, size.stream),
                    bed.test,
                    rng.child("scenario"));
        }
        // dual labels show every row twice
        Dataset train = some(bed.train, way == Way.DUAL ? size.stream / 2 : size.stream);
        HierarchicalStream.Config c =
                new HierarchicalStream.Config(way.expansion, 0, 5, ClassIncremental.Order.SEEDED, dealing);
        return HierarchicalStream.of(c, bed.tree, train, bed.test, rng.child("scenario"));
    }

    private static Dataset some(Dataset d, int rows) {
        return d.size() <= rows ? d : d.subset(Splits.sample(d.classIds(), rows, Rng.of(3)));
    }

    /**
     * How far the accuracy of the finest classes learnt before falls, at its worst, below what it was when a group
     * arrived, mean over the groups from the second on.
     */
    private static double dip(MetricLog log, Scenario s) {
        Map<Integer, TreeMap<Long, List<Double>>> curves = new TreeMap<>();
        for (MetricLog.Entry e : log.of(UpdateEvaluator.CURVE)) {
            // part 0 has the coarse classes; a part's own classes are not older
            if (e.step() > 0 && e.task() >= 1 && e.task() < e.experience()) {
                curves.computeIfAbsent(e.experience(), k -> new TreeMap<>())
                        .computeIfAbsent(e.step(), k -> new ArrayList<>())
                        .add(e.value());
            }
        }
        Map<Integer, Double> end = new TreeMap<>();
        Map<Integer, TreeMap<Long, List<Double>>> atEnd = new TreeMap<>();
        for (MetricLog.Entry e : log.of(UpdateEvaluator.CURVE)) {
            if (e.step() > 0 && e.task() >= 1 && e.task() <= e.experience()) {
                atEnd.computeIfAbsent(e.experience(), k -> new TreeMap<>())
                        .computeIfAbsent(e.step(), k -> new ArrayList<>())
                        .add(e.value());
            }
        }
        atEnd.forEach((part, curve) -> end.put(part, mean(curve.lastEntry().getValue())));
        return new TreeSet<>(curves.keySet())
                .stream()
                        .filter(part -> end.containsKey(part - 1))
                        .mapToDouble(part -> end.get(part - 1)
                                - curves.get(part).values().stream()
                                        .mapToDouble(HierarchicalLabels::mean)
                                        .min()
                                        .orElseThrow())
                        .average()
                        .orElse(Double.NaN);
    }

    private static double mean(List<Double> v) {
        return v.stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    }
}
