package dev.holdfast.studies;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.source.Splits;
import dev.holdfast.evaluate.Run;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.learner.regularize.RehearsalFreeConfig;
import dev.holdfast.learner.regularize.RehearsalFreeConfig.Anchor;
import dev.holdfast.learner.regularize.RehearsalFreeConfig.Classification;
import dev.holdfast.learner.regularize.RehearsalFreePlugin;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Joint;
import dev.holdfast.search.Bed;
import dev.holdfast.studies.RegularizedBed.Method;
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
import java.util.stream.IntStream;

/**
 * A closer look at learning without stored rows: distillation of answers and features, L2 and EWC, alone and together,
 * from scratch (A: clothes and digits, twenty classes in four parts) and from a network that was trained on the other data
 * set (B: a ConvNet; C: a small transformer).
 *
 * <p>Every method has Adam's rate (3e-4, 1e-3, 3e-3) and its own weights to set (l2 .01 to 10, ewc 1 to 1000, featKd .01 to
 * 1, logarithmic; predKd is 1): the best of as many draws by average incremental accuracy. B and C are tuned on the way
 * back (pretrained on the set to be learnt, learning the set of pretraining). A has all images in it; it is tuned on a
 * fifth of its training rows (quick: of 150 rows a class), held back, in another order of classes. The yardsticks (joint training; nearest mean and
 * G-ACIL on features that stand still) are not tuned. Orders of classes and learners' draws differ by seed; the pretrained
 * networks do not. The ConvNet has 12, 24, 48 and 64 channels and ends in the mean of each.
 */
public final class WithoutStoredRows implements Study {
    private static final String A_MLP = "A, MLP";
    private static final String A_CONV = "A, ConvNet";
    private static final String B = "B, both ways";
    private static final String C = "C, transformer";
    private static final String QKV = "L2, queries keys values";

    /**
     * How much is done.
     *
     * @param perClass training rows a class of A; B and C have two thirds of them
     * @param tuned rows a class that tuning may use
     * @param units of G-ACIL
     * @param all whether every method runs
     * @param seedsA 0 leaves a bed out, as with the others
     */
    private record Size(
            List<DataPair> sets,
            int perClass,
            int testPerClass,
            int tuned,
            int trials,
            int units,
            boolean all,
            int seedsA,
            int seedsConv,
            int seedsB,
            int seedsC) {}

    @Override
    public Paper paper() {
        return new Paper("49-rehearsal-free", "A Closer Look at Rehearsal-Free Continual Learning", 2023, "2203.17269");
    }

    @Override
    public String claim() {
        return "Without stored rows, anchors on the weights are not useless for one head over all classes: they add to"
                + " distillation when one starts from scratch, and from a pretrained network plain L2 beats EWC and"
                + " distilled features; in the attention of a transformer it beats prompts.";
    }

    @Override
    public List<Criterion> criteria() {
        List<Criterion> all = new ArrayList<>();
        for (String bed : List.of(A_MLP, A_CONV)) {
            for (String anchor : List.of("EWC", "L2")) {
                all.add(atLeast(bed, "1 " + anchor, anchor, "fine-tuning, softmax", 12, ""));
            }
            all.add(atLeast(bed, "1 head", "EWC", "EWC, softmax", 5, ": that anchors fail is the softmax's doing"));
            all.add(new Criterion(
                    "2 anchors, " + bed,
                    bed + ": the best of EWC, L2 and both with distilled answers is at most 1 point below distilled"
                            + " answers alone",
                    new Rule.AnyOf(List.of("EWC", "L2", "PredKD + EWC", "PredKD + L2").stream()
                            .<Rule>map(arm -> new Rule.Paired(bed, RegularizedBed.ALL, arm, "PredKD", -1, false, 1))
                            .toList()),
                    true));
            all.add(new Criterion(
                    "3 confusion, " + bed,
                    bed + ": with distilled answers, forgetting within tasks is at least 10 points less than among all"
                            + " classes",
                    new Rule.Bound(bed, RegularizedBed.CONFUSED, "PredKD", 10, 200, 1),
                    true));
        }
        all.add(atLeast(B, "4 FeatKD", "L2", "FeatKD", 5, ""));
        all.add(atLeast(B, "4 PredKD", "L2", "PredKD", 5, ""));
        all.add(atLeast(B, "4 EWC", "L2", "EWC", -1, ""));
        all.add(atLeast(C, "5 scope", QKV, "L2", -1, ""));
        all.add(new Criterion(
                "gain",
                "What EWC and L2 add to distilled answers from scratch, the paper's first finding, is reported without a"
                        + " bar",
                new Rule.Report(),
                false));
        all.add(new Criterion("prompts", "L2 in the attention against prompts is reported", new Rule.Report(), false));
        return all;
    }

    private static Criterion atLeast(String bed, String id, String arm, String baseline, double margin, String more) {
        String than =
                margin < 0 ? "at most " + number(-margin) + " below " : "at least " + number(margin) + " points above ";
        return new Criterion(
                id + ", " + bed,
                bed + ": " + arm + " is " + than + baseline + more,
                new Rule.Paired(bed, RegularizedBed.ALL, arm, baseline, margin, false, 1),
                true);
    }

    private static String number(double v) {
        return Long.toString(Math.round(v));
    }

    @Override
    public Findings run(StudyContext c) {
        List<Row> rows = new ArrayList<>();
        Size size =
                switch (c.budget()) {
                    case SMOKE ->
                        new Size(List.of(c.data("sample"), c.data("sample")), 6, 3, 5, 1, 16, false, 1, 0, 1, 1);
                    case QUICK ->
                        new Size(
                                List.of(c.data("fashion"), c.data("mnist")), 600, 200, 150, 8, 1024, false, 1, 0, 0, 0);
                    case FULL ->
                        new Size(List.of(c.data("fashion"), c.data("mnist")), 600, 500, 600, 8, 1024, true, 4, 4, 6, 2);
                };
        fromScratch(c, size, rows);
        pretrained(c, size, B, size.seedsB, rows);
        pretrained(c, size, C, size.seedsC, rows);
        return new Findings(rows);
    }

    // ------------------------------------------------------------------ A

    private static void fromScratch(StudyContext c, Size size, List<Row> rows) {
        List<String> names = IntStream.range(0, size.sets.size())
                .boxed()
                .flatMap(k ->
                        size.sets.get(k).schema().classes().columns().stream().map(col -> (k + 1) + " " + col.name()))
                .toList();
        int[] order = IntStream.range(0, names.size()).toArray();
        try (Scope s = Scope.open()) {
            MemoryDataset train = FrozenFeatures.united(
                    size.sets.stream().map(p -> few(p.train(), size.perClass)).toList(), names, order);
            MemoryDataset test = FrozenFeatures.united(
                    size.sets.stream()
                            .map(p -> few(p.test(), size.testPerClass))
                            .toList(),
                    names,
                    order);
            Dataset some = few(train, size.tuned);
            Splits.Split held =
                    Splits.stratified(some.classIds(), 0.2, Rng.of(1).child("tuning"));
            Bed<?> tuning = RegularizedBed.laid(some.subset(held.train()), some.subset(held.test()), 5, 3);
            Bed<?> scoring = RegularizedBed.laid(train, test, 5, 3);
            for (String bed : List.of(A_MLP, A_CONV)) {
                int seeds = bed.equals(A_MLP) ? size.seedsA : size.seedsConv;
                BackboneConfig net =
                        bed.equals(A_MLP) ? BackboneConfig.mlp(Init.KAIMING_UNIFORM, 256, 256) : conv(12, 24, 48, 64);
                if (seeds > 0) {
                    RegularizedBed.run(
                            c,
                            size.trials,
                            bed,
                            scratch(size.all),
                            net,
                            tuning,
                            null,
                            scoring,
                            null,
                            c.seeds(seeds),
                            rows);
                    RegularizedBed.yardsticks(c, size.units, bed, net, scoring, null, c.seeds(seeds), rows);
                }
            }
            train.close();
            test.close();
        }
    }

    private static List<Method> scratch(boolean all) {
        List<Method> methods = new ArrayList<>(List.of(
                Method.of("fine-tuning, softmax", "ft"),
                Method.of("PredKD", "predkd"),
                Method.of("L2", "l2", "l2"),
                Method.of("EWC", "ewc", "ewc"),
                Method.of("PredKD + L2", "predkd+l2", "l2"),
                Method.of("PredKD + EWC", "predkd+ewc", "ewc"),
                Method.of(
                        "EWC, softmax",
                        new RehearsalFreePlugin().presets().get("ewc").with(Classification.SOFTMAX_ALL),
                        "ewc")));
        if (all) {
            methods.add(Method.of("fine-tuning, softmax of the part", "ft++"));
            methods.add(Method.of(
                    "fine-tuning", new RehearsalFreePlugin().presets().get("ft").with(Classification.BCE)));
            methods.add(Method.of("LwF", "lwf"));
            methods.add(Method.of("FeatKD", "featkd", "featKd"));
            methods.add(Method.of("PredKD + FeatKD", "predkd+featkd", "featKd"));
        }
        return methods;
    }

    // ------------------------------------------------------------------ B and C

    private static void pretrained(StudyContext c, Size size, String bed, int seeds, List<Row> rows) {
        if (seeds == 0) {
            return;
        }
        boolean vit = bed.equals(C);
        BackboneConfig net = vit
                ? new BackboneConfig(BackboneConfig.Kind.VIT, List.of(), Init.KAIMING_UNIFORM)
                : conv(12, 24, 48, 64);
        int perClass = size.perClass * 2 / 3;
        List<Method> methods =
                vit ? scopes() : size.all ? scratch(true) : scratch(false).subList(1, 4);
        List<NetLearner> seen = new ArrayList<>();
        List<Bed<?>> beds = new ArrayList<>();
        try (Scope s = Scope.open()) {
            for (DataPair p : size.sets) {
                c.progress(rows.size(), -1, bed + ", pretraining on " + p.name());
                seen.add(pretrained(few(p.train(), size.perClass), net));
                beds.add(RegularizedBed.laid(few(p.train(), perClass), few(p.test(), size.testPerClass), 2, 2));
            }
            int ways = vit ? 1 : 2;
            List<Row> both = new ArrayList<>();
            for (int way = 0; way < ways && !c.cancelled(); way++) {
                // way 0 learns the first set, pretrained on the second; tuned on the way back
                String name = vit
                        ? C
                        : "B, " + size.sets.get(1 - way).name() + " then "
                                + size.sets.get(way).name() + (way == 1 ? " (reverse)" : "");
                List<Row> mine = new ArrayList<>();
                RegularizedBed.run(
                        c,
                        size.trials,
                        name,
                        methods,
                        net,
                        beds.get(1 - way),
                        seen.get(way),
                        beds.get(way),
                        seen.get(1 - way),
                        c.seeds(seeds),
                        mine);
                RegularizedBed.yardsticks(
                        c, size.units, name, net, beds.get(way), seen.get(1 - way), c.seeds(seeds), mine);
                if (vit) {
                    RegularizedBed.prompts(c, C, beds.get(way), seen.get(1 - way), c.seeds(seeds), mine);
                }
                rows.addAll(mine);
                both.addAll(mine);
            }
            if (!vit && !c.cancelled()) {
                rows.addAll(meanOfBoth(both));
            }
        } finally {
            seen.forEach(NetLearner::close);
        }
    }

    private static List<Method> scopes() {
        RehearsalFreeConfig l2 = new RehearsalFreePlugin().presets().get("l2");
        return List.of(
                Method.of("fine-tuning, softmax", "ft"),
                Method.of("L2", l2, "l2"),
                Method.of(QKV, l2.with(Anchor.ATTENTION_QKV), "l2"),
                Method.of("L2, attention", l2.with(Anchor.ATTENTION_ALL), "l2"));
    }

    /** Accuracy of every method and seed, mean of the two ways. */
    private static List<Row> meanOfBoth(List<Row> rows) {
        Map<String, List<Row>> same = new LinkedHashMap<>();
        rows.stream().filter(r -> r.metric().equals(RegularizedBed.ALL)).forEach(r -> same.computeIfAbsent(
                        r.arm() + " " + r.seed(), k -> new ArrayList<>())
                .add(r));
        return same.values().stream()
                .filter(l -> l.size() == 2)
                .map(l -> new Row(
                        l.get(0).arm(),
                        B,
                        l.get(0).seed(),
                        RegularizedBed.ALL,
                        (l.get(0).value() + l.get(1).value()) / 2))
                .toList();
    }

    private static NetLearner pretrained(Dataset d, BackboneConfig net) {
        Finetune learner = new Finetune(
                Finetune.Config.of(RegularizedBed.net(net)),
                d.schema(),
                Rng.of(1).child("pretrained"));
        try (Scope s = Scope.open()) {
            new Run(
                            learner,
                            Joint.of(Dealing.offline(6, 32), d, d),
                            List.of(),
                            new MetricLog(),
                            Rng.of(1).child("pretraining"))
                    .finish();
        }
        return learner;
    }

    private static BackboneConfig conv(Integer... channels) {
        return new BackboneConfig(BackboneConfig.Kind.CONVNET, List.of(channels), Init.KAIMING_UNIFORM);
    }

    private static Dataset few(Dataset d, int perClass) {
        return FrozenFeatures.few(d, perClass, Rng.of(1).child("rows"));
    }
}
