package dev.holdfast.loss;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.data.augment.ImageOps;
import dev.holdfast.data.augment.LabelViews;
import dev.holdfast.evaluate.metric.FewShotScores;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.head.FixedPrototypes;
import dev.holdfast.nn.head.ViewHead;
import dev.holdfast.nn.weight.SoftMask;
import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.transform.ElementMask;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.ClassStatistics;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The parts of the bag of tricks for few-shot class-incremental learning against independent numbers. */
@ExtendWith(NativeMemory.class)
class FscilBagGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("03-fscil-bag");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agrees(GoldenCase c) {
        switch (c.kind()) {
            case "etf-dot-regression" -> simplex(c);
            case "supcon" -> batchForm(c);
            case "supcon-queue" -> queueForm(c);
            case "virtual-classes" -> views(c);
            case "prototype-cosine" -> cosine(c);
            case "subnet-step" -> subnet(c);
            case "session-metrics" -> metrics(c);
            default -> c.failOnKind();
        }
        c.assertAllCompared();
    }

    private static Tensor gradient(Tensor loss, Tensor leaf) {
        Parameters p = new Parameters(List.of(new ParamMeta("x", ParamMeta.Role.OTHER, 1, 1, false, 0)), List.of(leaf));
        return Autograd.grad(loss, p, false).get(0);
    }

    private static Tensor leaf(Tensor t) {
        return t.set_requires_grad(true);
    }

    private static void simplex(GoldenCase c) {
        Tensor e = FixedPrototypes.simplex(c.tensor("orthonormal"));
        Tensor h = leaf(c.tensor("features"));
        Tensor loss = DotRegression.value(h, e, c.ints("labels"));
        c.assertOutput("prototypes", e.t().contiguous());
        c.assertOutput("gram", e.matmul(e.t()));
        c.assertOutput("loss", loss.item_double());
        c.assertOutput("gradFeatures", gradient(loss, h));
        c.assertOutput(
                "logits", SupervisedContrastive.unit(h).matmul(e.t()).detach().contiguous());
    }

    private static void batchForm(GoldenCase c) {
        Tensor z = leaf(c.tensor("embeddings"));
        int views = (int) z.size(1);
        int[] y = Arrays.stream(c.ints("labels"))
                .flatMap(label -> IntStream.generate(() -> label).limit(views))
                .toArray();
        Tensor loss = SupervisedContrastive.batch(
                z.reshape(y.length, z.size(2)), y, c.number("temperature"), c.number("baseTemperature"));
        c.assertOutput("loss", loss.item_double());
        c.assertOutput("gradEmbeddings", gradient(loss, z));
    }

    private static void queueForm(GoldenCase c) {
        Tensor logits = SupervisedContrastive.logits(
                c.tensor("query"), c.tensor("key"), c.tensor("queue"), c.number("temperature"));
        Tensor positive = SupervisedContrastive.positives(c.ints("labels"), c.ints("queueLabels"), logits);
        c.assertOutput("logits", logits);
        c.assertOutput("targets", positive);
        c.assertOutput("loss", SupervisedContrastive.queue(logits, positive).item_double());
    }

    private static void views(GoldenCase c) {
        Tensor x = c.tensor("images");
        int[] turns = c.ints("rotationsQuarterTurns");
        List<Tensor> turned = new ArrayList<>();
        for (int i = 0; i < x.size(0); i++) {
            for (int k : turns) {
                turned.add(ImageOps.quarterTurns(Tensors.slice(x, i, i + 1), k));
            }
        }
        Tensor byImage = Tensors.cat(0, turned.toArray(new Tensor[0]));
        // ours come view by view, the expected ones image by image
        int[] order = byImage(x.size(0), turns.length);
        LabelViews v = LabelViews.QUARTER_TURNS;
        int[] labels = v.labels(c.ints("labels"));
        int[] jointLabels = Arrays.stream(order).map(i -> labels[i]).toArray();
        Tensor views = Tensors.rows(v.all(x), order);
        Tensor logits = c.tensor("jointLogits");
        Tensor averaged = v.average(Tensors.rows(logits, inverse(order)));
        c.assertOutput("views", views);
        c.assertOutput("jointLabels", jointLabels);
        c.assertOutput("jointCrossEntropy", crossEntropy(logits, jointLabels));
        c.assertOutput("aggregatedLogits", averaged);
        c.assertOutput("predictions", Tensors.longs(averaged.argmax(new LongOptional(1), false)));
        assertThat(views.sub(byImage).abs().max().item_double()).isZero();
    }

    private static int[] byImage(long n, int m) {
        return IntStream.range(0, (int) n * m)
                .map(i -> (i % m) * (int) n + i / m)
                .toArray();
    }

    private static int[] inverse(int[] order) {
        int[] at = new int[order.length];
        for (int i = 0; i < at.length; i++) {
            at[order[i]] = i;
        }
        return at;
    }

    private static double crossEntropy(Tensor logits, int[] label) {
        long[] ids = Arrays.stream(label).asLongStream().toArray();
        LossInput in = new LossInput(
                logits,
                Target.ClassIds.of(ids),
                Rows.of(new long[ids.length]),
                ClassIndex.numbered((int) logits.size(1)),
                Map.of(),
                true);
        return new CrossEntropy().value(in).total(null).item_double();
    }

    private static void cosine(GoldenCase c) {
        Tensor f = c.tensor("features");
        int[] y = c.ints("labels");
        ClassStatistics means = ClassStatistics.meansOnly(f.size(1));
        means.add(f, y);
        int classes = means.columns();
        ViewHead head = new ViewHead.Spec(c.number("scale"), 1)
                .build("head", f.size(1), ClassIndex.numbered(classes), Rng.of(1), ScalarType.Double);
        head.assign(means.means());
        c.assertOutput("classes", Arrays.stream(y).distinct().sorted().toArray());
        c.assertOutput("prototypes", head.rows());
        c.assertOutput("logits", head.forward(c.tensor("queries"), Pass.eval()).detach());
    }

    private static void subnet(GoldenCase c) {
        Tensor w = leaf(c.tensor("weight"));
        SoftMask.Smallest s = SoftMask.smallest(w, c.number("fraction"));
        Parameters p = new Parameters(List.of(new ParamMeta("w", ParamMeta.Role.HIDDEN, 1, 1, true, 0)), List.of(w));
        ParamVector g = new ElementMask(Map.of("w", s.mask()))
                .apply(new ParamVector(p, new Tensor[] {c.tensor("grad")}), new StepContext(0, p, Map.of(), null));
        c.assertOutput("k", s.k());
        c.assertOutput("threshold", s.threshold());
        c.assertOutput("trainable", s.mask());
        c.assertOutput("newWeight", w.detach().sub(g.get(0), Tensors.scalar(c.number("lr"))));
    }

    private static void metrics(GoldenCase c) {
        JsonNode sessions = c.input("sessions");
        long[][] correct = new long[sessions.size()][];
        long[][] total = new long[sessions.size()][];
        for (int s = 0; s < correct.length; s++) {
            correct[s] = Golden.longs(sessions.get(s).get("correct"));
            total[s] = Golden.longs(sessions.get(s).get("total"));
        }
        FewShotScores scores = FewShotScores.of(c.integer("baseClasses"), c.integer("way"), correct, total);
        List<Map<String, Object>> all = new ArrayList<>();
        for (FewShotScores.Session s : scores.sessions()) {
            Map<String, Object> m = new LinkedHashMap<>();
            m.put("all", s.all());
            m.put("base", s.base());
            m.put("novel", s.novel());
            m.put("harmonic", s.harmonic());
            all.add(m);
        }
        c.assertOutput("sessions", all);
        c.assertOutput("performanceDrop", scores.performanceDrop());
        c.assertOutput("average", scores.average());
    }
}
