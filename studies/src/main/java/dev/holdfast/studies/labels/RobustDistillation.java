package dev.holdfast.studies.labels;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.Splits;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.select.ClusterMargin;
import dev.holdfast.select.DistillLoop;
import dev.holdfast.select.GreedyQuery;
import dev.holdfast.select.Informativeness;
import dev.holdfast.select.KCentre;
import dev.holdfast.select.QueriedTeacher;
import dev.holdfast.select.QueryRule;
import dev.holdfast.select.RobustQuery;
import dev.holdfast.select.TeacherError;
import dev.holdfast.select.UniformQuery;
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
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;

/**
 * A small student that may ask a fallible teacher about some rows of a pool, on Fashion-MNIST: which rows?
 *
 * <p>300 labelled rows; students 784-64-10, teachers 784-256-10 trained on 400, 1,500 or 5,000 other rows, whose error is
 * measured on 300 rows more. Their answers are soft, or nearly hard (logits times 50). An answer counts as right if its
 * largest probability is at the true class. The oracle, margin sampling among rows that the teacher gets right, is out of
 * the race.
 *
 * <p>{@code quick}: a pool of 5,000 rows, 1,000 answers in one round, two teachers, three seeds. {@code full}: 40,000 rows,
 * also 300 answers and four rounds, three teachers and one with planted errors (rows of small margin are mistaken for the
 * next class), ten seeds.
 */
public final class RobustDistillation implements Study {
    private static final String ALL = "all settings";
    private static final String HARD = "teacher of 400 rows, nearly hard, 1000 answers, 1 round";
    private static final String ACCURACY = "accuracy %";
    private static final String RIGHT = "right answers %";
    private static final String REGRET = "worst regret, points";
    private static final String LEAD = "least lead over margin in right answers, points";
    private static final String UNIFORM = "uniform";
    private static final String MARGIN = "margin";
    private static final String ROBUST = "RAD, kappa 2";
    private static final String ORACLE = "oracle";
    private static final int LABELLED = 300;
    private static final int MEASURED = 300;
    private static final double SHARP = 50;

    /** How much is run. */
    private record Size(
            int pool,
            int test,
            List<Integer> teachers,
            List<Integer> budgets,
            List<Integer> rounds,
            int seeds,
            int epochs,
            boolean planted) {}

    /** Rows of one seed: none is in two parts. */
    private record Parts(Dataset labelled, Dataset measured, Dataset pool, Dataset lessons, Dataset test) {}

    /** A teacher's answers about the pool [n, C], which of them are right, and its error as measured elsewhere. */
    private record Answers(Tensor soft, boolean[] right, double error, double accuracy) {}

    @Override
    public Paper paper() {
        return new Paper("65-robust-active-distill", "Robust Active Distillation", 2023, "2210.01213");
    }

    @Override
    public String claim() {
        return "Asking a fallible teacher about rows that are informative but not systematically those it gets wrong distils"
                + " better than active learning does, with a guarantee for the worst case and nothing to tune.";
    }

    @Override
    public List<Criterion> criteria() {
        return List.of(
                new Criterion(
                        "right answers",
                        "in every setting " + ROBUST
                                + " gets at least 4 points more right answers than margin sampling",
                        new Rule.Bound(ALL, LEAD, ROBUST, 4, 100, 1),
                        true),
                new Criterion(
                        "regret to uniform",
                        "the worst regret of " + ROBUST + " over the settings is smaller than that of uniform sampling",
                        new Rule.Paired(ALL, REGRET, UNIFORM, ROBUST, 0, false, 1),
                        true),
                new Criterion(
                        "regret to margin",
                        "the worst regret of " + ROBUST + " over the settings is smaller than that of margin sampling",
                        new Rule.Paired(ALL, REGRET, MARGIN, ROBUST, 0, false, 1),
                        true),
                new Criterion(
                        "weak teacher",
                        "with the weakest teacher and nearly hard answers " + ROBUST
                                + " is at least 0.5 points above margin sampling",
                        new Rule.Paired(HARD, ACCURACY, ROBUST, MARGIN, 0.5, false, 1),
                        true));
    }

    @Override
    public Findings run(StudyContext c) {
        List<Row> rows = new ArrayList<>();
        Size size =
                switch (c.budget()) {
                    case SMOKE -> new Size(200, 100, List.of(60), List.of(40), List.of(1), 1, 2, false);
                    case QUICK -> new Size(5000, 5000, List.of(400, 1500), List.of(1000), List.of(1), 3, 30, false);
                    case FULL ->
                        new Size(
                                40_000,
                                10_000,
                                List.of(400, 1500, 5000),
                                List.of(300, 1000),
                                List.of(1, 4),
                                10,
                                30,
                                true);
                };
        DataPair data = c.data(c.budget() == Budget.SMOKE ? "sample" : "fashion");
        // setting -> rule -> sums over seeds of accuracy and of right answers
        Map<String, Map<String, double[]>> sums = new LinkedHashMap<>();
        for (long seed : c.seeds(size.seeds)) {
            try (Scope s = Scope.open()) {
                Parts parts = parts(data, size, seed, c.budget() == Budget.SMOKE ? 40 : LABELLED);
                for (int lessons : size.teachers) {
                    for (String kind : size.planted
                            ? List.of("soft", "nearly hard", "planted errors")
                            : List.of("soft", "nearly hard")) {
                        Answers answers = teach(c, parts, lessons, kind, size, seed);
                        for (int budget : size.budgets) {
                            for (int rounds : size.rounds) {
                                String bed = "teacher of " + lessons + " rows, " + kind + ", " + budget + " answers, "
                                        + rounds + (rounds == 1 ? " round" : " rounds");
                                rows.add(new Row("teacher", bed, seed, ACCURACY, 100 * answers.accuracy));
                                setting(c, parts, answers, bed, budget, rounds, size, seed, sums, rows);
                            }
                        }
                    }
                }
            }
        }
        // a smoke run is judged by nobody
        if (!c.cancelled() && c.budget() != Budget.SMOKE) {
            summarise(sums, size.seeds, rows);
        }
        return new Findings(rows);
    }

    private static void setting(
            StudyContext c,
            Parts parts,
            Answers answers,
            String bed,
            int budget,
            int rounds,
            Size size,
            long seed,
            Map<String, Map<String, double[]>> sums,
            List<Row> rows) {
        Map<Long, Integer> place = new HashMap<>();
        for (int i = 0; i < parts.pool.size(); i++) {
            place.put(parts.pool.id(i), i);
        }
        for (Map.Entry<String, QueryRule> r :
                rules(answers, Math.toIntExact(parts.labelled.size())).entrySet()) {
            if (c.cancelled()) {
                return;
            }
            c.progress(rows.size(), -1, r.getKey() + ", " + bed + ", seed " + seed);
            try (Scope s = Scope.open();
                    QueriedTeacher teacher = new QueriedTeacher(
                            ids -> Tensors.rows(
                                    answers.soft,
                                    Arrays.stream(ids).mapToInt(place::get).toArray()),
                            budget)) {
                // every rule starts from the same student
                DistillLoop.Result done = new DistillLoop(net(64), size.epochs, 32, r.getValue(), rounds)
                        .run(
                                parts.labelled,
                                parts.pool,
                                teacher,
                                answers.error,
                                Rng.of(seed).child("student"));
                double accuracy = 100 * accuracy(parts.test, done);
                double right = 100
                        * done.asked().stream().filter(i -> answers.right[i]).count()
                        / (double) budget;
                rows.add(new Row(r.getKey(), bed, seed, ACCURACY, accuracy));
                rows.add(new Row(r.getKey(), bed, seed, RIGHT, right));
                rows.add(new Row(
                        r.getKey(),
                        bed,
                        seed,
                        "mean gain",
                        done.gains().stream().mapToDouble(g -> g).average().orElseThrow()));
                double[] sum = sums.computeIfAbsent(bed, b -> new LinkedHashMap<>())
                        .computeIfAbsent(r.getKey(), n -> new double[2]);
                sum[0] += accuracy;
                sum[1] += right;
            }
        }
    }

    private static Map<String, QueryRule> rules(Answers answers, int labelled) {
        Map<String, QueryRule> all = new LinkedHashMap<>();
        all.put(UNIFORM, new UniformQuery());
        all.put(MARGIN, new GreedyQuery(Informativeness.MARGIN));
        all.put("entropy", new GreedyQuery(Informativeness.ENTROPY));
        all.put("k-centre", new KCentre());
        all.put("cluster-margin", new ClusterMargin());
        all.put("RAD, kappa 1", new RobustQuery(Informativeness.MARGIN, 1));
        all.put(ROBUST, new RobustQuery(Informativeness.MARGIN, 2));
        all.put(ORACLE, (candidates, budget, context) -> {
            Set<Integer> out = new HashSet<>(context.asked());
            for (int i = 0; i < answers.right.length; i++) {
                if (!answers.right[i]) {
                    out.add(labelled + i);
                }
            }
            return new GreedyQuery(Informativeness.MARGIN)
                    .select(candidates, budget, new QueryRule.Context(context.teacherError(), out, context.rng()));
        });
        return all;
    }

    /** Regret to the best rule of each setting, by mean accuracy over seeds; the oracle is out of the race. */
    private static void summarise(Map<String, Map<String, double[]>> sums, int seeds, List<Row> rows) {
        Map<String, Double> worst = new TreeMap<>();
        Map<String, Double> lead = new TreeMap<>();
        sums.forEach((bed, rules) -> {
            double best = rules.entrySet().stream()
                    .filter(e -> !e.getKey().equals(ORACLE))
                    .mapToDouble(e -> e.getValue()[0])
                    .max()
                    .orElseThrow();
            rules.forEach((rule, sum) -> {
                worst.merge(rule, (best - sum[0]) / seeds, Math::max);
                lead.merge(rule, (sum[1] - rules.get(MARGIN)[1]) / seeds, Math::min);
            });
        });
        worst.remove(ORACLE);
        worst.forEach((rule, regret) -> rows.add(new Row(rule, ALL, 0, REGRET, regret)));
        lead.forEach((rule, points) -> rows.add(new Row(rule, ALL, 0, LEAD, points)));
    }

    private static NetConfig net(int hidden) {
        return new NetConfig(BackboneConfig.mlp(Init.KAIMING_UNIFORM, hidden), OptimizerConfig.adam(1e-3), true);
    }

    private static Parts parts(DataPair data, Size size, long seed, int labelled) {
        int measured = Math.min(MEASURED, labelled);
        int lessons = size.teachers.stream().mapToInt(i -> i).max().orElseThrow();
        Rng rng = Rng.of(seed).child("robust-distillation");
        int[] order = rng.child("rows").permutation(Math.toIntExact(data.train().size()));
        int[] ends = {labelled, labelled + measured, labelled + measured + lessons, 0};
        ends[3] = Math.min(order.length, ends[2] + size.pool);
        Dataset test = data.test()
                .subset(Splits.sample(
                        data.test().classIds(), Math.min(size.test, data.test().size()), rng.child("test")));
        return new Parts(
                data.train().subset(Arrays.copyOfRange(order, 0, ends[0])),
                data.train().subset(Arrays.copyOfRange(order, ends[0], ends[1])),
                data.train().subset(Arrays.copyOfRange(order, ends[2], ends[3])),
                data.train().subset(Arrays.copyOfRange(order, ends[1], ends[2])),
                test);
    }

    /** Trains a teacher, and lets it answer about all of the pool: what is asked about is then looked up. */
    private static Answers teach(StudyContext c, Parts parts, int lessons, String kind, Size size, long seed) {
        Rng rng = Rng.of(seed).child("teacher", lessons);
        Dataset own = parts.lessons.subset(IntStream.range(0, lessons).toArray());
        try (Scope s = Scope.open();
                Finetune teacher = new Finetune(Finetune.Config.of(net(256)), own.schema(), rng.child("net"))) {
            Loader loader = own.batches(Pace.shuffled(size.epochs, 32), rng.child("data"));
            while (loader.hasNext() && !c.cancelled()) {
                try (Scope step = Scope.open()) {
                    Batch b = loader.next();
                    teacher.learn(b);
                }
            }
            Tensor seen = answers(teacher, parts.measured, kind);
            Tensor soft = answers(teacher, parts.pool, kind);
            boolean[] measured = right(seen, parts.measured);
            boolean[] right = right(soft, parts.pool);
            int wrong = measured.length - count(measured);
            return new Answers(
                    s.keep(soft), right, TeacherError.of(wrong, measured.length), count(right) / (double) right.length);
        }
    }

    /** Soft labels [n, C] of rows, spoilt in the way that was asked for. */
    private static Tensor answers(Finetune teacher, Dataset rows, String kind) {
        int n = Math.toIntExact(rows.size());
        List<Tensor> parts = new ArrayList<>();
        for (int from = 0; from < n; from += 1000) {
            int[] at = IntStream.range(from, Math.min(n, from + 1000)).toArray();
            parts.add(teacher.predict(rows.rows(at).inputs()).scores());
        }
        Tensor logits = Tensors.cat(0, parts.toArray(Tensor[]::new));
        if (kind.equals("soft")) {
            return logits.softmax(1);
        }
        Tensor hard = logits.mul(Tensors.scalar(SHARP)).softmax(1);
        if (kind.equals("nearly hard")) {
            return hard;
        }
        // the fifth of the rows that the teacher itself is least sure of is mistaken for the next class
        double[] gain = Informativeness.MARGIN.of(logits.softmax(1));
        double[] sorted = gain.clone();
        Arrays.sort(sorted);
        double limit = sorted[(int) (0.8 * (n - 1))];
        int classes = (int) hard.size(1);
        Tensor next =
                Tensors.cat(1, Tensors.slice(hard, 1, classes - 1, classes), Tensors.slice(hard, 1, 0, classes - 1));
        double[] mask = Arrays.stream(gain).map(g -> g > limit ? 1 : 0).toArray();
        Tensor m = Tensors.of(mask, n, 1).to(hard.scalar_type());
        return hard.add(next.sub(hard).mul(m));
    }

    private static boolean[] right(Tensor soft, Dataset rows) {
        int[] said = Tensors.ints(soft.argmax(new LongOptional(1), false));
        long[] y = rows.classIds();
        boolean[] r = new boolean[said.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = rows.schema().classes().columns().get(said[i]).classId() == y[i];
        }
        return r;
    }

    private static int count(boolean... b) {
        int n = 0;
        for (boolean x : b) {
            n += x ? 1 : 0;
        }
        return n;
    }

    private static double accuracy(Dataset test, DistillLoop.Result done) {
        long[] y = test.classIds();
        int right = 0;
        for (int from = 0; from < y.length; from += 1000) {
            try (Scope s = Scope.open()) {
                int[] at =
                        IntStream.range(from, Math.min(y.length, from + 1000)).toArray();
                int[] said = done.student().predict(test.rows(at).inputs()).classes();
                for (int k = 0; k < said.length; k++) {
                    right += said[k] == y[at[k]] ? 1 : 0;
                }
            }
        }
        return right / (double) y.length;
    }
}
