package dev.holdfast.learner.replay;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.distill.SoftLogits;
import dev.holdfast.estimate.NearestMean;
import dev.holdfast.estimate.StreamingLda;
import dev.holdfast.evaluate.metric.Retention;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.LossInput;
import dev.holdfast.memory.Herding;
import dev.holdfast.memory.Reservoir;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.head.LinearHead;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.model.Mlp;
import dev.holdfast.nn.weight.Owned;
import dev.holdfast.objective.NetObjective;
import dev.holdfast.optim.Step;
import dev.holdfast.optim.transform.GradientSurgery;
import dev.holdfast.optim.transform.OrthogonalGradient;
import dev.holdfast.optim.transform.SubspaceProjection;
import dev.holdfast.optim.transform.UnitGates;
import dev.holdfast.penalty.Anchored;
import dev.holdfast.penalty.Importance;
import dev.holdfast.penalty.RiemannianWalk;
import dev.holdfast.penalty.SynapticIntelligence;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The formulas of the continual-learning survey that are built here, against their golden vectors. */
@ExtendWith(NativeMemory.class)
class ClSurveyGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("19-cl-survey");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agrees(GoldenCase c) {
        switch (c.kind()) {
            case "importance" -> importance(c);
            case "si" -> synapticIntelligence(c);
            case "r-walk" -> riemannianWalk(c);
            case "lwf" -> lwf(c);
            case "der" -> der(c);
            case "reservoir" -> reservoir(c);
            case "herding" -> c.assertOutput("order", Herding.select(c.tensor("features"), c.integer("count")));
            case "a-gem" -> aGem(c);
            case "ogd" -> ogd(c);
            case "gpm" -> gpm(c);
            case "ncm-slda" -> ncmSlda(c);
            case "metrics" -> metrics(c);
            case "packnet" -> packNet(c);
            case "hat" -> hardAttention(c);
            default -> c.failOnKind();
        }
        c.assertAllCompared();
    }

    @Test
    void everyKindIsCovered() {
        Set<String> known = new TreeSet<>(Set.of(
                "importance",
                "si",
                "r-walk",
                "lwf",
                "der",
                "reservoir",
                "herding",
                "a-gem",
                "ogd",
                "gpm",
                "ncm-slda",
                "metrics",
                "packnet",
                "hat"));
        assertThat(known).containsAll(Golden.kinds("19-cl-survey"));
    }

    /** logits = x W^T as a network: no hidden layer, a head without bias. */
    private static void importance(GoldenCase c) {
        Tensor weight = c.tensor("weight");
        long width = weight.size(1);
        Model model = new Mlp(List.of(width), List.of(), Init.KAIMING_UNIFORM, dev.holdfast.nn.layer.Activation.RELU, 0)
                .with(
                        new LinearHead.Spec(LinearHead.Use.SOFTMAX, false, Init.KAIMING_UNIFORM),
                        ClassIndex.numbered((int) weight.size(0)))
                .build(Rng.of(1), ScalarType.Double);
        Parameters p = model.parameters();
        p.assign(new ParamVector(p, new Tensor[] {weight}));
        Schema schema = new Schema(
                List.of(new Schema.Field("x", Schema.Field.Kind.VECTOR, List.of(width), 0)),
                Target.ClassIds.class,
                ClassIndex.numbered((int) weight.size(0)),
                Optional.empty());
        MemoryDataset rows = MemoryDataset.of(
                schema,
                Inputs.of(c.tensor("x")),
                Target.ClassIds.of(Arrays.stream(c.ints("y")).asLongStream().toArray()));

        c.assertOutput("ewcEmpirical", measured(Importance.FISHER, model, rows));
        c.assertOutput("ewcExpectation", measured(Importance.FISHER_EXPECTED, model, rows));
        c.assertOutput("onlineEwcProbWeighted", measured(Importance.FISHER_PROB_WEIGHTED, model, rows));
        c.assertOutput("mas", measured(Importance.OUTPUT_NORM, model, rows));

        c.assertOutput("penaltyEwcHalf", penalty(c, Importance.FISHER, true, model, rows));
        c.assertOutput("penaltyEwc", penalty(c, Importance.FISHER, false, model, rows));
        c.assertOutput("penaltyMas", penalty(c, Importance.OUTPUT_NORM, false, model, rows));
    }

    private static Anchored anchored(Importance importance, double strength, boolean half) {
        return new Anchored(
                new Anchored.Config(importance, Anchored.Accumulate.ONLINE, strength, 1, half, 0), Rng.of(1));
    }

    private static Tensor measured(Importance importance, Model model, MemoryDataset rows) {
        Anchored a = anchored(importance, 1, false);
        return a.importance(new NetObjective(model, a.measuredBy(new CrossEntropy()), rows))
                .get(0);
    }

    /** The importance is measured at the weight; the penalty is that of standing there with the anchor elsewhere. */
    private static double penalty(GoldenCase c, Importance importance, boolean half, Model model, MemoryDataset rows) {
        Anchored a = anchored(importance, c.number("lam"), half);
        Parameters p = model.parameters();
        ParamVector here = p.copy();
        a.consolidate(new NetObjective(model, a.measuredBy(new CrossEntropy()), rows));
        // (theta - theta*) is the same seen from the anchor with the sign turned round
        p.assign(new ParamVector(
                p, new Tensor[] {here.get(0).mul(Tensors.scalar(2)).sub(c.tensor("anchor"))}));
        double value = a.value(p).item_double();
        p.assign(here);
        return value;
    }

    private static void synapticIntelligence(GoldenCase c) {
        double[][] thetas = c.matrix("thetas");
        double[][] gradients = c.matrix("taskGradients");
        for (boolean clip : new boolean[] {false, true}) {
            SynapticIntelligence si = new SynapticIntelligence(c.number("c"), c.number("xi"), clip);
            Parameters p = leaf(thetas[0]);
            for (int t = 0; t < gradients.length; t++) {
                Tensor now = row(thetas[t + 1]);
                Tensor move = now.sub(row(thetas[t]));
                p.assign(new ParamVector(p, new Tensor[] {now}));
                ParamVector g = new ParamVector(p, new Tensor[] {row(gradients[t])});
                si.observe(g, step(g, new ParamVector(p, new Tensor[] {move})));
            }
            if (!clip) {
                c.assertOutput("pathIntegral", si.path("w"));
            }
            si.consolidate(p);
            c.assertOutput(clip ? "OmegaClipped" : "Omega", si.importance("w", p.get(0)));
            if (!clip) {
                p.assign(new ParamVector(p, new Tensor[] {c.tensor("thetaNow")}));
                c.assertOutput("penalty", si.value(p).item_double());
                c.assertOutput("penaltyGrad", si.gradient(p).get(0));
            }
        }
    }

    private static void riemannianWalk(GoldenCase c) {
        double[][] thetas = c.matrix("thetas");
        double[][] gradients = c.matrix("taskGradients");
        RiemannianWalk walk = new RiemannianWalk(
                new RiemannianWalk.Config(RiemannianWalk.Form.WALK, 1, c.number("alpha"), 1, c.number("eps")));
        Parameters p = leaf(thetas[0]);
        for (int t = 0; t < gradients.length; t++) {
            Tensor now = row(thetas[t + 1]);
            Tensor move = now.sub(row(thetas[t]));
            p.assign(new ParamVector(p, new Tensor[] {now}));
            ParamVector g = new ParamVector(p, new Tensor[] {row(gradients[t])});
            walk.observe(g, step(g, new ParamVector(p, new Tensor[] {move})));
        }
        c.assertOutput("runningFisher", walk.fisher("w"));
        c.assertOutput("rawScore", walk.score("w"));
        walk.consolidate(p);
        c.assertOutput("penaltyWeight", walk.importance("w", p.get(0)));
    }

    private static Step step(ParamVector gradient, ParamVector move) {
        return new Step(gradient, () -> move, gradient.norm(), gradient.norm(), false);
    }

    private static void lwf(GoldenCase c) {
        Tensor now = c.tensor("logits");
        Tensor before = c.tensor("prevLogits");
        double t = c.number("temperature");
        c.assertOutput(
                "kl", new SoftLogits(t, SoftLogits.Form.KL).value(now, before).item_double());
        c.assertOutput(
                "crossEntropyForm",
                new SoftLogits(t, SoftLogits.Form.CROSS_ENTROPY)
                        .value(now, before)
                        .item_double());
    }

    private static void der(GoldenCase c) {
        Tensor now = c.tensor("bufferLogitsNow").set_requires_grad(true);
        Tensor stream = crossEntropy(c.tensor("streamLogits"), c.ints("streamLabels"));
        Tensor dark =
                DarkReplay.logitsError(now, c.tensor("bufferLogitsStored")).mul(Tensors.scalar(c.number("alpha")));
        Tensor der = stream.add(dark);
        Tensor labels = crossEntropy(c.tensor("secondDrawLogits"), c.ints("secondDrawLabels"))
                .mul(Tensors.scalar(c.number("beta")));
        c.assertOutput("der", der.item_double());
        c.assertOutput("derpp", der.add(labels).item_double());
        Parameters p = new Parameters(List.of(new ParamMeta("z", ParamMeta.Role.OTHER, 1, 1, false, 0)), List.of(now));
        c.assertOutput("gradBufferLogits", Autograd.grad(der, p, false).get(0));
    }

    private static Tensor crossEntropy(Tensor logits, int[] labels) {
        Target target = Target.ClassIds.of(Arrays.stream(labels).asLongStream().toArray());
        return new CrossEntropy()
                .value(new LossInput(
                        logits,
                        target,
                        Rows.of(new long[labels.length]),
                        ClassIndex.numbered((int) logits.size(1)),
                        Map.of(),
                        true))
                .total(null);
    }

    private static void reservoir(GoldenCase c) {
        int capacity = c.integer("capacity");
        int[] draws = c.ints("drawUniform0toN");
        Reservoir store = new Reservoir(capacity);
        List<Integer> buffer = new ArrayList<>();
        for (int item = 0; item < c.integer("items"); item++) {
            int slot = store.admit(draws[item]);
            if (slot == buffer.size()) {
                buffer.add(item);
            } else if (slot >= 0) {
                buffer.set(slot, item);
            }
        }
        c.assertOutput("buffer", buffer);
    }

    private static void aGem(GoldenCase c) {
        ParamVector g = vector(c.tensor("grad"));
        ParamVector r = new ParamVector(g.of(), new Tensor[] {c.tensor("reference")});
        c.assertOutput("projected", GradientSurgery.aGem(g, r).get(0));
        c.assertOutput(
                "unchangedWhenAligned", GradientSurgery.aGem(g, g.times(0.5)).get(0));
    }

    private static void ogd(GoldenCase c) {
        ParamVector g = vector(c.tensor("grad"));
        OrthogonalGradient ogd = new OrthogonalGradient(1000);
        for (double[] stored : c.matrix("storedGradients")) {
            ogd.remember(new ParamVector(g.of(), new Tensor[] {row(stored)}));
        }
        c.assertOutput("basisSize", ogd.size());
        c.assertOutput("projected", ogd.apply(g, null).get(0));
    }

    private static void gpm(GoldenCase c) {
        ParamVector g = vector(c.tensor("gradWeight"));
        SubspaceProjection gpm = new SubspaceProjection();
        gpm.protect("w", c.tensor("activations1"), c.number("threshold1"));
        c.assertOutput("rank1", gpm.of("w").rank());
        c.assertOutput("projector1", gpm.of("w").projector());
        gpm.protect("w", c.tensor("activations2"), c.number("threshold2"));
        c.assertOutput("rankAfter2", gpm.of("w").rank());
        c.assertOutput("projector2", gpm.of("w").projector());
        c.assertOutput("projectedGrad", gpm.apply(g, null).get(0));
    }

    private static void ncmSlda(GoldenCase c) {
        Tensor x = c.tensor("features");
        long[] y = Arrays.stream(c.ints("labels")).asLongStream().toArray();
        int classes = (int) Arrays.stream(y).max().orElseThrow() + 1;
        ClassIndex known = ClassIndex.numbered(classes);
        StreamingLda lda = new StreamingLda(
                new StreamingLda.Config(c.number("shrinkage"), StreamingLda.Covariance.STREAMING), x.size(1));
        NearestMean ncm = new NearestMean(x.size(1));
        // in batches of three, so that batching is covered, too
        for (int from = 0; from < y.length; from += 3) {
            int to = Math.min(y.length, from + 3);
            lda.update(Tensors.slice(x, from, to), known, Arrays.copyOfRange(y, from, to));
            ncm.update(Tensors.slice(x, from, to), known, Arrays.copyOfRange(y, from, to));
        }
        // columns come in order of first appearance, the vectors are in order of class ids
        int[] columns = lda.columns()
                .columnsOf(java.util.stream.LongStream.range(0, classes).toArray());
        c.assertOutput("means", Tensors.rows(lda.means(), columns));
        c.assertOutput("covariance", lda.covariance());
        Tensor scores = lda.scores(c.tensor("queries")).index_select(1, Tensors.ids(columns));
        c.assertOutput("sldaScores", scores);
        c.assertOutput("sldaPrediction", best(scores));
        c.assertOutput("ncmPrediction", best(ncm.scores(c.tensor("queries")).index_select(1, Tensors.ids(columns))));
    }

    private static int[] best(Tensor scores) {
        return Tensors.ints(scores.argmax(new LongOptional(1), false));
    }

    private static void metrics(GoldenCase c) {
        double[][] a = c.matrix("accuracy");
        Retention r = Retention.of(a, c.vector("randomInit"));
        c.assertOutput("AA", r.averageAccuracy());
        c.assertOutput("AIA", r.averageIncrementalAccuracy());
        c.assertOutput("FM", r.forgetting());
        c.assertOutput("FMclassic", r.forgettingClassic());
        c.assertOutput("BWT", r.backwardTransfer());
        c.assertOutput("FWT", Retention.forwardTransfer(a, c.vector("singleTask")));
        c.assertOutput("FWTzeroShot", r.zeroShotTransfer());
        c.assertOutput("IM", Retention.intransigence(a, c.vector("joint")));
    }

    private static void packNet(GoldenCase c) {
        Owned.Pruned p =
                Owned.prune(c.tensor("weight"), c.tensor("owner"), c.number("pruneFraction"), c.integer("task"));
        c.assertOutput("threshold", p.threshold());
        c.assertOutput("ownerAfter", p.owner());
        c.assertOutput("weightAfter", p.weight());
    }

    private static void hardAttention(GoldenCase c) {
        double sMax = c.number("smax");
        double s = UnitGates.annealed(c.integer("batchIndex") / (c.number("batches") - 1), sMax);
        c.assertOutput("s", s);
        Tensor in = UnitGates.gates(c.tensor("embeddingIn"), s);
        Tensor out = UnitGates.gates(c.tensor("embeddingOut"), s);
        Tensor usedIn = c.tensor("cumulativeIn");
        Tensor usedOut = c.tensor("cumulativeOut");
        c.assertOutput("maskIn", in);
        c.assertOutput(
                "sparsity",
                UnitGates.sparsity(List.of(in, out), List.of(usedIn, usedOut)).item_double());
        c.assertOutput("gatedGradWeight", UnitGates.gated(c.tensor("gradWeight"), usedIn, usedOut));
        c.assertOutput(
                "compensatedGradEmbeddingIn",
                UnitGates.compensated(
                        c.tensor("gradEmbeddingIn"), c.tensor("embeddingIn"), s, sMax, c.number("clampCosh")));
    }

    private static Tensor row(double[] numbers) {
        return Tensors.of(numbers, numbers.length);
    }

    private static Parameters leaf(double[] numbers) {
        return new Parameters(List.of(new ParamMeta("w", ParamMeta.Role.HIDDEN, 1, 1, true, 0)), List.of(row(numbers)));
    }

    private static ParamVector vector(Tensor t) {
        Parameters p =
                new Parameters(List.of(new ParamMeta("w", ParamMeta.Role.HIDDEN, 1, 1, true, 0)), List.of(t.clone()));
        return new ParamVector(p, new Tensor[] {t});
    }
}
