package dev.holdfast.studies.labels;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.distill.store.LabelAdaptation;
import dev.holdfast.distill.store.LabelAdaptation.Confidence;
import dev.holdfast.distill.store.LabelAdaptation.Region;
import dev.holdfast.distill.store.LabelAdaptation.Thresholds;
import dev.holdfast.distill.store.RegionDistillation;
import dev.holdfast.distill.store.RegionDistillation.Mixing;
import dev.holdfast.distill.store.RegionDistillation.Training;
import dev.holdfast.distill.store.RegionReport;
import dev.holdfast.distill.store.SoftLabelStore;
import dev.holdfast.learner.Net;
import dev.holdfast.study.Criterion;
import dev.holdfast.study.Findings;
import dev.holdfast.study.Findings.Row;
import dev.holdfast.study.Paper;
import dev.holdfast.study.Rule;
import dev.holdfast.study.Study;
import dev.holdfast.study.StudyContext;
import dev.holdfast.study.StudyContext.Budget;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/**
 * Learning from a teacher's stored labels of image regions, cleaned by how sure the teacher was, on Fashion-MNIST and on
 * canvases where the object is off the centre among clutter, so that many regions miss it.
 *
 * <p>A ConvNet with 24, 48, 96 channels teaches one with 8, 16, 32, both with batch norm; 16 regions an image (area 0.1 to 1), the three largest
 * probabilities kept. All students see equally many regions, in passes of four an image. Thresholds are chosen among six
 * settings on held-out images, once, with a seed of their own. Convergence is read after the pass that completes 25 and 50 %
 * of the training.
 *
 * <p>{@code quick}: a teacher of 12,000 images, students of 2,000 (1,500 among clutter) and 24 regions of each, three seeds,
 * the ablations on Fashion-MNIST with one. {@code full}: 55,000 images, 30,000 (10,000) and 160, five seeds.
 */
public final class RegionLabels implements Study {
    private static final String ACCURACY = "accuracy %";
    private static final String QUARTER = "accuracy % at 25 %";
    private static final String HALF = "accuracy % at 50 %";
    private static final String SPEED = "epochs a minute";
    private static final String RIGHT = "teacher right %";
    private static final String SHARE = "share of regions %";
    private static final String FASHION = "fashion";
    private static final String CLUTTER = "clutter";
    private static final String HARD_LABELS = "true labels";
    private static final String LIVE = "live teacher";
    private static final String FKD = "FKD";
    private static final String FERKD = "FerKD";
    private static final String IMPORTANT = "important regions";
    private static final String DOUBTFUL = "hard regions";
    private static final int CROPS = 16;
    private static final int AT_ONCE = 4;

    /** How a student is trained on a store. */
    private record Arm(LabelAdaptation labels, Mixing mixing) {}

    /** How much is run. */
    private record Plan(
            RegionBed.Size fashion, RegionBed.Size clutter, int seeds, Map<String, Integer> ablationSeeds) {}

    @Override
    public Paper paper() {
        return new Paper("60-ferkd", "FerKD: Surgical Label Adaptation for Efficient Distillation", 2023, "2312.17473");
    }

    @Override
    public String claim() {
        return "Distilling from stored labels of random regions gets faster and better when regions that teach nothing are"
                + " dropped, doubtful ones get the true class, and regions are mixed with others of their image"
                + " (81.2 % against 80.1 % with ResNet-50 on ImageNet).";
    }

    @Override
    public List<Criterion> criteria() {
        return List.of(
                new Criterion(
                        "store",
                        "stored labels are within 0.3 points of a live teacher",
                        new Rule.Paired(FASHION, ACCURACY, FKD, LIVE, -0.3, false, 1),
                        true),
                new Criterion(
                        "speed",
                        "an epoch from the store is at least 1.5 times as fast",
                        new Rule.Paired(FASHION, SPEED, FKD, LIVE, 1.5, true, 1),
                        true),
                new Criterion(
                        "premise",
                        "the teacher is right in hard regions at least 15 points less often than in important ones",
                        new Rule.Paired(FASHION, RIGHT, IMPORTANT, DOUBTFUL, 15, false, 1),
                        true),
                new Criterion(
                        "end",
                        "FerKD ends at most 0.2 points below FKD",
                        new Rule.Paired(FASHION, ACCURACY, FERKD, FKD, -0.2, false, 1),
                        true),
                new Criterion(
                        "convergence",
                        "after a quarter of the training FerKD is not below FKD",
                        new Rule.Paired(FASHION, QUARTER, FERKD, FKD, 0, false, 1),
                        true),
                new Criterion(
                        "clutter",
                        "among clutter FerKD is at least 0.5 points above FKD",
                        new Rule.Paired(CLUTTER, ACCURACY, FERKD, FKD, 0.5, false, 1),
                        true));
    }

    @Override
    public Findings run(StudyContext c) {
        Plan plan =
                switch (c.budget()) {
                    case SMOKE ->
                        new Plan(
                                new RegionBed.Size(150, 60, 40, 50, 2, 8, 32),
                                new RegionBed.Size(150, 40, 40, 50, 2, 8, 32),
                                1,
                                Map.of(FASHION, 1, CLUTTER, 1));
                    case QUICK ->
                        new Plan(
                                new RegionBed.Size(12_000, 2000, 1000, 4000, 8, 24, 64),
                                new RegionBed.Size(12_000, 1500, 1000, 2000, 8, 24, 64),
                                3,
                                Map.of(FASHION, 1, CLUTTER, 0));
                    case FULL ->
                        new Plan(
                                new RegionBed.Size(55_000, 30_000, 5000, 10_000, 12, 160, 128),
                                new RegionBed.Size(55_000, 10_000, 5000, 10_000, 12, 160, 128),
                                5,
                                Map.of(FASHION, 5, CLUTTER, 5));
                };
        DataPair data = c.data(c.budget() == Budget.SMOKE ? "sample" : FASHION);
        List<Row> rows = new ArrayList<>();
        try (Scope s = Scope.open()) {
            bed(c, RegionBed.centred(data, plan.fashion), plan.fashion, plan, rows);
        }
        try (Scope s = Scope.open()) {
            bed(c, RegionBed.cluttered(data, plan.clutter), plan.clutter, plan, rows);
        }
        return new Findings(rows);
    }

    private static void bed(StudyContext c, RegionBed bed, RegionBed.Size size, Plan plan, List<Row> rows) {
        c.progress(rows.size(), -1, bed.name() + ", teacher");
        UnaryOperator<Tensor> teacher = bed.teacher(c, size);
        if (c.cancelled()) {
            return;
        }
        rows.add(new Row("teacher", bed.name(), 0, ACCURACY, 100 * RegionDistillation.accuracy(teacher, bed.test())));
        RegionDistillation how = new RegionDistillation(size.epochs(), AT_ONCE, size.batch(), 1, Mixing.NONE);
        LabelAdaptation chosen = choose(c, bed, bed.store(teacher, CROPS, 0), how, rows);
        for (long seed : c.seeds(plan.seeds)) {
            if (c.cancelled()) {
                return;
            }
            try (Scope s = Scope.open()) {
                SoftLabelStore store = bed.store(teacher, CROPS, seed);
                regions(bed, store.adapt(chosen, bed.train()), seed, rows);
                live(c, bed, teacher, how, seed, rows);
                arms(chosen).forEach((name, arm) -> train(c, bed, store, how, name, arm, seed, rows));
                if (seed <= plan.ablationSeeds.get(bed.name())) {
                    ablations(chosen).forEach((name, arm) -> train(c, bed, store, how, name, arm, seed, rows));
                }
            }
        }
    }

    /** The setting that is best on held-out images, with a seed of its own. */
    private static LabelAdaptation choose(
            StudyContext c, RegionBed bed, SoftLabelStore store, RegionDistillation how, List<Row> rows) {
        List<LabelAdaptation> settings = List.of(
                LabelAdaptation.defaults(),
                quantiles(0.02, 0.1, 0.98),
                quantiles(0.05, 0.25, 1),
                LabelAdaptation.absolute(0.2, 0.4, 0.999),
                LabelAdaptation.absolute(0.3, 0.6, 0.999),
                LabelAdaptation.absolute(0.2, 0.6, 1));
        LabelAdaptation best = settings.get(0);
        double most = Double.NEGATIVE_INFINITY;
        for (LabelAdaptation a : settings) {
            if (c.cancelled()) {
                break;
            }
            c.progress(rows.size(), -1, bed.name() + ", choosing thresholds");
            try (Scope s = Scope.open()) {
                Net net = bed.student(how, 0);
                how.withMixing(Mixing.SELF)
                        .run(
                                store.adapt(a, bed.train()),
                                bed.train(),
                                net,
                                Rng.of(0).child("train"));
                double held = RegionBed.accuracy(net, bed.held());
                rows.add(new Row("thresholds " + named(a), bed.name(), 0, "held-out accuracy %", held));
                if (held > most) {
                    most = held;
                    best = a;
                }
            }
        }
        return best;
    }

    private static LabelAdaptation quantiles(double low, double mid, double top) {
        return new LabelAdaptation(Thresholds.QUANTILE, low, mid, top, 0.1, Confidence.MAX);
    }

    private static String named(LabelAdaptation a) {
        return (a.thresholds() == Thresholds.QUANTILE ? "at quantiles " : "") + a.low() + ", " + a.mid() + ", "
                + a.top();
    }

    private static Map<String, Arm> arms(LabelAdaptation chosen) {
        Map<String, Arm> m = new LinkedHashMap<>();
        // every region gets its true class
        LabelAdaptation truth = new LabelAdaptation(Thresholds.ABSOLUTE, 0, 1, 1, 0, Confidence.TRUE_CLASS);
        m.put(HARD_LABELS, new Arm(truth, Mixing.NONE));
        m.put(FKD, new Arm(LabelAdaptation.none(), Mixing.NONE));
        m.put("FKD + CutMix", new Arm(LabelAdaptation.none(), Mixing.CUTMIX));
        m.put("FKD + SelfMix", new Arm(LabelAdaptation.none(), Mixing.SELF));
        m.put("FerKD without SelfMix", new Arm(chosen, Mixing.NONE));
        m.put(FERKD, new Arm(chosen, Mixing.SELF));
        return m;
    }

    /** All against FerKD without SelfMix. */
    private static Map<String, Arm> ablations(LabelAdaptation a) {
        Map<String, Arm> m = new LinkedHashMap<>();
        m.put(
                "only discarding",
                new Arm(
                        new LabelAdaptation(a.thresholds(), a.low(), a.low(), a.top(), 0.1, Confidence.MAX),
                        Mixing.NONE));
        m.put(
                "only true classes",
                new Arm(new LabelAdaptation(a.thresholds(), 0, a.mid(), 1, 0.1, Confidence.MAX), Mixing.NONE));
        m.put("epsilon 0", new Arm(a.withEpsilon(0), Mixing.NONE));
        m.put("epsilon 0.2", new Arm(a.withEpsilon(0.2), Mixing.NONE));
        m.put(
                "confidence in the true class",
                new Arm(
                        new LabelAdaptation(a.thresholds(), a.low(), a.mid(), a.top(), 0.1, Confidence.TRUE_CLASS),
                        Mixing.NONE));
        LabelAdaptation other = a.thresholds() == Thresholds.QUANTILE
                ? LabelAdaptation.absolute(0.2, 0.6, 1)
                : LabelAdaptation.defaults();
        m.put("thresholds " + named(other), new Arm(other, Mixing.NONE));
        return m;
    }

    private static void regions(RegionBed bed, SoftLabelStore adapted, long seed, List<Row> rows) {
        RegionReport.Line all = adapted.report(bed.train()).all();
        double n = 0;
        for (long r : all.regions()) {
            n += r;
        }
        Map<Region, String> names = Map.of(
                Region.HOPELESS,
                "hopeless regions",
                Region.HARD,
                DOUBTFUL,
                Region.IMPORTANT,
                IMPORTANT,
                Region.TRIVIAL,
                "trivial regions");
        for (Region r : Region.values()) {
            rows.add(new Row(names.get(r), bed.name(), seed, SHARE, 100 * all.count(r) / n));
            if (all.count(r) > 0) {
                rows.add(new Row(names.get(r), bed.name(), seed, RIGHT, 100 * all.accuracy(r)));
            }
        }
    }

    private static void live(
            StudyContext c,
            RegionBed bed,
            UnaryOperator<Tensor> teacher,
            RegionDistillation how,
            long seed,
            List<Row> rows) {
        c.progress(rows.size(), -1, bed.name() + ", " + LIVE + ", seed " + seed);
        try (Scope s = Scope.open()) {
            Net net = bed.student(how, seed);
            Curve curve = new Curve(bed, how, net);
            int epoch = 0;
            while (epoch < how.epochs() && !c.cancelled()) {
                int m = how.cropsAt(epoch);
                RegionBed.Live pass = new RegionBed.Live(net, bed.train(), bed.crop(0.1), teacher, how.batch(), m);
                Rng rng = Rng.of(seed).child("live", epoch);
                curve.timed(() -> pass.pass(rng));
                epoch += m;
                curve.at(epoch);
            }
            curve.tell(LIVE, seed, rows);
        }
    }

    private static void train(
            StudyContext c,
            RegionBed bed,
            SoftLabelStore store,
            RegionDistillation how,
            String name,
            Arm arm,
            long seed,
            List<Row> rows) {
        if (c.cancelled()) {
            return;
        }
        c.progress(rows.size(), -1, bed.name() + ", " + name + ", seed " + seed);
        try (Scope s = Scope.open()) {
            Net net = bed.student(how, seed);
            Curve curve = new Curve(bed, how, net);
            Training t = how.withMixing(arm.mixing)
                    .start(
                            store.adapt(arm.labels, bed.train()),
                            bed.train(),
                            net,
                            Rng.of(seed).child("train"));
            while (t.hasNext() && !c.cancelled()) {
                curve.timed(t::pass);
                curve.at(t.epoch());
            }
            curve.tell(name, seed, rows);
        }
    }

    /** Accuracy on the way, and time without it. */
    private static final class Curve {
        private final RegionBed bed;
        private final RegionDistillation how;
        private final Net net;
        private final Dataset test;
        private final Map<String, Double> told = new LinkedHashMap<>();
        private long nanos;

        Curve(RegionBed bed, RegionDistillation how, Net net) {
            this.bed = bed;
            this.how = how;
            this.net = net;
            this.test = bed.test();
        }

        void timed(Runnable pass) {
            long from = System.nanoTime();
            pass.run();
            nanos += System.nanoTime() - from;
        }

        void at(int epoch) {
            Map<String, Double> shares = new LinkedHashMap<>();
            shares.put(QUARTER, 0.25);
            shares.put(HALF, 0.5);
            shares.put(ACCURACY, 1.0);
            shares.forEach((metric, share) -> {
                if (!told.containsKey(metric) && epoch >= share * how.epochs()) {
                    told.put(metric, RegionBed.accuracy(net, test));
                }
            });
        }

        void tell(String arm, long seed, List<Row> rows) {
            told.forEach((metric, value) -> rows.add(new Row(arm, bed.name(), seed, metric, value)));
            rows.add(new Row(arm, bed.name(), seed, SPEED, how.epochs() * 6e10 / nanos));
        }
    }
}
