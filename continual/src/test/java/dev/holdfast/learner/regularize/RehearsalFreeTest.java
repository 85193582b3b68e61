package dev.holdfast.learner.regularize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.distill.FeatureMatch;
import dev.holdfast.distill.SigmoidLogits;
import dev.holdfast.distill.SoftLogits;
import dev.holdfast.evaluate.metric.TaskForgetting;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.learner.regularize.RehearsalFreeConfig.Anchor;
import dev.holdfast.learner.regularize.RehearsalFreeConfig.Classification;
import dev.holdfast.learner.regularize.RehearsalFreeConfig.Returning;
import dev.holdfast.loss.BinaryCrossEntropy;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Norm;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.penalty.Anchored;
import dev.holdfast.penalty.Importance;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(NativeMemory.class)
class RehearsalFreeTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("49-rehearsal-free");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "losses" -> losses(c);
                case "importance" -> importance(c);
                case "forgetting" -> {
                    double[][] a = c.matrix("accuracy");
                    c.assertOutput("forgetting", TaskForgetting.of(a));
                    c.assertOutput(
                            "finalAverage",
                            Arrays.stream(a[a.length - 1]).average().orElseThrow());
                }
                case "anchor-scope" -> {
                    List<String> names = StreamSupport.stream(
                                    c.input("parameters").spliterator(), false)
                            .map(n -> n.asText())
                            .toList();
                    Map<String, Anchor> scopes = Map.of(
                            "all", Anchor.ALL,
                            "noHead", Anchor.NO_HEAD,
                            "attentionQkv", Anchor.ATTENTION_QKV,
                            "attentionAll", Anchor.ATTENTION_ALL);
                    scopes.forEach((name, anchor) -> c.assertOutput(
                            name, names.stream().filter(anchor::holds).toList()));
                }
                default -> c.failOnKind();
            }
            c.assertAllCompared();
        }
    }

    /** Feature = tanh(x W1^T), logits = feature W2^T. */
    private record Toy(Parameters p, Tensor x, Target.ClassIds y, int old) {
        static Toy of(GoldenCase c) {
            int[] labels = c.ints("labels");
            return new Toy(
                    new Parameters(
                            List.of(meta("w1"), meta("head")), List.of(leaf(c.tensor("W1")), leaf(c.tensor("W2")))),
                    c.tensor("x"),
                    Target.ClassIds.of(Arrays.stream(labels).asLongStream().toArray()),
                    c.integer("oldClasses"));
        }

        private static ParamMeta meta(String name) {
            return new ParamMeta(name, ParamMeta.Role.HIDDEN, 1, 1, true, 0);
        }

        private static Tensor leaf(Tensor t) {
            t.set_requires_grad(true);
            return t;
        }

        Tensor features() {
            return x.matmul(p.get("w1").transpose(0, 1)).tanh();
        }

        Tensor scores() {
            return features().matmul(p.get("head").transpose(0, 1));
        }

        /** Mean of a loss, over the new columns alone or over all. */
        Tensor loss(Loss loss, boolean onlyNew) {
            Tensor scores = scores();
            int n = (int) scores.size(1);
            boolean[] among = new boolean[n];
            Arrays.fill(among, onlyNew ? old : 0, n, true);
            Rows rows = Rows.of(new long[(int) x.size(0)]);
            return loss.value(new LossInput(scores, y, rows, ClassIndex.numbered(n), Map.of(), true, among))
                    .total(null);
        }
    }

    private static Map<String, Object> term(Tensor value, ParamVector g) {
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("value", value.item_double());
        // a leaf that a term does not reach has no gradient
        m.put("gradW1", g.get(0) == null ? Double.NaN : g.get(0));
        m.put("gradW2", g.get(1) == null ? Double.NaN : g.get(1));
        return m;
    }

    private static Loss bce() {
        return new BinaryCrossEntropy(false, LossValue.Reduction.MEAN);
    }

    private static void losses(GoldenCase c) {
        Toy t = Toy.of(c);
        Tensor featuresThen =
                c.tensor("x").matmul(c.tensor("prevW1").transpose(0, 1)).tanh();
        Tensor then = featuresThen.matmul(c.tensor("prevW2").transpose(0, 1));
        Map<String, Tensor> values = new LinkedHashMap<>();
        values.put("classifyBceNew", t.loss(bce(), true));
        values.put("predKdBce", SigmoidLogits.value(t.scores(), then));
        values.put("softmaxCeAll", t.loss(new CrossEntropy(), false));
        values.put("softmaxCeNew", t.loss(new CrossEntropy(), true));
        values.put(
                "predKdSoftmax",
                new SoftLogits(c.number("temperature"), SoftLogits.Form.CROSS_ENTROPY).value(t.scores(), then));
        values.put("featKd", FeatureMatch.value(t.features(), featuresThen));
        values.forEach((name, v) -> c.assertOutput(name, term(v, Autograd.grad(v, t.p, false))));
        double combined = values.get("classifyBceNew").item_double()
                + weight(c, "predKd") * values.get("predKdBce").item_double()
                + weight(c, "featKd") * values.get("featKd").item_double();
        for (String name : List.of("l2", "ewc")) {
            Anchored a = new Anchored(
                    new Anchored.Config(Importance.UNIFORM, Anchored.Accumulate.ONLINE, 1, 0, false, 0), Rng.of(1));
            Tensor one = Tensors.zerosLike(c.tensor("prevW1"), 3, 4).add_(Tensors.scalar(1));
            Tensor two = Tensors.zerosLike(c.tensor("prevW2"), 3, 3).add_(Tensors.scalar(1));
            a.load(new State()
                    .put("tasks", 1)
                    .put("anchors", 1)
                    .put("anchor0.anchor.w1", c.tensor("prevW1"))
                    .put("anchor0.anchor.head", c.tensor("prevW2"))
                    .put("anchor0.importance.w1", name.equals("l2") ? one : c.tensor("importanceW1"))
                    .put("anchor0.importance.head", name.equals("l2") ? two : c.tensor("importanceW2")));
            c.assertOutput(name, term(a.value(t.p), a.gradient(t.p)));
            combined += weight(c, name) * a.value(t.p).item_double();
        }
        c.assertOutput("combined", combined);
    }

    private static double weight(GoldenCase c, String term) {
        return c.input("weights").get(term).asDouble();
    }

    /** Mean over rows of the squared gradient of each row's classification loss at its label. */
    private static void importance(GoldenCase c) {
        Toy all = Toy.of(c);
        int n = (int) all.x.size(0);
        long[] y = Tensors.longs(all.y.ids());
        ParamVector sum = null;
        for (int i = 0; i < n; i++) {
            Toy one = new Toy(all.p, Tensors.rows(all.x, i), Target.ClassIds.of(y[i]), all.old);
            ParamVector g = Autograd.grad(one.loss(bce(), true), all.p, false).map((m, t) -> t.mul(t));
            sum = sum == null ? g : sum.plus(1, g);
        }
        c.assertOutput("importanceW1", sum.times(1.0 / n).get(0));
        c.assertOutput("importanceW2", sum.times(1.0 / n).get(1));
    }

    // ------------------------------------------------------------------ the learner

    private static NetConfig net() {
        return new NetConfig(BackboneConfig.mlp(Init.KAIMING_UNIFORM, 8), OptimizerConfig.sgd(0.05, 0.9), false);
    }

    private static RehearsalFree learner(RehearsalFreeConfig c) {
        return new RehearsalFree(c, data().schema(), Rng.of(1).child("learner"));
    }

    private static MemoryDataset data() {
        return Clouds.of(4, 12, 5, 3, "train");
    }

    /** Classes 0 and 1, then 2 and 3, rows in turn, so that both classes of a part are in its first batch. */
    private static List<Experience> parts() {
        MemoryDataset d = data();
        return IntStream.range(0, 2)
                .mapToObj(k -> new Experience(
                        k,
                        k,
                        d.subset(IntStream.range(0, (int) d.size())
                                .filter(i -> i % 4 / 2 == k)
                                .toArray()),
                        ClassIndex.of(d.schema().classes().columns().subList(2 * k, 2 * k + 2)),
                        true,
                        Pace.inOrder(6)))
                .toList();
    }

    private static void walk(Learner l, Experience e) {
        try (Scope s = Scope.open();
                Loader batches = e.train().batches(e.pace(), Rng.of(3))) {
            l.begin(e);
            while (batches.hasNext()) {
                l.learn(batches.next().withTask(e.task()));
            }
            l.end(e);
        }
    }

    private static Batch first(Experience e) {
        return e.train().batches(e.pace(), Rng.of(3)).next().withTask(e.task());
    }

    /** Learns the first part, begins the second, and looks. */
    private static <T> T atTheSwitch(RehearsalFree l, Function<Batch, T> look) {
        walk(l, parts().get(0));
        try (Scope s = Scope.open()) {
            l.begin(parts().get(1));
            return look.apply(first(parts().get(1)));
        }
    }

    @Test
    void withoutARegulariserItIsFineTuningToTheBit() {
        RehearsalFree mine = learner(RehearsalFreeConfig.of(net(), 0, 0, 0, 0)
                .with(Classification.SOFTMAX_ALL)
                .withRestart(false));
        Finetune plain = new Finetune(
                Finetune.Config.of(net()), data().schema(), Rng.of(1).child("learner"));
        for (Learner l : List.of(mine, plain)) {
            parts().forEach(e -> walk(l, e));
        }
        assertThat(mine.net().columns()).isEqualTo(plain.net().columns());
        assertThat(mine.net().state().sameAs(plain.net().state())).isTrue();
        RehearsalFree fresh = learner(RehearsalFreeConfig.of(net(), 0, 0, 0, 0).with(Classification.SOFTMAX_ALL));
        parts().forEach(e -> walk(fresh, e));
        assertThat(fresh.net().state().sameAs(plain.net().state()))
                .as("a fresh optimizer has no momentum")
                .isFalse();
    }

    @Test
    void aHugeL2LeavesOldWeightsWhereTheyWere() {
        RehearsalFree l = learner(RehearsalFreeConfig.of(
                new NetConfig(BackboneConfig.mlp(Init.KAIMING_UNIFORM, 8), OptimizerConfig.sgd(1e-7), false),
                0,
                0,
                1e6,
                0));
        double moved = atTheSwitch(l, b -> {
            ParamVector before = l.net().parameters().copy();
            for (int i = 0; i < 20; i++) {
                l.learn(b);
            }
            double most = 0;
            Parameters now = l.net().parameters();
            for (int i = 0; i < now.size(); i++) {
                Tensor d = now.get(i).detach().sub(before.get(i)).abs();
                boolean head = now.meta().get(i).name().startsWith("head.");
                most = Math.max(most, (head ? Tensors.slice(d, 0, 2) : d).max().item_double());
            }
            return most;
        });
        assertThat(moved).isLessThan(1e-4);
    }

    @Test
    void atTheFirstStepOfAPartNothingHoldsYet() {
        for (RehearsalFreeConfig c : List.of(
                RehearsalFreeConfig.of(net(), 1, 0, 0, 0),
                RehearsalFreeConfig.of(net(), 0, 1, 0, 0),
                RehearsalFreeConfig.of(net(), 0, 0, 1, 1))) {
            StepReport r = atTheSwitch(learner(c), learnOf(learner(c)));
            assertThat(value(r, "anchor")).isZero();
        }
        RehearsalFree l = learner(RehearsalFreeConfig.of(net(), 0, 1, 0, 0));
        assertThat(value(atTheSwitch(l, l::learn), "featKd")).isCloseTo(0, within(1e-10));
        // the sigmoid form has a value at equal logits but no gradient
        try (Scope s = Scope.open()) {
            Tensor z = Toy.leaf(Rng.of(5).normal(6, 3));
            Tensor v = SigmoidLogits.value(z, z.detach());
            assertThat(v.item_double()).isPositive();
            assertThat(Autograd.grad(v, new Parameters(List.of(Toy.meta("z")), List.of(z)), false)
                            .norm())
                    .isLessThan(1e-6);
        }
    }

    private static Function<Batch, StepReport> learnOf(RehearsalFree fresh) {
        return b -> {
            walk(fresh, parts().get(0));
            fresh.begin(parts().get(1));
            return fresh.learn(b);
        };
    }

    private static double value(StepReport r, String term) {
        return r.terms().stream()
                .filter(t -> t.name().equals(term))
                .mapToDouble(Term::value)
                .findFirst()
                .orElseThrow();
    }

    @Test
    void onlyASoftmaxOverAllClassesPushesOldOnes() {
        for (Classification c : Classification.values()) {
            RehearsalFree l = learner(RehearsalFreeConfig.of(net(), 0, 0, 0, 0).with(c));
            boolean same = atTheSwitch(l, b -> {
                Tensor before = oldRows(l).clone();
                l.learn(b);
                return before.equal(oldRows(l));
            });
            assertThat(same).as(c.toString()).isEqualTo(c != Classification.SOFTMAX_ALL);
        }
    }

    private static Tensor oldRows(RehearsalFree l) {
        return Tensors.slice(l.net().parameters().get("head.weight"), 0, 2).detach();
    }

    @Test
    void ewcAndL2HoldTheSameWeightsWhereImportanceIsOne() {
        // the price after one step away: with F = 1 they are one formula
        try (Scope s = Scope.open()) {
            Parameters p = new Parameters(
                    List.of(Toy.meta("a")), List.of(Toy.leaf(Rng.of(1).normal(4, 3))));
            Anchored a = new Anchored(
                    new Anchored.Config(Importance.UNIFORM, Anchored.Accumulate.ONLINE, 2, 1, false, 0), Rng.of(1));
            a.anchorHere(p);
            ParamVector away = p.copy().map((m, t) -> t.mul(Tensors.scalar(0)).add_(Tensors.scalar(0.5)));
            p.add(1, away);
            assertThat(a.value(p).item_double()).isCloseTo(2 * 12 * 0.25, within(1e-6));
            a.state().tensors().values().forEach(Tensor::close);
        }
    }

    @Test
    void anchorsOfAttentionFreezeEverythingElseBelowTheHead() {
        MemoryDataset images = images();
        RehearsalFree l = new RehearsalFree(
                RehearsalFreeConfig.of(
                                new NetConfig(
                                        new BackboneConfig(BackboneConfig.Kind.VIT, List.of(), Init.KAIMING_UNIFORM),
                                        OptimizerConfig.sgd(0.1),
                                        false),
                                0,
                                0,
                                1,
                                0)
                        .with(Anchor.ATTENTION_QKV),
                images.schema(),
                Rng.of(1));
        Experience e = new Experience(0, 0, images, images.schema().classes(), true, Pace.inOrder(4));
        try (Scope s = Scope.open()) {
            l.begin(e);
            ParamVector before = l.net().parameters().copy();
            l.learn(first(e));
            l.learn(first(e));
            Parameters now = l.net().parameters();
            for (int i = 0; i < now.size(); i++) {
                String name = now.meta().get(i).name();
                boolean moves = name.startsWith("head.") || name.contains(".attn.qkv.");
                assertThat(!now.get(i).detach().equal(before.get(i))).as(name).isEqualTo(moves);
            }
        }
    }

    private static MemoryDataset images() {
        try (Scope s = Scope.open()) {
            return MemoryDataset.of(
                    dev.holdfast.data.Schema.images(1, 28, 28, ClassIndex.numbered(2)),
                    dev.holdfast.data.Inputs.of(Rng.of(4).normal(8, 1, 28, 28)),
                    Target.ClassIds.of(0, 1, 0, 1, 0, 1, 0, 1));
        }
    }

    @Test
    void aClassThatComesAgainIsLearntAndNotHeld() {
        RehearsalFree l = learner(RehearsalFreeConfig.of(net(), 1, 0, 0, 0));
        double held = atTheSwitch(l, b -> value(l.learn(b), "predKd"));
        RehearsalFree again = learner(RehearsalFreeConfig.of(net(), 1, 0, 0, 0));
        walk(again, parts().get(0));
        try (Scope s = Scope.open()) {
            again.begin(parts().get(0));
            // both classes of the part are its own now, so nothing is left to hold
            assertThat(again.learn(first(parts().get(0))).terms())
                    .extracting(Term::name)
                    .doesNotContain("predKd");
        }
        assertThat(held).isPositive();
    }

    @Test
    void startsFromPretrainedWeightsAndHoldsThem() {
        RehearsalFree trained = learner(RehearsalFreeConfig.of(net(), 0, 0, 0, 0));
        parts().forEach(e -> walk(trained, e));
        RehearsalFree l = learner(RehearsalFreeConfig.of(net(), 0, 0, 10, 0));
        l.startFrom(trained.model());
        try (Scope s = Scope.open()) {
            Tensor fc = l.net().parameters().get("fc.0.weight").detach();
            assertThat(fc.equal(trained.net().parameters().get("fc.0.weight").detach()))
                    .isTrue();
            Experience e = parts().get(0);
            l.begin(e);
            assertThat(value(l.learn(first(e)), "anchor")).isZero();
            assertThat(value(l.learn(first(e)), "anchor")).isPositive();
        }
        assertThatThrownBy(() -> l.startFrom(trained.model())).hasMessageContaining("before it learns");
    }

    @Test
    void aClassThatComesAgainIsRefusedOnRequest() {
        RehearsalFree l = learner(RehearsalFreeConfig.of(net(), 1, 0, 0, 0).with(Returning.REFUSE));
        walk(l, parts().get(0));
        State before = l.state().copy();
        try (Scope s = Scope.open()) {
            assertThatThrownBy(() -> l.begin(parts().get(0)))
                    .hasMessageContaining("[0, 1]")
                    .hasMessageContaining("gacil");
            assertThatThrownBy(() -> l.learn(first(parts().get(0)))).hasMessageContaining("returning=REFUSE");
            assertThat(l.state().sameAs(before)).isTrue();
            before.tensors().values().forEach(Tensor::close);
            l.begin(parts().get(1));
            assertThat(l.learn(first(parts().get(1))).loss()).isPositive();
        }
    }

    @Test
    void aPretrainedStartFreezesRunningStatisticsAfterTheFirstPart() {
        NetConfig normed = new NetConfig(
                BackboneConfig.mlp(Init.KAIMING_UNIFORM, 8).withNorm(Norm.BATCH),
                OptimizerConfig.sgd(0.05, 0.9),
                false);
        for (boolean pretrained : new boolean[] {true, false}) {
            RehearsalFree l = learner(RehearsalFreeConfig.of(normed, 0, 0, 1, 0));
            if (pretrained) {
                RehearsalFree trained = learner(RehearsalFreeConfig.of(normed, 0, 0, 0, 0));
                parts().forEach(e -> walk(trained, e));
                l.startFrom(trained.model());
                assertThat(statistics(l)).isEqualTo(statistics(trained));
            }
            double[] fresh = statistics(l);
            walk(l, parts().get(0));
            double[] first = statistics(l);
            walk(l, parts().get(1));
            assertThat(first).isNotEqualTo(fresh);
            assertThat(Arrays.equals(statistics(l), first)).isEqualTo(pretrained);
            RehearsalFree resumed = learner(RehearsalFreeConfig.of(normed, 0, 0, 1, 0));
            resumed.load(l.state());
            double[] saved = statistics(resumed);
            walk(resumed, parts().get(1));
            assertThat(Arrays.equals(statistics(resumed), saved))
                    .as("a resumed learner knows how it began")
                    .isEqualTo(pretrained);
        }
    }

    private static double[] statistics(RehearsalFree l) {
        return Tensors.doubles(l.model().state().tensor("norm.0.mean"));
    }

    @Test
    void weightsOfAnotherNetworkAreRefused() {
        RehearsalFree l = learner(RehearsalFreeConfig.of(net(), 0, 0, 1, 0));
        RehearsalFree wide = learner(RehearsalFreeConfig.of(
                new NetConfig(BackboneConfig.mlp(Init.KAIMING_UNIFORM, 9), OptimizerConfig.sgd(0.05), false),
                0,
                0,
                0,
                0));
        assertThatThrownBy(() -> l.startFrom(wide.model()))
                .hasMessageContaining("fc.0.")
                .hasMessageContaining("net.backbone");
    }

    @Test
    void importanceOfBatchesIsThatOfRowsWhenABatchIsOneRow() {
        double[] price = new double[3];
        for (int i = 0; i < price.length; i++) {
            RehearsalFree l = learner(RehearsalFreeConfig.of(net(), 0, 0, 0, 10).withEwcBatch(new int[] {0, 1, 6}[i]));
            price[i] = atTheSwitch(l, b -> {
                l.learn(b);
                return value(l.learn(b), "anchor");
            });
        }
        assertThat(price[1]).isCloseTo(price[0], within(1e-4 * price[0]));
        assertThat(price[2]).isPositive().isLessThan(price[0]);
    }

    @Test
    void stagesAddTheBlocksOfATransformer() {
        MemoryDataset images = images();
        NetConfig vit = new NetConfig(
                new BackboneConfig(BackboneConfig.Kind.VIT, List.of(), Init.KAIMING_UNIFORM),
                OptimizerConfig.sgd(0.1),
                false);
        Experience e = new Experience(0, 0, images, images.schema().classes(), true, Pace.inOrder(4));
        double[] held = new double[2];
        for (int i = 0; i < 2; i++) {
            RehearsalFreeConfig c = RehearsalFreeConfig.of(vit, 0, 1, 0, 0);
            RehearsalFree l = new RehearsalFree(i == 0 ? c : c.withFeatKdStages(), images.schema(), Rng.of(1));
            walk(l, e);
            try (Scope s = Scope.open()) {
                l.begin(e);
                assertThat(value(l.learn(first(e)), "featKd")).isCloseTo(0, within(1e-8));
                // one step away both have moved alike
                held[i] = value(l.learn(first(e)), "featKd");
            }
        }
        assertThat(held[1]).isGreaterThan(held[0]);
    }

    @Test
    void everyPresetHasANameAndLearns() {
        LearnerPlugin<?> plugin = Registry.load().learner("rehearsal-free");
        assertThat(plugin.presets().keySet())
                .containsExactly(
                        "ft",
                        "ft++",
                        "lwf",
                        "predkd",
                        "predkd+featkd",
                        "predkd+l2",
                        "predkd+ewc",
                        "l2",
                        "ewc",
                        "featkd",
                        "pretrained-l2",
                        "vit-qkv-l2");
        MemoryDataset images = images();
        Experience e = new Experience(0, 0, images, images.schema().classes(), true, Pace.inOrder(4));
        for (String name : plugin.presets().keySet()) {
            try (Learner l = learner(Registry.load().learner("rehearsal-free:" + name), images.schema())) {
                walk(l, e);
                walk(l, e);
                try (Scope s = Scope.open()) {
                    assertThat(l.predict(images.rows(0, 1).inputs()).classes())
                            .as(name)
                            .hasSize(2);
                }
            }
        }
    }

    private static <C extends Record> Learner learner(LearnerPlugin<C> p, dev.holdfast.data.Schema schema) {
        return p.create(p.defaults(), schema, Rng.of(1));
    }

    @Test
    void badRequestsAreNamed() {
        assertThatThrownBy(() -> RehearsalFreeConfig.of(net(), -1, 0, 0, 0)).hasMessageContaining("predKd");
        assertThatThrownBy(() -> RehearsalFreeConfig.of(net(), 0, 0, Double.NaN, 0))
                .hasMessageContaining("l2");
        assertThatThrownBy(() -> RehearsalFreeConfig.of(net().withAllClassesFromStart(), 0, 0, 0, 0))
                .hasMessageContaining("allClassesFromStart");
        assertThatThrownBy(
                        () -> learner(RehearsalFreeConfig.of(net(), 0, 0, 1, 0).with(Anchor.ATTENTION_QKV)))
                .hasMessageContaining("ATTENTION_QKV")
                .hasMessageContaining("fc.0.weight");
        assertThatThrownBy(() -> TaskForgetting.of(new double[][] {{1}, {}})).hasMessageContaining("Row 1");
        assertThat(TaskForgetting.of(new double[][] {{1}})).isNaN();
    }
}
