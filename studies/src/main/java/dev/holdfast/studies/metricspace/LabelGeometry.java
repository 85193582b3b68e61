package dev.holdfast.studies.metricspace;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.metricspace.DistanceScores;
import dev.holdfast.metricspace.EmbeddingMetric;
import dev.holdfast.metricspace.Locus;
import dev.holdfast.metricspace.Loki;
import dev.holdfast.metricspace.NextClass;
import dev.holdfast.metricspace.TreeMetric;
import dev.holdfast.studies.metricspace.LabelBed.Classifier;
import dev.holdfast.study.Criterion;
import dev.holdfast.study.Findings;
import dev.holdfast.study.Findings.Row;
import dev.holdfast.study.Paper;
import dev.holdfast.study.Rule;
import dev.holdfast.study.Study;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Prediction in a metric space of labels, by classifiers that know few of them. Bed one: random trees of 120 vertices, every
 * vertex a label, the mean of its rows that of its parent plus noise in 20 dimensions, rows with noise of deviation 2; one
 * tenth, a quarter, a half, and all labels observed. Bed two: clothes and digits as pixels, five of twenty classes observed,
 * distances along the tree that comes with Holdfast, or from the means of all classes' pixels. Test rows are of all
 * labels. The temperature of "tuned" is chosen on every other test row and scored on the rest; the other arms are scored on
 * the same rest. Active selection: random trees of 100 labels, from two observed ones on, until every label can be answered.
 *
 * <p>{@code quick}: 40 rows a label on trees, 60 on images, five seeds. {@code full}: 100 and 300.
 */
public final class LabelGeometry implements Study {
    private static final String SQUARED = "mean squared distance";
    private static final String ERROR = "labels missed %";
    private static final String UNSEEN = "answers outside the observed labels %";
    private static final String AREA = "area under the curve of labels that can be answered, %";
    private static final String STEPS = "steps to cover less leaves not covered";
    private static final String ARGMAX = "arg-max";
    private static final String LOKI = "Loki";
    private static final String TUNED = "Loki, tuned";
    private static final String OWN = "Loki, metric of class means";
    private static final String COORDINATES = "regression to coordinates";
    private static final String ANCESTOR = "common ancestor";
    private static final String TREES = "choice of classes on trees";
    private static final double[] TEMPERATURES = {0.25, 0.5, 1, 2, 4};
    private static final int[] SHARES = {10, 25, 50, 100};

    @Override
    public Paper paper() {
        return new Paper("44-loki", "Geometry-Aware Adaptation for Pretrained Models", 2023, "2307.12226");
    }

    @Override
    public String claim() {
        return "Where labels live in a metric space, answering the label of least expected squared distance instead of the most"
                + " probable one lowers the mean squared distance of classifiers that know few labels by up to 29.7 %, without"
                + " training, and choosing the next classes by the metric makes all labels answerable in far fewer steps.";
    }

    private static String tree(Classifier by, int share) {
        return "tree, " + by.words + ", " + share + " % observed";
    }

    private static String images(Classifier by) {
        return "images, " + by.words + ", 25 % observed";
    }

    @Override
    public List<Criterion> criteria() {
        List<Criterion> all = new ArrayList<>();
        for (Classifier by : Classifier.values()) {
            for (int share : new int[] {10, 25}) {
                all.add(new Criterion(
                        "tree, " + by.words + ", " + share + " %",
                        "with " + by.words + " and " + share
                                + " % of the labels of a tree observed, the mean squared distance"
                                + " falls by at least 15 %",
                        new Rule.Paired(tree(by, share), SQUARED, ARGMAX, LOKI, 1 / 0.85, true, 1),
                        true));
            }
            all.add(new Criterion(
                    "images, " + by.words,
                    "with " + by.words + " on images and a quarter of the classes observed it falls by at least 5 %",
                    new Rule.Paired(images(by), SQUARED, ARGMAX, LOKI, 1 / 0.95, true, 1),
                    true));
        }
        all.add(new Criterion(
                "choice",
                "the choice by distance makes more labels answerable than a random one, in every seed",
                new Rule.Paired(TREES, AREA, "farthest", "random", 1e-9, false, 0.999),
                true));
        all.add(new Criterion(
                "cover",
                "all labels of a tree can be answered after exactly as many steps as there were leaves not covered",
                new Rule.Exact(STEPS, 0),
                true));
        all.add(new Criterion(
                "price",
                "labels missed, and answers outside the observed labels, are reported",
                new Rule.Report(),
                false));
        return all;
    }

    @Override
    public Findings run(StudyContext c) {
        List<Row> rows = new ArrayList<>();
        boolean smoke = c.budget() == StudyContext.Budget.SMOKE;
        boolean full = c.budget() == StudyContext.Budget.FULL;
        for (long seed : c.seeds(smoke ? 1 : 5)) {
            if (c.cancelled()) {
                break;
            }
            c.progress(rows.size(), -1, "seed " + seed);
            try (Scope s = Scope.open()) {
                Rng rng = Rng.of(seed);
                int nodes = smoke ? 20 : 120;
                LabelBed bed =
                        LabelBed.tree(nodes, 20, 2, smoke ? 5 : full ? 100 : 40, smoke ? 2 : 10, rng.child("tree"));
                for (int share : SHARES) {
                    int[] observed = drawn(nodes, nodes * share / 100, rng.child("observed", share));
                    for (Classifier by : Classifier.values()) {
                        measure(bed, by, tree(by, share), seed, smoke ? 20 : 300, null, rows, observed);
                    }
                }
            }
            if (!smoke) {
                try (Scope s = Scope.open()) {
                    LabelBed bed =
                            LabelBed.images(c.data("fashion"), c.data("mnist"), full ? 300 : 60, full ? 100 : 40);
                    int[] observed = drawn(20, 5, Rng.of(seed).child("images"));
                    Tensor means =
                            bed.train().reshape(20, -1, bed.train().size(1)).mean(1);
                    try (EmbeddingMetric own = new EmbeddingMetric(means.sub(means.mean(0)))) {
                        for (Classifier by : Classifier.values()) {
                            measure(bed, by, images(by), seed, 200, own, rows, observed);
                        }
                    }
                }
            }
            choice(LabelBed.randomTree(smoke ? 15 : 100, Rng.of(seed).child("choice")), seed, rows);
        }
        return new Findings(rows);
    }

    private static int[] drawn(int n, int k, Rng rng) {
        int[] some = Arrays.copyOf(rng.permutation(n), Math.max(1, k));
        Arrays.sort(some);
        return some;
    }

    private static void measure(
            LabelBed bed,
            Classifier by,
            String name,
            long seed,
            int steps,
            EmbeddingMetric own,
            List<Row> rows,
            int... observed) {
        Tensor p = bed.probabilities(by, steps, observed);
        int n = bed.testLabel().length;
        int[] chosenOn = IntStream.range(0, n).filter(i -> i % 2 == 0).toArray();
        int[] scoredOn = IntStream.range(0, n).filter(i -> i % 2 == 1).toArray();
        Tensor q = Tensors.rows(p, scoredOn);
        int[] truth = Arrays.stream(scoredOn).map(i -> bed.testLabel()[i]).toArray();
        Loki loki = new Loki(bed.metric(), observed);
        tell(ARGMAX, bed, name, seed, LabelBed.mostProbable(q, observed), truth, rows, observed);
        tell(LOKI, bed, name, seed, loki.predict(q), truth, rows, observed);
        ClassIndex columns = ClassIndex.of(Arrays.stream(observed)
                .mapToObj(o -> new ClassIndex.Column(o, Integer.toString(o)))
                .toList());
        double t = loki.tune(
                new Prediction(Tensors.rows(p, chosenOn), columns, Prediction.Kind.PROBABILITIES),
                Arrays.stream(chosenOn).map(i -> bed.testLabel()[i]).toArray(),
                TEMPERATURES);
        Tensor tuned = Loki.probabilities(new Prediction(q, columns, Prediction.Kind.PROBABILITIES), t);
        tell(TUNED, bed, name, seed, loki.predict(tuned), truth, rows, observed);
        tell(COORDINATES, bed, name, seed, picked(bed.byCoordinates(observed), scoredOn), truth, rows, observed);
        if (bed.metric() instanceof TreeMetric tree && tree.complete()) {
            tell(ANCESTOR, bed, name, seed, LabelBed.commonAncestor(tree, q, observed), truth, rows, observed);
        }
        if (own != null) {
            tell(OWN, bed, name, seed, new Loki(own, observed).predict(q), truth, rows, observed);
        }
    }

    private static int[] picked(int[] of, int[] at) {
        return Arrays.stream(at).map(i -> of[i]).toArray();
    }

    private static void tell(
            String arm,
            LabelBed bed,
            String name,
            long seed,
            int[] said,
            int[] truth,
            List<Row> rows,
            int... observed) {
        DistanceScores d = DistanceScores.of(bed.metric(), said, truth, observed);
        rows.add(new Row(arm, name, seed, SQUARED, d.meanSquared()));
        rows.add(new Row(arm, name, seed, ERROR, 100 * d.error()));
        rows.add(new Row(arm, name, seed, UNSEEN, 100 * d.unseen()));
    }

    /** Labels that can be answered, after each class more, by distance and at random. */
    private static void choice(TreeMetric tree, long seed, List<Row> rows) {
        int[] start = Arrays.copyOf(Rng.of(seed).child("start").permutation(tree.size()), 2);
        int[] leaves = tree.leaves();
        int[] first = Locus.of(tree, start);
        int open = (int) Arrays.stream(leaves)
                .filter(l -> Arrays.binarySearch(first, l) < 0)
                .count();
        NextClass rule = new NextClass(tree, NextClass.Rule.FARTHEST);
        List<Integer> farthest = curve(tree, start, now -> rule.next(now));
        Rng draws = Rng.of(seed).child("random");
        List<Integer> random = curve(tree, start, now -> {
            int[] locus = Locus.of(tree, now);
            int[] left = IntStream.range(0, tree.size())
                    .filter(v -> Arrays.binarySearch(locus, v) < 0)
                    .toArray();
            return left.length == 0 ? OptionalInt.empty() : OptionalInt.of(left[draws.below(left.length)]);
        });
        int steps = Math.max(farthest.size(), random.size());
        rows.add(new Row("farthest", TREES, seed, AREA, area(farthest, steps, tree.size())));
        rows.add(new Row("random", TREES, seed, AREA, area(random, steps, tree.size())));
        rows.add(new Row("farthest", TREES, seed, STEPS, farthest.size() - 1 - open));
        rows.add(new Row("farthest", TREES, seed, "steps to cover", farthest.size() - 1));
        rows.add(new Row("random", TREES, seed, "steps to cover", random.size() - 1));
    }

    private interface Next {
        OptionalInt next(int... observed);
    }

    private static List<Integer> curve(TreeMetric tree, int[] start, Next next) {
        List<Integer> sizes = new ArrayList<>();
        int[] observed = start;
        while (true) {
            sizes.add(Locus.of(tree, observed).length);
            OptionalInt one = next.next(observed);
            if (one.isEmpty()) {
                return sizes;
            }
            observed = Arrays.copyOf(observed, observed.length + 1);
            observed[observed.length - 1] = one.getAsInt();
        }
    }

    private static double area(List<Integer> sizes, int steps, int labels) {
        double sum = 0;
        for (int i = 0; i < steps; i++) {
            sum += sizes.get(Math.min(i, sizes.size() - 1));
        }
        return 100 * sum / steps / labels;
    }
}
