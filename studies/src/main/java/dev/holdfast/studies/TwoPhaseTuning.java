package dev.holdfast.studies;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.ClassSubset;
import dev.holdfast.data.source.Splits;
import dev.holdfast.evaluate.metric.SessionScores;
import dev.holdfast.math.Bootstrap;
import dev.holdfast.math.RankStatistics;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.registry.ScenarioPlugin;
import dev.holdfast.search.Bed;
import dev.holdfast.search.Candidate;
import dev.holdfast.search.Journal;
import dev.holdfast.search.Outcome;
import dev.holdfast.search.SearchAxis;
import dev.holdfast.search.SearchSpace;
import dev.holdfast.search.Selection;
import dev.holdfast.search.Tuned;
import dev.holdfast.search.TwoPhase;
import dev.holdfast.search.TwoPhaseReport;
import dev.holdfast.study.Criterion;
import dev.holdfast.study.Findings;
import dev.holdfast.study.Findings.Row;
import dev.holdfast.study.Paper;
import dev.holdfast.study.Rule;
import dev.holdfast.study.Study;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.hipparchus.distribution.discrete.BinomialDistribution;

/**
 * What tuning on the stream that is scored adds to a learner's score: learners tuned on some classes and scored on others,
 * beside the same settings tuned where they are scored.
 *
 * <p>Letters: the first half of the alphabet to tune on, the second to score on, six parts. Digits and clothes: one to tune
 * on, the other to score on, five parts of two. Every learner has a perceptron, SGD with momentum 0.9 and the same axes
 * (passes, rows a batch, rate, weight decay) plus its own, 20 stored rows a class, and equally many settings.
 */
public final class TwoPhaseTuning implements Study {
    private static final String LETTERS = "letters A-M to N-Z";
    private static final String DIGITS = "digits to clothes";
    private static final String CLOTHES = "clothes to digits";
    private static final String ALL = "all learners";
    private static final String OVER = "overestimation, points";
    private static final String LOW_END = "overestimation, lower end of its 90 % interval, points";
    private static final String TAU = "Kendall's tau-b of both rankings";
    private static final String KNOBS = "Spearman's correlation of options and overestimation";
    private static final String FURTHER = "overestimation, digits and clothes less letters, points";
    private static final String NOISE = "random guesses: overestimation less its expectation, standard errors";
    private static final int STORED = 20;
    private static final int GUESSES = 400;
    private static final int CHOICES = 10;

    /**
     * How much is done.
     *
     * @param perClass training rows a class
     * @param further settings on digits and clothes; 0 = these are left out
     */
    private record Size(List<String> learners, int perClass, int trials, int seeds, int scored, int further) {}

    @Override
    public Paper paper() {
        return new Paper(
                "47-cl-hyper-protocol", "Hyperparameters in Continual Learning: A Reality Check", 2024, "2403.09066");
    }

    @Override
    public String claim() {
        return "Learners that are tuned on one stream and scored on another do not keep the advantage that tuning where they"
                + " are scored gives them; in about 8,000 runs an expandable network held up best, newer methods often fell"
                + " below it.";
    }

    @Override
    public List<Criterion> criteria() {
        return List.of(
                new Criterion(
                        "1 flattery",
                        "Tuning where one scores adds at least half a point, averaged over learners (letters)",
                        new Rule.Bound(LETTERS, OVER, ALL, 0.5, 100, 1),
                        true),
                new Criterion(
                        "1 not chance",
                        "The 90 % interval of that average, over learners, lies above 0",
                        new Rule.Bound(LETTERS, LOW_END, ALL, 1e-9, 100, 1),
                        true),
                new Criterion(
                        "2 further data",
                        "It adds as much, up to half a point, when the data to tune on are of another kind",
                        new Rule.Bound(ALL, FURTHER, ALL, -0.5, 100, 1),
                        false),
                new Criterion(
                        "3 ranks",
                        "On at least one bed the learners' order changes",
                        new Rule.AnyOf(List.of(
                                new Rule.Bound(LETTERS, TAU, ALL, -1, 1 - 1e-9, 1),
                                new Rule.Bound(DIGITS, TAU, ALL, -1, 1 - 1e-9, 1),
                                new Rule.Bound(CLOTHES, TAU, ALL, -1, 1 - 1e-9, 1))),
                        true),
                new Criterion(
                        "4 noise",
                        "Random guesses are overestimated by the expected maximum of as many draws, within 2 standard errors",
                        new Rule.Bound(ALL, NOISE, "random guesses", -2, 2, 1),
                        true),
                new Criterion(
                        "knobs",
                        "The correlation of the number of options with the overestimation is reported; that newer is worse"
                                + " is not claimed from these data",
                        new Rule.Report(),
                        false));
    }

    @Override
    public Findings run(StudyContext c) {
        List<String> five = List.of("finetune", "er", "icarl", "derpp", "gacil");
        Size size =
                switch (c.budget()) {
                    case SMOKE -> new Size(List.of("finetune", "gacil"), 10, 2, 1, 1, 0);
                    case QUICK -> new Size(five, 600, 4, 1, 1, 0);
                    case FULL ->
                        new Size(
                                List.of(
                                        "finetune",
                                        "er",
                                        "er-ace",
                                        "icarl",
                                        "icarl, head",
                                        "derpp",
                                        "bic",
                                        "wa",
                                        "der-expansion",
                                        "gacil"),
                                600,
                                10,
                                2,
                                3,
                                4);
                };
        List<Row> rows = new ArrayList<>();
        DataPair letters = c.budget() == StudyContext.Budget.SMOKE
                ? c.data("sample")
                : c.data("tabular/letterrecognition.csv.gz?label=label");
        int classes = letters.schema().classes().size();
        int half = classes / 2;
        double[] near = bed(
                c,
                size,
                LETTERS,
                size.trials,
                laid(few(half(letters, 0, half), size.perClass), half % 2 + 2),
                laid(few(half(letters, half, classes), size.perClass), half % 2 + 2),
                rows);
        if (size.further > 0 && !c.cancelled()) {
            Bed<?> digits = laid(few(c.data("mnist"), size.perClass), 2);
            Bed<?> clothes = laid(few(c.data("fashion"), size.perClass), 2);
            double[] there = bed(c, size, DIGITS, size.further, digits, clothes, rows);
            double[] back = bed(c, size, CLOTHES, size.further, clothes, digits, rows);
            rows.add(new Row(ALL, ALL, 1, FURTHER, (mean(there) + mean(back)) / 2 - mean(near)));
        }
        guesses(size.trials, rows);
        return new Findings(rows);
    }

    /** Overestimation of every learner that has one. */
    private static double[] bed(
            StudyContext c, Size size, String bed, int trials, Bed<?> tuning, Bed<?> scoring, List<Row> rows) {
        List<Candidate<?>> learners = size.learners.stream()
                .<Candidate<?>>map(name ->
                        candidate(name, tuning.train().schema().classes().size()))
                .toList();
        TwoPhase.Config config = TwoPhase.Config.defaults().withRuns(trials, size.seeds, size.scored);
        TwoPhase protocol = new TwoPhase(
                config,
                learners,
                Journal.inMemory(),
                c::cancelled,
                (learner, trial, seed) -> c.progress(
                        rows.size(), -1, bed + ", " + learner + ", setting " + (trial + 1) + ", seed " + seed));
        TwoPhaseReport r;
        try {
            r = protocol.run(tuning, () -> scoring, false, true);
        } catch (TwoPhase.Cancelled stopped) {
            return new double[0];
        }
        for (int i = 0; i < learners.size(); i++) {
            TwoPhaseReport.Line l = r.lines().get(i);
            String name = learners.get(i).name();
            rows.add(new Row(
                    name, bed, 1, "options", learners.get(i).space().axes().size()));
            rows.add(new Row(name, bed, 1, "settings that failed", l.tuned().failed()));
            rows.add(new Row(name, bed, 1, "learning s", l.tuned().seconds()));
            if (l.twoPhase() != null) {
                rows.add(new Row(
                        name,
                        bed,
                        1,
                        "average accuracy, two phases, %",
                        100 * l.twoPhase().average().mean()));
                rows.add(new Row(
                        name,
                        bed,
                        1,
                        "last accuracy, two phases, %",
                        100 * l.twoPhase().last().mean()));
                rows.add(new Row(
                        name,
                        bed,
                        1,
                        "forgetting, two phases, points",
                        100 * l.twoPhase().forgetting().mean()));
                rows.add(new Row(name, bed, 1, "rank, two phases", r.rankTwoPhase()[i]));
            }
            if (l.conventional() != null) {
                rows.add(new Row(
                        name,
                        bed,
                        1,
                        "average accuracy, tuned where scored, %",
                        100 * l.conventional().average().mean()));
                rows.add(new Row(name, bed, 1, "rank, tuned where scored", r.rankConventional()[i]));
                rows.add(new Row(name, bed, 1, OVER, 100 * l.overestimation()));
            }
            l.tuned()
                    .sensitivity()
                    .forEach((option, spread) ->
                            rows.add(new Row(name, bed, 1, "spread over " + option + ", points", 100 * spread)));
        }
        double[] over = Arrays.stream(r.overestimations()).map(v -> 100 * v).toArray();
        if (over.length > 1) {
            Bootstrap.Interval i = Bootstrap.mean(over, 0.9, 2000, Rng.of(1).child("bootstrap")::below);
            rows.add(new Row(ALL, bed, 1, OVER, i.estimate()));
            rows.add(new Row(ALL, bed, 1, LOW_END, i.low()));
            rows.add(new Row(ALL, bed, 1, TAU, r.kendallTau()));
            double[] options = IntStream.range(0, learners.size())
                    .filter(i2 -> !Double.isNaN(r.lines().get(i2).overestimation()))
                    .mapToDouble(i2 -> learners.get(i2).space().axes().size())
                    .toArray();
            double knobs = RankStatistics.spearman(options, over);
            if (!Double.isNaN(knobs)) {
                rows.add(new Row(ALL, bed, 1, KNOBS, knobs));
            }
        }
        return over;
    }

    /** A learner with the space that it is searched in. */
    private static Candidate<?> candidate(String name, int classes) {
        boolean head = name.equals("icarl, head");
        return candidate(name, Registry.load().learner(head ? "icarl" : name), head, classes);
    }

    private static <C extends Record> Candidate<C> candidate(
            String name, LearnerPlugin<C> plugin, boolean head, int classes) {
        Map<String, String> base = new LinkedHashMap<>();
        Map<String, String> axes = new LinkedHashMap<>();
        axes.put("scenario.epochs", "1,2,4,8");
        axes.put("scenario.batchSize", "16,32,64,128");
        if (name.equals("gacil")) {
            axes.put("buffer", "256,512,1024");
            axes.put("gamma", "0.01,0.1,1,10");
        } else {
            base.put("net.backbone.kind", "MLP");
            base.put("net.backbone.widths", "128,128");
            base.put("net.optimizer.kind", "SGD");
            base.put("net.optimizer.momentum", "0.9");
            axes.put("net.optimizer.rate", "0.003,0.01,0.03,0.1,0.3");
            axes.put("net.optimizer.weightDecay", "0,1e-4,1e-3");
        }
        if (!name.equals("gacil") && !name.equals("finetune")) {
            base.put("capacity", Integer.toString(STORED * classes));
            axes.put("replayBatch", "16,32,64");
        }
        switch (name) {
            case "derpp" -> {
                axes.put("alpha", "0.1,0.2,0.5,1");
                axes.put("beta", "0.5,1");
            }
            case "bic" -> {
                axes.put("temperature", "1,1.5,2,2.5");
                axes.put("heldOut", "0.05,0.1,0.15,0.2,0.3");
            }
            case "wa" -> axes.put("temperature", "1,1.5,2,2.5");
            case "der-expansion" -> axes.put("auxiliary", "0.5,1,1.5,2,3");
            default -> {
                // the common options are all
            }
        }
        if (head) {
            base.put("predictor", "HEAD");
        }
        return new Candidate<>(
                name,
                plugin,
                ConfigBinder.set(plugin.defaults(), base),
                new SearchSpace(axes.entrySet().stream()
                        .map(e -> SearchAxis.parse(e.getKey(), e.getValue()))
                        .toList()));
    }

    /** Parts of two classes; the first has {@code first}, so that odd numbers go up. */
    private static Bed<?> laid(DataPair data, int first) {
        return laid(Registry.load().scenario("class-incremental"), data, first);
    }

    private static <S extends Record> Bed<S> laid(ScenarioPlugin<S> plugin, DataPair data, int first) {
        S config = ConfigBinder.set(plugin.defaults(), Map.of("first", Integer.toString(first), "increment", "2"));
        return new Bed<>(plugin, config, data.train(), data.test());
    }

    private static DataPair half(DataPair data, int from, int to) {
        Set<Integer> ids = data.schema().classes().columns().subList(from, to).stream()
                .map(ClassIndex.Column::classId)
                .collect(Collectors.toSet());
        return new DataPair(
                data.name(), data.note(), ClassSubset.of(data.train(), ids), ClassSubset.of(data.test(), ids));
    }

    private static DataPair few(DataPair data, int perClass) {
        return new DataPair(data.name(), data.note(), few(data.train(), perClass), few(data.test(), perClass));
    }

    private static Dataset few(Dataset d, int perClass) {
        long rows = Math.min(d.size(), (long) perClass * d.schema().classes().size());
        return d.subset(Splits.sample(d.classIds(), rows, Rng.of(1)));
    }

    /**
     * A learner that guesses: every setting's score is the share of right guesses among rows of ten classes, so the best of
     * R settings lies above any one by the expected maximum of R draws.
     */
    private static void guesses(int trials, List<Row> rows) {
        int repeats = 5000;
        double[] over = new double[repeats];
        Rng rng = Rng.of(1).child("guesses");
        for (int i = 0; i < repeats; i++) {
            List<Tuned.Tried> tuning = new ArrayList<>();
            List<List<Outcome>> scored = new ArrayList<>();
            for (int r = 0; r < trials; r++) {
                tuning.add(new Tuned.Tried(Map.of("setting", Integer.toString(r)), 1, List.of(guess(rng))));
                scored.add(List.of(guess(rng)));
            }
            Tuned t = Tuned.of("random guesses", tuning, Selection.AVERAGE);
            over[i] = TwoPhaseReport.of(Selection.AVERAGE, List.of(t), List.of(scored))
                    .lines()
                    .get(0)
                    .overestimation();
        }
        double mean = mean(over);
        double expected = expectedMaximum(trials) / GUESSES - 1.0 / CHOICES;
        double error =
                Math.sqrt(Arrays.stream(over).map(v -> (v - mean) * (v - mean)).sum() / (repeats - 1.0) / repeats);
        rows.add(new Row("random guesses", ALL, 1, OVER, 100 * mean));
        rows.add(new Row("random guesses", ALL, 1, NOISE, (mean - expected) / error));
    }

    private static Outcome guess(Rng rng) {
        int right = 0;
        for (int i = 0; i < GUESSES; i++) {
            right += rng.below(CHOICES) == 0 ? 1 : 0;
        }
        double accuracy = right / (double) GUESSES;
        return new Outcome(new SessionScores(List.of(accuracy), accuracy, accuracy, Double.NaN), "", 0, 0, 0, 0);
    }

    /** Expected number of right guesses of the best of n guessers: the sum of 1 - F(k)^n over k >= 0. */
    private static double expectedMaximum(int n) {
        BinomialDistribution right = new BinomialDistribution(GUESSES, 1.0 / CHOICES);
        return IntStream.range(0, GUESSES)
                .mapToDouble(k -> 1 - Math.pow(right.cumulativeProbability(k), n))
                .sum();
    }

    private static double mean(double[] v) {
        return Arrays.stream(v).average().orElse(Double.NaN);
    }
}
