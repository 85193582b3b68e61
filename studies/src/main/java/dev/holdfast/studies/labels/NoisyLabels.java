package dev.holdfast.studies.labels;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.data.WithTruth;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.corrupt.LabelNoise;
import dev.holdfast.data.corrupt.NoiseTruth;
import dev.holdfast.data.source.Splits;
import dev.holdfast.evaluate.metric.Memorisation;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.learner.noisy.ElrPlus;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.EarlyLearning;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.robust.ForwardCorrected;
import dev.holdfast.loss.robust.GeneralisedCe;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
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
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Early-learning regularisation against cross entropy and its usual cures on Fashion-MNIST with injected wrong labels.
 *
 * <p>Every arm gets six settings (learning rate and one number of its own), of which the one with the best accuracy on a
 * held-out tenth of the <em>noisy</em> training rows is used; nothing is chosen on clean labels. Early stopping is cross
 * entropy at the epoch, and with the settings, that are best on those rows. SGD with momentum 0.9, batches of 128, a
 * cosine from the peak rate to 0, 60 epochs.
 *
 * <p>{@code quick}: 10,000 rows, a multilayer perceptron 784-512-256-10, settings chosen once, on symmetric noise of 0.6,
 * where all arms run; the other noises have cross entropy, early stopping and ELR. {@code full}: 20,000 rows, a small
 * ConvNet, settings chosen on each noise, all arms on each, ELR+, and the ablations.
 */
public final class NoisyLabels implements Study {
    private static final String WORST = "symmetric 0.6";
    private static final String ACCURACY = "accuracy %";
    private static final String MEMORISED = "memorised %";
    private static final String CE = "CE";
    private static final String ELR = "ELR";
    private static final String STOPPED = "early stopping";
    private static final int BATCH = 128;

    /** What quick runs on every noise; the other arms only on the worst. */
    private static final List<String> MAIN = List.of(CE, STOPPED, ELR);

    /** How much is run. */
    private record Size(int rows, int epochs, int seeds, BackboneConfig backbone, boolean full) {}

    private record Bed(String name, LabelNoise noise) {}

    /** One of an arm's six settings. */
    private record Setting(double rate, double decay, LossConfig loss) {}

    private record Tried(boolean plus, Setting setting) {}

    private record Arm(String name, boolean plus, boolean stopped, List<Setting> settings) {}

    /** Noisy training and held-out rows, clean test rows, and what was done to the labels. */
    private record Split(Dataset train, Dataset held, Dataset test, NoiseTruth truth) {}

    /** What came out of one training. */
    private record Outcome(
            double test,
            double bestTest,
            double held,
            double bestHeld,
            double testAtBestHeld,
            Memorisation end,
            Memorisation atBestHeld,
            double seconds) {}

    @Override
    public Paper paper() {
        return new Paper(
                "28-elr", "Early-Learning Regularization Prevents Memorization of Noisy Labels", 2020, "2007.00151");
    }

    @Override
    public String claim() {
        return "Networks first learn the true class of mislabelled rows and memorise the wrong label later; early-learning"
                + " regularisation keeps them at the first stage: on CIFAR-10 with 60 % symmetric noise 86.1 % test"
                + " accuracy (ResNet-34) where cross entropy is reported at about 74 %.";
    }

    @Override
    public List<Criterion> criteria() {
        return List.of(
                new Criterion(
                        "accuracy",
                        "ELR ends at least 8 points above cross entropy at " + WORST,
                        new Rule.Paired(WORST, ACCURACY, ELR, CE, 8, false, 1),
                        true),
                new Criterion(
                        "memorisation",
                        "ELR memorises at most half as many wrong labels as cross entropy at " + WORST,
                        new Rule.Paired(WORST, MEMORISED, CE, ELR, 2, true, 1),
                        true),
                new Criterion(
                        "early stopping",
                        "ELR is at most 1 point behind early-stopped cross entropy at " + WORST,
                        new Rule.Paired(WORST, ACCURACY, ELR, STOPPED, -1, false, 1),
                        true),
                new Criterion(
                        "beats early stopping",
                        "whether ELR beats early stopping is reported",
                        new Rule.Report(),
                        false));
    }

    @Override
    public Findings run(StudyContext c) {
        List<Row> rows = new ArrayList<>();
        if (c.budget() == Budget.SMOKE) {
            // the bundled sample; judged by nobody
            Size tiny = new Size(300, 4, 1, BackboneConfig.mlp(Init.KAIMING_UNIFORM, 32), false);
            run(c, c.data("sample"), tiny, List.of(new Bed("smoke", LabelNoise.symmetric(0.6))), rows);
            return new Findings(rows);
        }
        DataPair data = c.data("fashion");
        ClassIndex classes = data.train().schema().classes();
        List<Bed> beds = List.of(
                new Bed(WORST, LabelNoise.symmetric(0.6)),
                new Bed("symmetric 0.4", LabelNoise.symmetric(0.4)),
                new Bed("pairs 0.4", LabelNoise.pairs(classes, 0.4)));
        Size size = c.budget() == Budget.QUICK
                ? new Size(10_000, 60, 3, BackboneConfig.mlp(Init.KAIMING_UNIFORM, 512, 256), false)
                : new Size(
                        20_000,
                        60,
                        5,
                        new BackboneConfig(BackboneConfig.Kind.CONVNET, List.of(), Init.KAIMING_UNIFORM),
                        true);
        run(c, data, size, beds, rows);
        return new Findings(rows);
    }

    private void run(StudyContext c, DataPair data, Size size, List<Bed> beds, List<Row> rows) {
        List<Setting> chosen = null;
        for (Bed bed : beds) {
            Split tuning = split(data, bed, size, 0);
            List<Arm> arms = arms(tuning, size);
            if (chosen == null || size.full) {
                chosen = new ArrayList<>();
                Map<Tried, Outcome> tried = new HashMap<>();
                for (Arm arm : arms) {
                    chosen.add(choose(c, arm, bed, tuning, size, tried, rows));
                }
            }
            for (long seed : c.seeds(size.seeds)) {
                Split split = split(data, bed, size, seed);
                rows.add(new Row("data", bed.name, seed, "wrong labels %", 100 * split.truth.errorRate()));
                Map<Tried, Outcome> trained = new HashMap<>();
                for (int i = 0; i < arms.size() && !c.cancelled(); i++) {
                    Arm arm = arms.get(i);
                    if (!size.full && !bed.name.equals(beds.get(0).name) && !MAIN.contains(arm.name)) {
                        continue;
                    }
                    c.progress(rows.size(), -1, arm.name + ", " + bed.name + ", seed " + seed);
                    Setting s = chosen.get(i);
                    if (s.loss instanceof ForwardCorrected.Config) {
                        // the oracle's matrix is the bed's, whatever bed the rest was chosen on
                        s = new Setting(s.rate, s.decay, forward(split));
                    }
                    Setting used = s;
                    // cross entropy and its early stopping are one training where they chose the same settings
                    Outcome o = trained.computeIfAbsent(
                            new Tried(arm.plus, used),
                            t -> train(c, make(arm, used, size), arm, split, size.epochs, seed, true));
                    report(arm.name, bed.name, seed, o, arm.stopped, rows);
                }
            }
            if (size.full && bed.name.equals(WORST)) {
                ablations(c, data, bed, size, chosen.get(names(arms).indexOf(ELR)).rate, rows);
            }
        }
    }

    private static List<String> names(List<Arm> arms) {
        return arms.stream().map(Arm::name).toList();
    }

    /** Lambda and beta one at a time, and ELR+ without each of its parts; at the rate chosen for ELR. */
    private void ablations(StudyContext c, DataPair data, Bed bed, Size size, double rate, List<Row> rows) {
        List<EarlyLearning.Config> elr = new ArrayList<>();
        for (double lambda : new double[] {0, 1, 3, 7}) {
            elr.add(new EarlyLearning.Config(0.7, lambda));
        }
        elr.add(new EarlyLearning.Config(0, 3));
        elr.add(new EarlyLearning.Config(0.9, 3));
        String name = bed.name + ", ablation";
        for (long seed : c.seeds(size.seeds)) {
            Split split = split(data, bed, size, seed);
            for (int i = 0; i < elr.size() && !c.cancelled(); i++) {
                EarlyLearning.Config e = elr.get(i);
                Arm arm = new Arm("ELR, lambda " + e.lambda() + ", beta " + e.beta(), false, false, List.of());
                Setting s = new Setting(rate, 1e-3, e);
                report(
                        arm.name,
                        name,
                        seed,
                        train(c, make(arm, s, size), arm, split, size.epochs, seed, true),
                        false,
                        rows);
            }
            for (int without = 0; without < 4 && !c.cancelled(); without++) {
                String[] parts = {"ELR+", "ELR+ without a second network", "ELR+ without averages", "ELR+ without mixup"
                };
                Arm arm = new Arm(parts[without], true, false, List.of());
                ElrPlus.Config all = ElrPlus.Config.of(net(rate, 1e-3, size, size.epochs));
                ElrPlus.Config less = new ElrPlus.Config(
                        all.net(),
                        all.elr(),
                        without != 1,
                        without != 2,
                        all.averageShare(),
                        all.averageRampSteps(),
                        without == 3 ? 0 : all.mixup(),
                        all.turns(),
                        all.predictWith());
                // one network alone takes a step in every pass
                Arm paced = new Arm(arm.name, less.twoNetworks(), false, List.of());
                Make make = (epochs, schema, rng) -> new ElrPlus(less, schema, rng);
                report(arm.name, name, seed, train(c, make, paced, split, size.epochs, seed, true), false, rows);
            }
        }
    }

    private static List<Arm> arms(Split split, Size size) {
        LossConfig ce = new CrossEntropy.Config();
        List<Arm> arms = new ArrayList<>();
        List<Setting> plain = cross(new double[] {0.01, 0.03, 0.1}, new double[] {0, 1e-3}, ce);
        arms.add(new Arm(CE, false, false, plain));
        arms.add(new Arm(STOPPED, false, true, plain));
        arms.add(new Arm("label smoothing", false, false, own(new double[] {0.1, 0.3, 0.6}, CrossEntropy.Config::new)));
        arms.add(new Arm("GCE", false, false, own(new double[] {0.3, 0.7, 0.9}, GeneralisedCe.Config::new)));
        arms.add(new Arm(
                "forward, true matrix",
                false,
                false,
                cross(new double[] {0.01, 0.03, 0.1}, new double[] {0, 1e-3}, forward(split))));
        List<Setting> elr = new ArrayList<>();
        for (double rate : RATES) {
            elr.add(new Setting(rate, 1e-3, new EarlyLearning.Config(0.7, 3)));
            elr.add(new Setting(rate, 1e-3, new EarlyLearning.Config(0.9, 3)));
            elr.add(new Setting(rate, 1e-3, new EarlyLearning.Config(0.7, 7)));
        }
        arms.add(new Arm(ELR, false, false, elr));
        if (size.full) {
            arms.add(new Arm("ELR+", true, false, elr));
        }
        return arms;
    }

    private static final double[] RATES = {0.02, 0.1};

    private interface Build {
        LossConfig of(double own);
    }

    private static List<Setting> own(double[] values, Build build) {
        List<Setting> all = new ArrayList<>();
        for (double rate : RATES) {
            for (double v : values) {
                all.add(new Setting(rate, 1e-3, build.of(v)));
            }
        }
        return all;
    }

    private static List<Setting> cross(double[] rates, double[] decays, LossConfig loss) {
        List<Setting> all = new ArrayList<>();
        for (double rate : rates) {
            for (double decay : decays) {
                all.add(new Setting(rate, decay, loss));
            }
        }
        return all;
    }

    private static LossConfig forward(Split split) {
        return ForwardCorrected.Config.of(split.truth.nominal());
    }

    /** The noise comes first, then a tenth is held out: noisy, too, with the noisy classes' shares kept. */
    private static Split split(DataPair data, Bed bed, Size size, long seed) {
        Rng rng = Rng.of(seed).child("noisy-labels");
        Dataset some = data.train().subset(Splits.sample(data.train().classIds(), size.rows, rng.child("rows")));
        WithTruth<NoiseTruth> noisy = bed.noise.apply(some, rng.child("noise"));
        Splits.Split parts = Splits.stratified(noisy.data().classIds(), 0.1, rng.child("held-out"));
        return new Split(
                noisy.data().subset(parts.train()), noisy.data().subset(parts.test()), data.test(), noisy.truth());
    }

    private static NetConfig net(double rate, double decay, Size size, int epochs) {
        long batches = Pace.shuffled(epochs, BATCH).batches(Math.round(0.9 * size.rows));
        return new NetConfig(
                size.backbone,
                OptimizerConfig.sgd(rate, 0.9).withWeightDecay(decay).withCosine(batches),
                true);
    }

    /** A fresh learner that is to train for so many epochs. */
    private interface Make {
        Learner of(int epochs, Schema schema, Rng rng);
    }

    private static Make make(Arm arm, Setting s, Size size) {
        return (epochs, schema, rng) -> {
            NetConfig net = net(s.rate, s.decay, size, epochs);
            if (!arm.plus) {
                return new Finetune(new Finetune.Config(net, s.loss), schema, rng);
            }
            ElrPlus.Config d = ElrPlus.Config.of(net);
            EarlyLearning.Config e = (EarlyLearning.Config) s.loss;
            return new ElrPlus(
                    new ElrPlus.Config(
                            net,
                            e.withoutClamp(),
                            d.twoNetworks(),
                            d.weightAverage(),
                            d.averageShare(),
                            d.averageRampSteps(),
                            d.mixup(),
                            d.turns(),
                            d.predictWith()),
                    schema,
                    rng);
        };
    }

    /** The setting that is best on the noisy held-out rows: at the end, or for early stopping at its best epoch. */
    private static Setting choose(
            StudyContext c, Arm arm, Bed bed, Split split, Size size, Map<Tried, Outcome> tried, List<Row> rows) {
        List<Double> score = new ArrayList<>();
        for (Setting s : arm.settings) {
            if (c.cancelled()) {
                break;
            }
            c.progress(rows.size(), -1, "choosing settings of " + arm.name + ", " + bed.name);
            // early stopping looks at the same runs as cross entropy
            Outcome o = tried.computeIfAbsent(
                    new Tried(arm.plus, s), t -> train(c, make(arm, s, size), arm, split, size.epochs, 0, false));
            score.add(arm.stopped ? o.bestHeld : o.held);
        }
        int best = IntStream.range(0, score.size())
                .boxed()
                .max(Comparator.comparingDouble(score::get))
                .orElse(0);
        Setting s = arm.settings.get(best);
        rows.add(new Row(arm.name, bed.name, 0, "chosen rate", s.rate));
        rows.add(new Row(arm.name, bed.name, 0, "chosen decay", s.decay));
        if (s.loss instanceof EarlyLearning.Config e) {
            rows.add(new Row(arm.name, bed.name, 0, "chosen beta", e.beta()));
            rows.add(new Row(arm.name, bed.name, 0, "chosen lambda", e.lambda()));
        } else if (s.loss instanceof GeneralisedCe.Config g) {
            rows.add(new Row(arm.name, bed.name, 0, "chosen q", g.q()));
        } else if (s.loss instanceof CrossEntropy.Config ce && ce.smoothing() > 0) {
            rows.add(new Row(arm.name, bed.name, 0, "chosen smoothing", ce.smoothing()));
        }
        return s;
    }

    private static void report(String arm, String bed, long seed, Outcome o, boolean stopped, List<Row> rows) {
        Memorisation m = stopped ? o.atBestHeld : o.end;
        rows.add(new Row(arm, bed, seed, ACCURACY, 100 * (stopped ? o.testAtBestHeld : o.test)));
        rows.add(new Row(arm, bed, seed, "best epoch %", 100 * o.bestTest));
        rows.add(new Row(arm, bed, seed, MEMORISED, 100 * m.memorised()));
        rows.add(new Row(arm, bed, seed, "corrected %", 100 * m.corrected()));
        rows.add(new Row(arm, bed, seed, "learning s", o.seconds));
    }

    /** Trains and looks at the rows after every epoch; the clean test rows only where {@code measure}. */
    private static Outcome train(
            StudyContext c, Make make, Arm arm, Split split, int epochs, long seed, boolean measure) {
        Rng rng = Rng.of(seed);
        long[] given = split.train.classIds();
        long[] ids = IntStream.range(0, given.length).mapToLong(split.train::id).toArray();
        long[] truth = split.truth.cleanOf(ids);
        // two networks take turns in passes: as many epochs each
        int passes = arm.plus ? 2 * epochs : epochs;
        long nanos = 0;
        double bestTest = 0;
        double bestHeld = -1;
        double held = 0;
        double test = 0;
        double testAtBestHeld = 0;
        Memorisation atBestHeld = null;
        try (Scope all = Scope.open();
                Learner learner = make.of(epochs, split.train.schema(), rng.child("learner"))) {
            Loader loader = split.train.batches(Pace.shuffled(passes, BATCH), rng.child("data"));
            int pass = 0;
            while (loader.hasNext() && !c.cancelled()) {
                try (Scope s = Scope.open()) {
                    Batch b = loader.next();
                    long start = System.nanoTime();
                    learner.learn(b);
                    nanos += System.nanoTime() - start;
                    boolean over = !loader.hasNext() || (b.rows().step() + 1) % batches(split.train) == 0;
                    if (!over) {
                        continue;
                    }
                }
                pass++;
                held = accuracy(learner, split.held);
                boolean better = held > bestHeld;
                bestHeld = Math.max(held, bestHeld);
                if (measure && (better || pass == passes || pass % 5 == 0)) {
                    test = accuracy(learner, split.test);
                    bestTest = Math.max(test, bestTest);
                    if (better) {
                        testAtBestHeld = test;
                        atBestHeld = memorisation(learner, split.train, given, truth);
                    }
                }
            }
            Memorisation end = measure ? memorisation(learner, split.train, given, truth) : null;
            return new Outcome(test, bestTest, held, bestHeld, testAtBestHeld, end, atBestHeld, nanos * 1e-9);
        }
    }

    private static long batches(Dataset d) {
        return Pace.shuffled(1, BATCH).batches(d.size());
    }

    private static Memorisation memorisation(Learner l, Dataset d, long[] given, long[] truth) {
        return Memorisation.of(predicted(l, d), given, truth);
    }

    private static double accuracy(Learner l, Dataset d) {
        int[] p = predicted(l, d);
        long[] y = d.classIds();
        return IntStream.range(0, p.length).filter(i -> p[i] == y[i]).count() / (double) p.length;
    }

    private static int[] predicted(Learner l, Dataset d) {
        int n = (int) d.size();
        int[] p = new int[n];
        for (int from = 0; from < n; from += 1000) {
            try (Scope s = Scope.open()) {
                int[] at = IntStream.range(from, Math.min(n, from + 1000)).toArray();
                int[] part = l.predict(d.rows(at).inputs()).classes();
                System.arraycopy(part, 0, p, from, part.length);
            }
        }
        return p;
    }
}
