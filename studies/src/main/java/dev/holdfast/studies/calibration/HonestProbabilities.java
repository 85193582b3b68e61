package dev.holdfast.studies.calibration;

import dev.holdfast.calibrate.Calibrator;
import dev.holdfast.calibrate.PostProcessor;
import dev.holdfast.calibrate.bin.BinningCalibrators;
import dev.holdfast.calibrate.linear.LinearCalibrators;
import dev.holdfast.calibrate.map.LearntCalibrators;
import dev.holdfast.calibrate.map.LearntCalibrators.Form;
import dev.holdfast.calibrate.map.MapTraining;
import dev.holdfast.calibrate.objective.HObjective;
import dev.holdfast.calibrate.objective.Objective;
import dev.holdfast.data.Prediction;
import dev.holdfast.evaluate.calibration.CalibrationMetric;
import dev.holdfast.evaluate.calibration.LabelledProbabilities;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.math.RankStatistics;
import dev.holdfast.nn.layer.Init;
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
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * h-calibration against the classic calibrators on networks that are too sure, and on synthetic logits with known truth.
 *
 * <p>Networks are trained without regularisation on 10,000 rows of Fashion-MNIST (full: and on letters); the test rows are
 * dealt in halves, one to fit on, one to measure on, and nothing is chosen on the second. {@code h} is the better of the
 * piecewise map and the mixture of temperatures by dECE on the rows that it was fitted on; the same map with NLL, Brier
 * and h isolates the objective. Measures are told times 100. Ranks are over the measures of a family, then averaged over splits.
 *
 * <p>{@code quick}: a multilayer perceptron, 2 splits, at most 250 passes; {@code full}: MLP, ConvNet and slim ResNet on
 * Fashion-MNIST and an MLP on letters, 5 splits, at most 2000 passes, and h with the monotone network.
 */
public final class HonestProbabilities implements Study {
    private static final String RAW = "uncalibrated";
    private static final String TS = "temperature";
    private static final String H = "h";
    private static final String MLP = "fashion MLP";
    private static final String SYNTHETIC = "synthetic";
    private static final String PLACE = "place among 10, top-label measures";
    private static final String FACTOR = "ECE uncalibrated / worst method";
    private static final String MOVED = "classes changed by order-preserving maps";
    private static final String TRUE_ERROR = "100 true calibration error";

    /** How much is run. */
    private record Size(int splits, int epochs, int synthetic, int resamples, boolean full) {}

    /** A calibrator and whether it takes part in the ranking; the others are the ablation. */
    private record Arm(String name, Calibrator calibrator, boolean ranked) {}

    @Override
    public Paper paper() {
        return new Paper(
                "12-h-calibration",
                "h-calibration: Rethinking Classifier Recalibration with Probabilistic Error-Bounded Objective",
                2025,
                "2506.17968");
    }

    @Override
    public String claim() {
        return "Minimising the gap of prediction and frequency among events of nearly equal probability gives the best average"
                + " rank and the lowest mean relative error over 15 tasks and up to 19 measures, against about 20"
                + " recalibration methods.";
    }

    @Override
    public List<Criterion> criteria() {
        return List.of(
                new Criterion(
                        "decisions", "order-preserving maps change no row's class", new Rule.Exact(MOVED, 0), true),
                new Criterion(
                        "error",
                        "every method has at most half of the uncalibrated ECE",
                        new Rule.Bound(MLP, FACTOR, "all methods", 2, 1000, 1),
                        true),
                new Criterion(
                        "rank",
                        "h is among the best three by mean rank over the top-label measures",
                        new Rule.Bound(MLP, PLACE, H, 1, 3, 1),
                        true),
                new Criterion(
                        "truth",
                        "where no temperature is right, h's true calibration error is at least 30 % below temperature's",
                        new Rule.Paired(SYNTHETIC, TRUE_ERROR, TS, H, 1 / 0.7, true, 1),
                        true),
                new Criterion(
                        "difference",
                        "whether ECE of h and of temperature differ on real rows is reported with a paired bootstrap",
                        new Rule.Report(),
                        false));
    }

    @Override
    public Findings run(StudyContext c) {
        List<Row> rows = new ArrayList<>();
        if (c.budget() == Budget.SMOKE) {
            Size tiny = new Size(1, 3, 200, 20, false);
            try (Scope s = Scope.open()) {
                CalibrationBed.Trained t = CalibrationBed.train(
                        c, c.data("sample"), BackboneConfig.mlp(Init.KAIMING_UNIFORM, 32), 300, 5, 400);
                bed(c, "smoke", t, tiny, rows);
                synthetic(c, tiny, rows);
            }
            return new Findings(rows);
        }
        boolean full = c.budget() == Budget.FULL;
        Size size = full ? new Size(5, 2000, 5000, 500, true) : new Size(2, 250, 5000, 500, false);
        Map<String, BackboneConfig> nets = new LinkedHashMap<>();
        nets.put(MLP, BackboneConfig.mlp(Init.KAIMING_UNIFORM, 512, 256));
        if (full) {
            nets.put(
                    "fashion ConvNet",
                    new BackboneConfig(BackboneConfig.Kind.CONVNET, List.of(), Init.KAIMING_UNIFORM));
            nets.put("fashion ResNet", new BackboneConfig(BackboneConfig.Kind.RESNET, List.of(), Init.KAIMING_UNIFORM));
        }
        nets.forEach((name, net) -> trained(c, name, "fashion", net, size, rows));
        if (full) {
            trained(c, "letter MLP", "tabular/letterrecognition.csv.gz?label=label", nets.get(MLP), size, rows);
        }
        synthetic(c, size, rows);
        return new Findings(rows);
    }

    private void trained(StudyContext c, String bed, String data, BackboneConfig net, Size size, List<Row> rows) {
        if (c.cancelled()) {
            return;
        }
        try (Scope s = Scope.open()) {
            bed(c, bed, CalibrationBed.train(c, c.data(data), net, 10_000, 40, Integer.MAX_VALUE), size, rows);
        }
    }

    private void bed(StudyContext c, String bed, CalibrationBed.Trained t, Size size, List<Row> rows) {
        for (long seed : c.seeds(size.splits)) {
            if (!c.cancelled()) {
                try (Scope s = Scope.open()) {
                    split(c, bed, t.split(seed), size, seed, rows);
                }
            }
        }
    }

    private void synthetic(StudyContext c, Size size, List<Row> rows) {
        for (long seed : c.seeds(size.splits)) {
            if (!c.cancelled()) {
                try (Scope s = Scope.open()) {
                    split(c, SYNTHETIC, CalibrationBed.synthetic(size.synthetic, seed), size, seed, rows);
                }
            }
        }
    }

    private static List<Arm> arms(Size size) {
        List<Arm> arms = new ArrayList<>();
        arms.add(new Arm(TS, LinearCalibrators.temperature(), true));
        arms.add(new Arm("vector", LinearCalibrators.vector(), true));
        arms.add(new Arm("dirichlet", LinearCalibrators.dirichlet(LinearCalibrators.DirichletConfig.DEFAULTS), true));
        arms.add(new Arm("isotonic", BinningCalibrators.isotonic(), true));
        arms.add(new Arm("histogram", BinningCalibrators.histogram(new BinningCalibrators.Bins(15)), true));
        arms.add(new Arm("beta", BinningCalibrators.beta(), true));
        arms.add(new Arm("ensemble + NLL", learnt(size, Form.ENSEMBLE, Objective.NLL), true));
        arms.add(new Arm("soft-binned", learnt(size, Form.TEMPERATURE, Objective.SOFT_ECE), true));
        arms.add(new Arm("piecewise + NLL", learnt(size, Form.PIECEWISE, Objective.NLL), true));
        arms.add(new Arm(
                H,
                LearntCalibrators.of(new LearntCalibrators.HConfig(
                        List.of(Form.PIECEWISE, Form.ENSEMBLE),
                        LearntCalibrators.Sizes.DEFAULTS,
                        training(size, MapTraining.SelectFor.TOP),
                        HObjective.Config.DEFAULTS)),
                true));
        arms.add(new Arm("piecewise + Brier", learnt(size, Form.PIECEWISE, Objective.BRIER), false));
        arms.add(new Arm("piecewise + h", learnt(size, Form.PIECEWISE, Objective.H), false));
        arms.add(new Arm("ensemble + Brier", learnt(size, Form.ENSEMBLE, Objective.BRIER), false));
        arms.add(new Arm("ensemble + h", learnt(size, Form.ENSEMBLE, Objective.H), false));
        if (size.full) {
            arms.add(new Arm("monotone + NLL", learnt(size, Form.MONOTONE, Objective.NLL), false));
            arms.add(new Arm("monotone + h", learnt(size, Form.MONOTONE, Objective.H), false));
        }
        return arms;
    }

    private static MapTraining.Config training(Size size, MapTraining.SelectFor use) {
        return MapTraining.Config.DEFAULTS.withSelectFor(use).withEpochs(size.epochs);
    }

    /** Each objective with the selection that belongs to it: the proper scores by NLL, the others by dECE. */
    private static Calibrator learnt(Size size, Form form, Objective o) {
        boolean proper = o == Objective.NLL || o == Objective.BRIER;
        MapTraining.SelectFor use = proper ? MapTraining.SelectFor.SCORE : MapTraining.SelectFor.TOP;
        return LearntCalibrators.of(
                form,
                new LearntCalibrators.Config(
                        o, LearntCalibrators.Sizes.DEFAULTS, training(size, use), HObjective.Config.DEFAULTS));
    }

    private void split(StudyContext c, String bed, CalibrationBed.Halves halves, Size size, long seed, List<Row> rows) {
        Map<String, LabelledProbabilities> said = new LinkedHashMap<>();
        LabelledProbabilities raw = LabelledProbabilities.ofLogits(halves.test().scores(), halves.testLabels());
        report(RAW, bed, seed, raw, halves.truth(), halves.test().scores().softmax(1), rows);
        List<String> ranked = new ArrayList<>();
        int[] before = halves.test().classes();
        double moved = 0;
        double worst = 0;
        for (Arm arm : arms(size)) {
            if (c.cancelled()) {
                return;
            }
            c.progress(rows.size(), -1, arm.name + ", " + bed + ", split " + seed);
            long start = System.nanoTime();
            try (Scope s = Scope.open()) {
                PostProcessor p = arm.calibrator.fit(halves.fit(), halves.target(), c);
                rows.add(new Row(arm.name, bed, seed, "learning s", (System.nanoTime() - start) * 1e-9));
                Prediction q = p.apply(halves.test());
                if (p.keepsDecision()) {
                    moved += Arrays.equals(q.classes(), before) ? 0 : 1;
                }
                LabelledProbabilities x = LabelledProbabilities.of(q.scores(), halves.testLabels());
                report(arm.name, bed, seed, x, halves.truth(), q.scores(), rows);
                said.put(arm.name, x);
                if (arm.ranked) {
                    ranked.add(arm.name);
                    worst = Math.max(worst, CalibrationMetric.ECE.of(x));
                }
            }
        }
        rows.add(new Row("all methods", bed, seed, MOVED, moved));
        rows.add(new Row("all methods", bed, seed, FACTOR, CalibrationMetric.ECE.of(raw) / worst));
        for (CalibrationMetric.Family family : CalibrationMetric.Family.values()) {
            ranks(bed, seed, family, ranked, said, rows);
        }
        difference(bed, seed, said.get(H), said.get(TS), size.resamples, rows);
    }

    /** Mean rank over the measures of a family, and the place by it. */
    private static void ranks(
            String bed,
            long seed,
            CalibrationMetric.Family family,
            List<String> arms,
            Map<String, LabelledProbabilities> said,
            List<Row> rows) {
        double[] mean = new double[arms.size()];
        List<CalibrationMetric> metrics = Arrays.stream(CalibrationMetric.values())
                .filter(m -> m.family() == family)
                .toList();
        for (CalibrationMetric m : metrics) {
            double[] value = arms.stream().mapToDouble(a -> m.of(said.get(a))).toArray();
            double[] rank = RankStatistics.ranks(value, false);
            for (int i = 0; i < rank.length; i++) {
                mean[i] += rank[i] / metrics.size();
            }
        }
        for (int i = 0; i < mean.length; i++) {
            double own = mean[i];
            rows.add(new Row(
                    arms.get(i), bed, seed, "mean rank, " + family.name().toLowerCase(java.util.Locale.ROOT), own));
            if (family == CalibrationMetric.Family.TOP) {
                double place =
                        1 + Arrays.stream(mean).filter(v -> v < own - 1e-9).count();
                rows.add(new Row(arms.get(i), bed, seed, PLACE, place));
            }
        }
    }

    private static void report(
            String arm,
            String bed,
            long seed,
            LabelledProbabilities x,
            Tensor truth,
            Tensor probabilities,
            List<Row> rows) {
        rows.add(new Row(arm, bed, seed, "accuracy %", 100 * x.accuracy()));
        for (CalibrationMetric m : CalibrationMetric.values()) {
            double v = m.of(x);
            if (Double.isFinite(v)) {
                rows.add(new Row(arm, bed, seed, "100 " + m.label(), 100 * v));
            }
        }
        if (truth != null) {
            // the named class's probability against its true one
            Tensor best = probabilities.argmax(new org.bytedeco.pytorch.LongOptional(1), true);
            double error = Tensors.item(probabilities
                    .gather(1, best)
                    .sub(truth.gather(1, best))
                    .abs()
                    .mean());
            rows.add(new Row(arm, bed, seed, TRUE_ERROR, 100 * error));
        }
    }

    /** ECE of h minus ECE of temperature over resamples of the same rows: the middle 95 %. */
    private static void difference(
            String bed, long seed, LabelledProbabilities h, LabelledProbabilities ts, int resamples, List<Row> rows) {
        int n = h.size();
        double[] d = new double[resamples];
        for (int r = 0; r < resamples; r++) {
            Rng rng = Rng.of(seed).child("resample", r);
            int[] draw = new int[n];
            Arrays.setAll(draw, i -> rng.below(n));
            d[r] = CalibrationMetric.ECE.of(h.rows(draw)) - CalibrationMetric.ECE.of(ts.rows(draw));
        }
        Arrays.sort(d);
        rows.add(new Row("h - temperature", bed, seed, "100 ECE_ew, 2.5 %", 100 * d[(int) (0.025 * resamples)]));
        rows.add(new Row(
                "h - temperature",
                bed,
                seed,
                "100 ECE_ew, estimate",
                100 * (CalibrationMetric.ECE.of(h) - CalibrationMetric.ECE.of(ts))));
        rows.add(new Row("h - temperature", bed, seed, "100 ECE_ew, 97.5 %", 100 * d[(int) (0.975 * resamples)]));
    }
}
