package dev.holdfast.learner.replay;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.distill.SoftLogits;
import dev.holdfast.evaluate.metric.AccuracyCurves;
import dev.holdfast.evaluate.metric.Retention;
import dev.holdfast.evaluate.metric.StabilityGap;
import dev.holdfast.learner.SplitsGradient.Split;
import dev.holdfast.learner.SplitsGradient.Stability;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.LossInput;
import dev.holdfast.math.QuadraticProgram;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.head.LinearHead;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.model.Mlp;
import dev.holdfast.objective.NetObjective;
import dev.holdfast.optim.transform.GradientSurgery;
import dev.holdfast.penalty.Anchored;
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
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The stability gap's metrics and the learners that it is shown with, against their golden vectors. */
@ExtendWith(NativeMemory.class)
class ContinualEvalGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("06-continual-eval");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agrees(GoldenCase c) {
        switch (c.kind()) {
            case "metrics-from-curves" -> metrics(c);
            case "gem-projection" -> gem(c);
            case "lwf" -> lwf(c);
            case "ewc-online" -> ewc(c);
            case "er-disentangled" -> er(c);
            default -> c.failOnKind();
        }
        c.assertAllCompared();
    }

    private static void metrics(GoldenCase c) {
        int[] task = c.ints("taskOfIteration");
        AccuracyCurves curves = AccuracyCurves.of(task, c.matrix("acc"));
        List<Integer> windows = Arrays.stream(c.ints("windows")).boxed().toList();
        StabilityGap g = StabilityGap.of(curves, windows, c.integer("lcaBeta"));
        double[] wc = StabilityGap.worstCaseAccuracies(curves);
        c.assertOutput("minAcc", g.minAccuracies());
        c.assertOutput("minAccAvg", g.minAccuracy());
        c.assertOutput("wcAcc", wc);
        c.assertOutput("wcAccFinal", g.worstCaseAccuracy());
        c.assertOutput("acc", g.accuracy());
        c.assertOutput("forgettingVsEndOfTask", g.forgetting());
        c.assertOutput("lca", g.learningCurveArea());
        for (int w : windows) {
            c.assertOutput("wf" + w, g.window(w).drops());
            c.assertOutput("wf" + w + "Avg", g.window(w).forgetting());
            c.assertOutput("wp" + w, g.window(w).rises());
            c.assertOutput("wp" + w + "Avg", g.window(w).plasticity());
            double[] published = IntStream.range(0, curves.tasks())
                    .mapToDouble(i -> risesFromPeaks(curves, i, w))
                    .toArray();
            c.assertOutput("wp" + w + "AsInAuthorsCode", published);
        }
        // the rows of the accuracy square are the evaluations at the ends of tasks
        double[][] square = IntStream.range(0, curves.tasks())
                .mapToObj(k -> curves.accuracy()[lastOf(task, k)])
                .toArray(double[][]::new);
        double[] classic = Retention.of(square, null).forgettingClassic();
        c.assertOutput("forgettingVsMaxAtTaskEnds", classic[classic.length - 1]);
    }

    private static int lastOf(int[] task, int k) {
        return IntStream.range(0, task.length).filter(n -> task[n] == k).max().orElseThrow();
    }

    /**
     * Windowed plasticity as the authors' code has it: start points below the running maximum of the window are left out,
     * as is right for drops, so a rise from a low is missed unless its window begins there.
     */
    private static double risesFromPeaks(AccuracyCurves c, int task, int window) {
        double largest = 0;
        double[] a = Arrays.stream(c.accuracy())
                .mapToDouble(row -> row[task])
                .filter(v -> !Double.isNaN(v))
                .toArray();
        for (int end = 0; end < a.length; end++) {
            double peak = Double.NEGATIVE_INFINITY;
            for (int n = Math.max(0, end - window + 1); n <= end; n++) {
                if (a[n] >= peak) {
                    peak = a[n];
                    for (int m = n + 1; m <= end; m++) {
                        largest = Math.max(largest, a[m] - a[n]);
                    }
                }
            }
        }
        return largest;
    }

    private static void gem(GoldenCase c) {
        ParamVector g = vector(c.tensor("grad"));
        List<ParamVector> memories = new ArrayList<>();
        for (double[] m : c.matrix("memoryGrads")) {
            memories.add(new ParamVector(g.of(), new Tensor[] {Tensors.of(m, m.length)}));
        }
        double margin = c.number("margin");
        double eps = c.number("eps");
        int n = memories.size();
        double[][] p = new double[n][n];
        double[] q = new double[n];
        for (int i = 0; i < n; i++) {
            q[i] = g.dot(memories.get(i));
            for (int j = 0; j < n; j++) {
                p[i][j] = memories.get(i).dot(memories.get(j)) + (i == j ? eps : 0);
            }
        }
        ParamVector turned = GradientSurgery.gem(g, memories, margin, eps);
        c.assertOutput("violated", turned != g);
        c.assertOutput("dual", QuadraticProgram.lowerBounded(p, q, margin));
        c.assertOutput("projected", turned.get(0));
        c.assertOutput("stabilityGradNorm", turned.plus(-1, g).norm());
    }

    private static void lwf(GoldenCase c) {
        Tensor now = c.tensor("logits");
        Tensor before = c.tensor("prevLogits");
        Tensor old = Tensors.ids(c.ints("oldUnits"));
        SoftLogits kl = new SoftLogits(c.number("temperature"), SoftLogits.Form.KL);
        double ce = crossEntropy(now, c.ints("labels")).item_double();
        double sliced = kl.sliced(now, before, old).item_double();
        double oldOnly =
                kl.value(now.index_select(1, old), before.index_select(1, old)).item_double();
        c.assertOutput("ce", ce);
        c.assertOutput("kdAuthors", sliced);
        c.assertOutput("lossAuthors", ce + c.number("alpha") * sliced);
        c.assertOutput("kdOldUnitsOnly", oldOnly);
        c.assertOutput("lossOldUnitsOnly", ce + c.number("alpha") * oldOnly);
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

    /** The mean over mini-batches of the squared mean gradient, averaged with what earlier tasks left. */
    private static void ewc(GoldenCase c) {
        Tensor weight = c.tensor("weight");
        Tensor x = c.tensor("batchesX");
        Model model = model(weight);
        long[] y = Tensors.longs(c.tensor("batchesY"));
        MemoryDataset rows =
                MemoryDataset.of(schema(weight), Inputs.of(x.reshape(-1, x.size(2))), Target.ClassIds.of(y));
        Anchored ewc = new Anchored(Anchored.Config.averagedEwc(c.number("strength"), (int) x.size(1)), Rng.of(1));
        NetObjective task = new NetObjective(model, new CrossEntropy(), rows);
        c.assertOutput("newImportance", ewc.importance(task).get(0));

        // a penalty that has seen so many tasks, with the importance that they left
        ewc.consolidate(task);
        Anchored later = new Anchored(Anchored.Config.averagedEwc(c.number("strength"), (int) x.size(1)), Rng.of(1));
        var saved = ewc.state().copy();
        var edited = new dev.holdfast.tensor.State();
        saved.values()
                .forEach((k, v) ->
                        edited.put(k, k.equals("tasks") ? c.input("tasksSoFar").asText() : v));
        saved.tensors().forEach((k, t) -> edited.put(k, k.contains("importance") ? c.tensor("previousImportance") : t));
        later.load(edited);
        later.consolidate(task);
        String leaf = model.parameters().meta().get(0).name();
        c.assertOutput("runningImportance", later.state().tensor("anchor0.importance." + leaf));

        // consolidated at the anchor, priced at the weight
        Parameters p = model.parameters();
        Anchored priced = new Anchored(Anchored.Config.averagedEwc(c.number("strength"), 1), Rng.of(1));
        var state = new dev.holdfast.tensor.State();
        var running = later.state().copy();
        running.values().forEach(state::put);
        running.tensors().forEach((k, t) -> state.put(k, k.contains("importance") ? t : c.tensor("anchor")));
        priced.load(state);
        c.assertOutput("penalty", priced.value(p).item_double());
        c.assertOutput("penaltyGrad", priced.gradient(p).get(0));
    }

    /** logits = x W^T: a * mean over new rows + (1 - a) * mean over remembered ones. */
    private static void er(GoldenCase c) {
        Tensor weight = c.tensor("weight");
        Model model = model(weight);
        Parameters p = model.parameters();
        NetObjective o = new NetObjective(model, new CrossEntropy(), null);
        double a = c.number("weightNew");
        Tensor fresh = o.at(batch(c, "new")).total(null).mul(Tensors.scalar(a));
        Tensor past = o.at(batch(c, "mem")).total(null).mul(Tensors.scalar(1 - a));
        Split s = new Split(Autograd.grad(fresh, p, false), Autograd.grad(past, p, false), Stability.REPLAY);
        c.assertOutput("loss", fresh.item_double() + past.item_double());
        c.assertOutput("plasticityGrad", s.plasticity().get(0));
        c.assertOutput("stabilityGrad", s.stability().get(0));
        c.assertOutput("plasticityNorm", s.plasticity().norm());
        c.assertOutput("stabilityNorm", s.stability().norm());
        c.assertOutput("cosine", s.cosine());
    }

    private static Batch batch(GoldenCase c, String rows) {
        long[] y = Arrays.stream(c.ints(rows + "Y")).asLongStream().toArray();
        return new Batch(Inputs.of(c.tensor(rows + "X")), Target.ClassIds.of(y), Rows.of(new long[y.length]));
    }

    private static Model model(Tensor weight) {
        Model model = new Mlp(List.of(weight.size(1)), List.of(), Init.KAIMING_UNIFORM, Activation.RELU, 0)
                .with(
                        new LinearHead.Spec(LinearHead.Use.SOFTMAX, false, Init.KAIMING_UNIFORM),
                        ClassIndex.numbered((int) weight.size(0)))
                .build(Rng.of(1), ScalarType.Double);
        Parameters p = model.parameters();
        p.assign(new ParamVector(p, new Tensor[] {weight}));
        return model;
    }

    private static Schema schema(Tensor weight) {
        return new Schema(
                List.of(new Schema.Field("x", Schema.Field.Kind.VECTOR, List.of(weight.size(1)), 0)),
                Target.ClassIds.class,
                ClassIndex.numbered((int) weight.size(0)),
                Optional.empty());
    }

    private static ParamVector vector(Tensor t) {
        Parameters p =
                new Parameters(List.of(new ParamMeta("w", ParamMeta.Role.HIDDEN, 1, 1, true, 0)), List.of(t.clone()));
        return new ParamVector(p, new Tensor[] {t});
    }
}
