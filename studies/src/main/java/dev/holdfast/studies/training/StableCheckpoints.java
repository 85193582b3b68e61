package dev.holdfast.studies.training;

import dev.holdfast.nn.small.RiverValley;
import dev.holdfast.optim.Schedule;
import dev.holdfast.optim.schedule.CheckpointMethod;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.schedule.StableDecay;
import dev.holdfast.optim.schedule.StableDecay.DecayOf;
import dev.holdfast.optim.schedule.StableDecay.Shape;
import dev.holdfast.studies.training.CheckpointBed.Delivered;
import dev.holdfast.studies.training.ValleyBeds.Bigrams;
import dev.holdfast.studies.training.ValleyBeds.Excess;
import dev.holdfast.studies.training.ValleyBeds.River;
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
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * Warm-up, a held rate and a fall before every checkpoint, against branches, cosines by segments and cosines run by run.
 *
 * <p>Bed lm: a decoder of bytes (0.3 M parameters, windows of 128, batches of 8, AdamW with betas 0.9 and 0.95, gradients
 * clipped at 1) on Moby Dick, checkpoints after 300, 600 and 1200 updates, falls over 10 % of a segment to a tenth by the
 * inverse shape. The peak rate of each method is the best of three after the first checkpoint on seed 0. Bed river: {@code 2 (y
 * - 0.3 sin 1.5 x)² - x / 2} with noise of deviation 5 on both gradients. Bed bigrams: 64 tokens, half of them with a certain
 * next one, batches of 8.
 */
public final class StableCheckpoints implements Study {
    private static final String LM = "lm";
    private static final String RIVER = "river";
    private static final String VALLEY = "straight valley";
    private static final String BIGRAMS = "bigrams";
    private static final String WSD_S = CheckpointMethod.WSD_S.label();
    private static final String CYCLIC = CheckpointMethod.CYCLIC_COSINE.label();
    private static final String LEAST_DROP = "least drop of a fall";
    private static final String MEAN = "held-out loss, mean over checkpoints";
    private static final String LAST = "held-out loss at the last checkpoint";
    private static final String UPDATES = "updates for all checkpoints";
    private static final String LOSS = "final loss";
    private static final String PROGRESS = "way along the river";
    private static final String UNCERTAIN = "excess loss of uncertain rows";
    private static final String CERTAIN = "excess loss of certain rows";
    private static final String TOTAL = "excess loss";
    private static final String SMALL = "small rate, held";
    private static final String LARGE = "large rate, held";
    private static final String FALLS = "large rate that falls";
    private static final String LINEAR = "large rate that falls, linear";
    private static final String OFF_THEORY = "hill height off theory, relative";
    private static final double FLOOR = 0.1;

    private record Size(
            List<Long> ends,
            int warm,
            int width,
            int length,
            int batches,
            double[] peaks,
            int seeds,
            int chains,
            int pairs) {}

    @Override
    public Paper paper() {
        return new Paper(
                "16-wsd-s",
                "Understanding Warmup-Stable-Decay Learning Rates: A River Valley Loss Landscape Perspective",
                2024,
                "2410.05192");
    }

    @Override
    public String claim() {
        return "Holding the rate and letting it fall only before checkpoints, then going on from the decayed checkpoint"
                + " (WSD-S), delivers good checkpoints at several budgets in one run: better than branches (WSD) and cosines"
                + " by segments at equal compute for models of 0.1B to 1.2B parameters; the loss is a valley whose river"
                + " needs a large rate and whose hills need a falling one.";
    }

    @Override
    public List<Criterion> criteria() {
        return List.of(
                new Criterion(
                        "drop",
                        "every fall lowers the held-out loss by at least 0.02 nat",
                        new Rule.Bound(LM, LEAST_DROP, WSD_S, 0.02, 10, 1),
                        true),
                paired("mean", "WSD-S is not behind cyclic cosine", LM, MEAN, CYCLIC, WSD_S, -0.005),
                paired("last", "and ahead at the last checkpoint", LM, LAST, CYCLIC, WSD_S, 1e-9),
                paired(
                        "branches",
                        "WSD-S is within 0.02 nat of WSD",
                        LM,
                        MEAN,
                        CheckpointMethod.WSD.label(),
                        WSD_S,
                        -0.02),
                paired("cheaper", "with fewer updates", LM, UPDATES, CheckpointMethod.WSD.label(), WSD_S, 1),
                new Criterion(
                        "theory",
                        "the height above the valley is within 5 % of eta s² / (2 (2 - eta g))",
                        new Rule.Bound(VALLEY, OFF_THEORY, LARGE, 0, 0.05, 1),
                        true),
                paired("progress", "a larger rate goes farther along the river", RIVER, PROGRESS, LARGE, SMALL, 1e-9),
                paired(
                        "river-small",
                        "a large rate that falls ends below a small one",
                        RIVER,
                        LOSS,
                        SMALL,
                        FALLS,
                        1e-9),
                paired("river-large", "which ends below a large one", RIVER, LOSS, LARGE, SMALL, 1e-9),
                ratio("hills", "a fall lowers the excess of uncertain rows threefold", UNCERTAIN, LARGE, FALLS, 3),
                new Criterion(
                        "river-stays",
                        "and changes that of certain rows by less than 30 %",
                        new Rule.Bound(BIGRAMS, "excess of certain rows, falls over held", FALLS, 0.7, 1.3, 1),
                        true),
                ratio("finished", "a large rate has five times less excess of certain rows", CERTAIN, SMALL, LARGE, 5),
                paired("rank-small", "in total, falling is below small", BIGRAMS, TOTAL, SMALL, FALLS, 1e-9),
                paired("rank-large", "and small below large", BIGRAMS, TOTAL, LARGE, SMALL, 1e-9));
    }

    private static Criterion paired(
            String id, String sentence, String bed, String metric, String arm, String baseline, double margin) {
        return new Criterion(
                id, sentence + " (" + bed + ")", new Rule.Paired(bed, metric, arm, baseline, margin, false, 1), true);
    }

    private static Criterion ratio(
            String id, String sentence, String metric, String arm, String baseline, double margin) {
        return new Criterion(
                id,
                sentence + " (" + BIGRAMS + ")",
                new Rule.Paired(BIGRAMS, metric, arm, baseline, margin, true, 1),
                true);
    }

    @Override
    public String remarks() {
        return "The peak rates that are tried were moved down by half, after a first quick run chose the lowest of them.";
    }

    @Override
    public Findings run(StudyContext c) {
        double[] peaks = {5e-4, 1.5e-3, 5e-3};
        Size size =
                switch (c.budget()) {
                    case SMOKE -> new Size(List.of(10L, 24L), 2, 16, 16, 2, new double[] {1e-2}, 1, 50, 100);
                    case QUICK -> new Size(List.of(60L, 120L), 6, 96, 128, 8, peaks, 1, 4000, 8000);
                    case FULL -> new Size(List.of(300L, 600L, 1200L), 30, 96, 128, 24, peaks, 3, 20_000, 8000);
                };
        List<Row> rows = new ArrayList<>();
        for (long seed : c.seeds(c.budget() == Budget.SMOKE ? 1 : 5)) {
            c.progress(rows.size(), -1, "toys, seed " + seed);
            valley(rows, size, seed);
            bigrams(rows, size, seed);
        }
        lm(c, rows, size);
        return new Findings(rows);
    }

    private static void valley(List<Row> rows, Size size, long seed) {
        int steps = 40;
        double peak = 0.3;
        double noise = 5;
        Rng rng = Rng.of(seed).child("river");
        RiverValley straight = new RiverValley(4, 0.5, 0, 1);
        double height = straight.curvature() / 2 * straight.stationaryVariance(peak, noise);
        double seen = ValleyBeds.river(straight, Constant.ONE, peak, noise, steps, size.chains, rng.child("straight"))
                .hill();
        rows.add(new Row(LARGE, VALLEY, seed, OFF_THEORY, Math.abs(seen / height - 1)));
        RiverValley v = new RiverValley();
        Map<String, Schedule> arms = Map.of(
                LARGE,
                Constant.ONE,
                SMALL,
                new Constant(0.1),
                FALLS,
                StableDecay.once(0, steps, 10, FLOOR, Shape.INVERSE),
                WSD_S,
                new StableDecay(0, List.of(20L, 40L), List.of(10L, 10L), FLOOR, Shape.INVERSE, 0));
        for (String arm : List.of(SMALL, LARGE, FALLS, WSD_S)) {
            River r = ValleyBeds.river(v, arms.get(arm), peak, noise, steps, size.chains, rng.child("bends"));
            rows.add(new Row(arm, RIVER, seed, PROGRESS, r.progress()));
            rows.add(new Row(arm, RIVER, seed, "height above the river", r.hill()));
            rows.add(new Row(arm, RIVER, seed, LOSS, r.loss()));
        }
    }

    private static void bigrams(List<Row> rows, Size size, long seed) {
        Bigrams b = Bigrams.of(64, Rng.of(seed).child("bigrams"));
        int fall = size.pairs / 10;
        Map<String, Schedule> arms = Map.of(
                LARGE,
                Constant.ONE,
                SMALL,
                new Constant(0.1),
                FALLS,
                StableDecay.once(0, size.pairs, fall, 0.01, Shape.INVERSE),
                LINEAR,
                StableDecay.once(0, size.pairs, fall, 0.01, Shape.LINEAR));
        double held = Double.NaN;
        for (String arm : List.of(SMALL, LARGE, FALLS, LINEAR)) {
            Excess e = b.train(arms.get(arm), 8, 8, size.pairs, Rng.of(seed).child("pairs"));
            rows.add(new Row(arm, BIGRAMS, seed, CERTAIN, e.certain()));
            rows.add(new Row(arm, BIGRAMS, seed, UNCERTAIN, e.uncertain()));
            rows.add(new Row(arm, BIGRAMS, seed, TOTAL, e.total()));
            if (arm.equals(LARGE)) {
                held = e.certain();
            } else if (arm.equals(FALLS)) {
                rows.add(new Row(arm, BIGRAMS, seed, "excess of certain rows, falls over held", e.certain() / held));
            }
        }
    }

    private static void lm(StudyContext c, List<Row> rows, Size size) {
        StudyText text = StudyText.of(c);
        StableDecay plan = StableDecay.of(size.warm, size.ends, 0.1, DecayOf.SEGMENT, FLOOR, Shape.INVERSE);
        Map<CheckpointMethod, Double> peaks = new EnumMap<>(CheckpointMethod.class);
        try (Scope all = Scope.open()) {
            CheckpointBed tuning = new CheckpointBed(text, size.width, size.length, 1, size.batches, 0);
            // up to the first checkpoint WSD is WSD-S and one cosine is the other
            double held = tuned(tuning, CheckpointMethod.WSD_S, plan, size, c);
            double cosine = tuned(tuning, CheckpointMethod.COSINE, plan, size, c);
            for (CheckpointMethod m : CheckpointMethod.values()) {
                boolean falls = m == CheckpointMethod.WSD_S || m == CheckpointMethod.WSD;
                peaks.put(m, falls ? held : cosine);
                rows.add(new Row(m.label(), LM, 0, "chosen peak rate", peaks.get(m)));
            }
        }
        for (long seed : c.seeds(size.seeds)) {
            CheckpointBed bed = new CheckpointBed(text, size.width, size.length, 1, size.batches, seed);
            Map<CheckpointMethod, Delivered> all = new EnumMap<>(CheckpointMethod.class);
            for (CheckpointMethod m : CheckpointMethod.values()) {
                if (c.cancelled()) {
                    return;
                }
                c.progress(rows.size(), -1, m.label() + ", seed " + seed);
                try (Scope s = Scope.open()) {
                    all.put(m, bed.withPeak(peaks.get(m)).deliver(m, plan, c));
                }
            }
            if (!c.cancelled()) {
                report(rows, all, size, seed);
            }
        }
        c.progress(rows.size(), -1, "a close look at WSD-S");
        try (Scope s = Scope.open()) {
            new CheckpointBed(text, size.width, size.length, peaks.get(CheckpointMethod.WSD_S), size.batches, 1)
                    .diagnoses(plan)
                    .forEach((metric, v) -> rows.add(new Row(WSD_S, LM, 1, metric, v)));
        }
    }

    private static double tuned(CheckpointBed bed, CheckpointMethod m, StableDecay plan, Size size, StudyContext c) {
        double best = Double.POSITIVE_INFINITY;
        double chosen = size.peaks[0];
        for (double peak : size.peaks) {
            c.progress(0, -1, m.label() + ", peak " + peak);
            double loss = bed.withPeak(peak).deliver(m, plan.branch(0), c).losses().stream()
                    .findFirst()
                    .orElse(Double.NaN);
            if (loss < best) {
                best = loss;
                chosen = peak;
            }
        }
        return chosen;
    }

    private static void report(List<Row> rows, Map<CheckpointMethod, Delivered> all, Size size, long seed) {
        List<Double> oracle = all.get(CheckpointMethod.COSINE).losses();
        all.forEach((m, d) -> {
            for (int k = 0; k < size.ends.size(); k++) {
                String at = " after " + size.ends.get(k) + " updates";
                rows.add(new Row(
                        m.label(), LM, seed, "held-out loss" + at, d.losses().get(k)));
                if (m != CheckpointMethod.COSINE) {
                    rows.add(new Row(
                            m.label(), LM, seed, "regret" + at, d.losses().get(k) - oracle.get(k)));
                }
                if (!d.drops().isEmpty()) {
                    rows.add(new Row(
                            m.label(),
                            LM,
                            seed,
                            "drop of the fall" + at,
                            d.drops().get(k)));
                }
            }
            rows.add(new Row(m.label(), LM, seed, MEAN, d.mean()));
            rows.add(new Row(m.label(), LM, seed, LAST, d.last()));
            rows.add(new Row(m.label(), LM, seed, UPDATES, d.updates()));
            d.drops().stream()
                    .min(Double::compare)
                    .ifPresent(v -> rows.add(new Row(m.label(), LM, seed, LEAST_DROP, v)));
        });
    }
}
