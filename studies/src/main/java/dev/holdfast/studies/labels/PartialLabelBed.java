package dev.holdfast.studies.labels;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Target;
import dev.holdfast.data.WithTruth;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.corrupt.HiddenLabels;
import dev.holdfast.data.corrupt.LongTail;
import dev.holdfast.data.corrupt.MissingLabels;
import dev.holdfast.data.source.Splits;
import dev.holdfast.data.synth.LabelCanvas;
import dev.holdfast.evaluate.metric.AveragePrecision;
import dev.holdfast.evaluate.metric.MultiLabelMetrics;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.learner.multilabel.Comic;
import dev.holdfast.learner.multilabel.ComicConfig;
import dev.holdfast.loss.BinaryCrossEntropy;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.multilabel.AsymmetricFocal;
import dev.holdfast.loss.multilabel.DistributionBalanced;
import dev.holdfast.loss.multilabel.LabelCorrector.Recall;
import dev.holdfast.loss.multilabel.MultiFocal;
import dev.holdfast.loss.multilabel.RobustNegative;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.study.Findings.Row;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/** Canvases with rare and missing labels, and the arms that learn them. */
final class PartialLabelBed {
    static final String TOTAL = "mAP %";
    static final String FEW = "mAP few %";
    static final String RECALL_PRECISION = "recalled labels that are missing ones %";
    static final String SINGLE = "multi-focal + corrector";
    static final String COMIC = "COMIC";
    static final String BEST = "best single network";

    private static final double FACTOR = 75;
    private static final int BATCH = 32;
    private static final int CHUNK = 500;

    /** How much is done. */
    record Size(int pool, int test, int epochs, List<Integer> channels, double[] rates, boolean all) {}

    /** A fresh learner on a network. */
    private interface Make {
        Learner of(NetConfig net, Dataset train, Rng rng);
    }

    /** @param members networks that are trained apart and predict together */
    private record Arm(String name, Make make, int members, boolean single) {}

    /** Scores of the test rows [n, L], and how recalled labels fared in the last third. */
    private record Outcome(double[][] scores, long rightRecalls, long wrongRecalls, double seconds) {}

    private final StudyContext c;
    private final Size size;
    private final List<Dataset> train;
    private final List<Dataset> test;
    private final LabelCanvas canvas;

    PartialLabelBed(StudyContext c, List<DataPair> images, Size size) {
        this.c = c;
        this.size = size;
        this.train = images.stream().map(DataPair::train).toList();
        this.test = images.stream().map(DataPair::test).toList();
        List<String> names = LabelCanvas.names(train);
        this.canvas = new LabelCanvas(
                LabelCanvas.Config.defaults(),
                names,
                LabelCanvas.affinity(names.size(), Rng.of(7).child("affinity")));
    }

    /** All arms on rows of which so many labels are missing. */
    void run(String bed, double rate, long seed, List<Row> rows) {
        Rng rng = Rng.of(seed).child("partial-labels");
        try (Scope s = Scope.open()) {
            Dataset pool = canvas.draw(train, size.pool, rng.child("pool"));
            Dataset tailed = new LongTail(FACTOR).apply(pool, rng.child("tail")).data();
            WithTruth<HiddenLabels> partial = new MissingLabels(rate).apply(tailed, rng.child("missing"));
            Dataset tests = canvas.draw(test, size.test, rng.child("test"));
            double[] given = counts(partial.data());
            rows.add(new Row("data", bed, seed, "canvases", partial.data().size()));
            rows.add(new Row(
                    "data", bed, seed, "missing labels %", 100 * partial.truth().rate()));
            double best = Double.NEGATIVE_INFINITY;
            for (Arm arm : arms()) {
                if (c.cancelled()) {
                    return;
                }
                c.progress(rows.size(), -1, arm.name + ", " + bed + ", seed " + seed);
                double peak = chosen(arm, partial.data(), rng);
                Outcome o = trained(arm, peak, partial, tests, rng.child("arm"));
                double total = report(arm, bed, seed, o, tests, given, rows);
                if (size.rates.length > 1) {
                    rows.add(new Row(arm.name, bed, seed, "chosen rate", peak));
                }
                best = arm.single ? Math.max(best, total) : best;
            }
            rows.add(new Row(BEST, bed, seed, TOTAL, best));
        }
    }

    private List<Arm> arms() {
        Map<String, LossConfig> losses = new LinkedHashMap<>();
        losses.put("BCE", new BinaryCrossEntropy.Config(false));
        losses.put("ASL", new AsymmetricFocal.Asymmetric());
        losses.put("multi-focal", new MultiFocal.Config());
        if (size.all) {
            losses.put("focal", new AsymmetricFocal.Focal());
            losses.put("Hill", new RobustNegative.Hill());
            losses.put("SPLC", new RobustNegative.Splc());
            losses.put("DB-focal", new DistributionBalanced.Config());
        }
        List<Arm> arms = new ArrayList<>();
        losses.forEach((name, loss) -> arms.add(new Arm(name, plain(loss), 1, true)));
        arms.add(new Arm(SINGLE, comic(x -> x.with(true, true, false)), 1, true));
        arms.add(new Arm(COMIC, comic(x -> x), 1, false));
        arms.add(new Arm("COMIC, released", comic(x -> x.with(ComicConfig.Variant.RELEASED)), 1, false));
        if (size.all) {
            arms.add(new Arm("three BCE networks", plain(losses.get("BCE")), 3, false));
            arms.add(new Arm("three ASL networks", plain(losses.get("ASL")), 3, false));
            arms.add(new Arm("COMIC without correction", comic(x -> x.with(false, true, true)), 1, false));
            arms.add(new Arm("COMIC without modification", comic(x -> x.with(true, false, true)), 1, false));
        }
        return arms;
    }

    private static Make plain(LossConfig loss) {
        return (net, train, rng) -> new Finetune(new Finetune.Config(net, loss), train.schema(), rng);
    }

    private static Make comic(java.util.function.UnaryOperator<ComicConfig> change) {
        return (net, train, rng) -> new Comic(change.apply(ComicConfig.of(net)), train.schema(), rng);
    }

    private NetConfig net(double rate) {
        return new NetConfig(
                new BackboneConfig(BackboneConfig.Kind.CONVNET, size.channels, Init.KAIMING_UNIFORM),
                OptimizerConfig.adam(rate),
                true);
    }

    /** The rate with the best mean average precision on a held-out tenth of the given labels; nothing hidden is looked at. */
    private double chosen(Arm arm, Dataset given, Rng rng) {
        if (size.rates.length == 1) {
            return size.rates[0];
        }
        Splits.Split parts = Splits.plain((int) given.size(), 0.1, rng.child("held-out"));
        Dataset held = given.subset(parts.test());
        Dataset rest = given.subset(parts.train());
        double best = Double.NEGATIVE_INFINITY;
        double rate = size.rates[0];
        Arm alone = new Arm(arm.name, arm.make, 1, arm.single);
        for (double r : size.rates) {
            Outcome o = trained(alone, r, new WithTruth<>(rest, null), held, rng.child("tuning"));
            double map = precision(o.scores, held).mean();
            if (map > best) {
                best = map;
                rate = r;
            }
        }
        return rate;
    }

    private Outcome trained(Arm arm, double rate, WithTruth<HiddenLabels> partial, Dataset tests, Rng rng) {
        Dataset data = partial.data();
        double[][] sum = new double[(int) tests.size()][canvas(tests)];
        long[] recalls = new long[2];
        long nanos = 0;
        for (int m = 0; m < arm.members; m++) {
            try (Scope s = Scope.open();
                    Learner l = arm.make.of(net(rate), data, rng.child("member", m))) {
                Loader loader = data.batches(Pace.shuffled(size.epochs, BATCH), rng.child("order", m));
                long steps = Pace.shuffled(size.epochs, BATCH).batches(data.size());
                long lastThird = steps - Pace.shuffled(size.epochs / 3, BATCH).batches(data.size());
                long[] before = new long[2];
                for (long step = 0; loader.hasNext() && !c.cancelled(); step++) {
                    if (step == lastThird) {
                        before = recalls(l, partial.truth());
                    }
                    try (Scope each = Scope.open()) {
                        long start = System.nanoTime();
                        l.learn(loader.next());
                        nanos += System.nanoTime() - start;
                    }
                }
                long[] after = recalls(l, partial.truth());
                recalls[0] += after[0] - before[0];
                recalls[1] += after[1] - before[1];
                add(sum, l, tests);
            }
        }
        return new Outcome(sum, recalls[0], recalls[1], nanos * 1e-9);
    }

    private static int canvas(Dataset d) {
        return d.schema().classes().size();
    }

    /** Recalls so far of labels that are truly missing, and of others. */
    private static long[] recalls(Learner l, HiddenLabels truth) {
        long[] n = new long[2];
        if (truth != null && l instanceof Comic comic) {
            Map<Long, Integer> at = truth.positions();
            for (Recall r : comic.missing()) {
                n[truth.hidden(at.get(r.id()), r.classId()) ? 0 : 1] += r.hits();
            }
        }
        return n;
    }

    private static void add(double[][] sum, Learner l, Dataset d) {
        for (int from = 0; from < sum.length; from += CHUNK) {
            int to = Math.min(sum.length, from + CHUNK);
            try (Scope s = Scope.open()) {
                double[][] z = Tensors.rows(
                        l.predict(d.rows(IntStream.range(from, to).toArray()).inputs())
                                .scores());
                for (int i = 0; i < z.length; i++) {
                    for (int k = 0; k < z[i].length; k++) {
                        sum[from + i][k] += z[i][k];
                    }
                }
            }
        }
    }

    private static AveragePrecision precision(double[][] scores, Dataset d) {
        try (Scope s = Scope.open()) {
            return AveragePrecision.of(Tensors.of(scores), ((Target.MultiLabel) d.target()).y());
        }
    }

    private static double[] counts(Dataset d) {
        try (Scope s = Scope.open()) {
            Tensor y = ((Target.MultiLabel) d.target()).y();
            return Tensors.doubles(y.sum(0));
        }
    }

    private static double report(
            Arm arm, String bed, long seed, Outcome o, Dataset tests, double[] given, List<Row> rows) {
        AveragePrecision.Shots s = precision(o.scores, tests).by(given);
        MultiLabelMetrics m = new MultiLabelMetrics(given.length);
        try (Scope scope = Scope.open()) {
            boolean[][] truth = ((Target.MultiLabel) tests.target()).sets();
            for (int i = 0; i < truth.length; i++) {
                boolean[] said = new boolean[given.length];
                for (int l = 0; l < said.length; l++) {
                    said[l] = o.scores[i][l] > 0;
                }
                m.add(truth[i], said);
            }
        }
        Map<String, Double> numbers = new LinkedHashMap<>();
        numbers.put(TOTAL, 100 * s.total());
        numbers.put("mAP many %", 100 * s.many());
        numbers.put("mAP medium %", 100 * s.medium());
        numbers.put(FEW, 100 * s.few());
        numbers.put("recall at 0.5 %", 100 * m.microRecall());
        numbers.put("precision at 0.5 %", 100 * m.microPrecision());
        long recalled = o.rightRecalls + o.wrongRecalls;
        if (recalled > 0) {
            numbers.put(RECALL_PRECISION, 100.0 * o.rightRecalls / recalled);
            numbers.put("recalls in the last third", (double) recalled);
        }
        numbers.put("learning s", o.seconds);
        numbers.forEach((name, v) -> {
            if (Double.isFinite(v)) {
                rows.add(new Row(arm.name, bed, seed, name, v));
            }
        });
        return 100 * s.total();
    }
}
