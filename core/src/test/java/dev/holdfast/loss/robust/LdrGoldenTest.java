package dev.holdfast.loss.robust;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.corrupt.ChanceNoise;
import dev.holdfast.data.corrupt.LabelNoise;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.SampleTable;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Label-distributionally robust losses, their rivals and their noise against golden vectors, in double precision. */
@ExtendWith(NativeMemory.class)
class LdrGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("17-ldr");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void golden(GoldenCase c) {
        switch (c.kind()) {
            case "ldr_kl" -> compare(c, new LdrKl(c.number("lam"), c.number("c"), scale(c)));
            case "ldr_k" -> compare(c, new LdrK(c.integer("k"), c.number("c"), scale(c)));
            case "aldr_kl" -> adaptive(c);
            case "family" -> family(c);
            case "noise" -> noise(c);
            default -> c.failOnKind();
        }
        c.assertAllCompared();
    }

    private static ScoreScale scale(GoldenCase c) {
        return ScoreScale.valueOf(c.text("normalize").toUpperCase(java.util.Locale.ROOT));
    }

    private static void compare(GoldenCase c, Loss loss) {
        numbers(loss, c.input("f"), c, ids(c)).forEach(c::assertOutput);
    }

    private static long[] ids(GoldenCase c) {
        return LongStream.range(0, c.input("y").size()).toArray();
    }

    /** Losses of the rows and the gradient of their mean. */
    private static Map<String, Object> numbers(Loss loss, JsonNode scores, GoldenCase c, long[] ids) {
        Tensor f = Golden.tensor(scores);
        f.set_requires_grad(true);
        LossInput in = new LossInput(
                f, Target.ClassIds.of(Golden.longs(c.input("y"))), Rows.of(ids), ClassIndex.numbered((int) f.size(1)));
        loss.observe(in);
        Parameters leaf = new Parameters(List.of(new ParamMeta("f", ParamMeta.Role.OTHER, 1, 1, false, 0)), List.of(f));
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("loss", loss.value(in).perSample());
        out.put(
                "grad_mean",
                Autograd.grad(loss.value(in).total(null), leaf, false).get(0));
        return out;
    }

    private static void adaptive(GoldenCase c) {
        AldrKl loss = new AldrKl(new AldrKl.Config(
                c.number("lam0"),
                c.number("alpha"),
                c.number("c"),
                scale(c),
                AldrKl.From.valueOf(c.text("p_from").toUpperCase(java.util.Locale.ROOT)),
                c.number("smooth"),
                SampleTable.Precision.FLOAT64,
                SampleTable.Duplicates.REFUSE));
        List<Object> visits = new ArrayList<>();
        long[] ids = Golden.longs(c.input("ids"));
        long[] all = LongStream.range(0, c.integer("memory")).toArray();
        for (JsonNode f : c.input("f_per_visit")) {
            Map<String, Object> out = numbers(loss, f, c, ids);
            out.put("lam_state", read(loss, all));
            // lambda = lambda0 (1 - KL / (alpha log K)), so what was stored tells the divergence
            double[] kl = Tensors.doubles(read(loss, ids));
            for (int i = 0; i < kl.length; i++) {
                kl[i] = (1 - kl[i] / c.number("lam0"))
                        * c.number("alpha")
                        * Math.log(f.get(0).size());
            }
            out.put("kl", kl);
            visits.add(out);
        }
        c.assertOutput("visits", visits);
    }

    private static Tensor read(AldrKl loss, long[] ids) {
        return loss.temperatures()
                .read(ids, Tensors.zeros(ScalarType.Double, 1))
                .squeeze(1);
    }

    private static void family(GoldenCase c) {
        Map<String, Double> p = new TreeMap<>();
        c.input("params")
                .fieldNames()
                .forEachRemaining(n -> p.put(n, c.input("params").get(n).doubleValue()));
        if (p.get("al") + p.get("be") != 10) {
            throw new AssertionError("The two weights of a normalised loss add up to 10, not to " + p);
        }
        double weight = p.get("al");
        Schema schema =
                Schema.vectors(1, ClassIndex.numbered(c.input("f").get(0).size()));
        Map<String, Loss> losses = new TreeMap<>();
        losses.put("ce", new CrossEntropy());
        losses.put("cs", new MarginLoss.CrammerSinger(p.get("c")).build(schema));
        losses.put("ww", new MarginLoss.WestonWatkins(p.get("c")).build(schema));
        losses.put("gce", new GeneralisedCe(p.get("q")));
        losses.put("tgce", new PrunedCe(new PrunedCe.Config(p.get("q"), p.get("k_prune"), 0, 1)));
        losses.put("gce_trunc", new GeneralisedCe(p.get("q"), p.get("k_prune")));
        losses.put("sce", new SymmetricCe(p.get("b"), 4).build(schema));
        losses.put("mse", new ProbabilityError.Squared().build(schema));
        losses.put("mae", new ProbabilityError.Absolute().build(schema));
        losses.put("rll", new RobustLog(p.get("a_rll")).build(schema));
        losses.put("js", new JensenShannon(p.get("pi")).build(schema));
        losses.put("nce_rce", new NormalisedCe.WithReverse(weight).build(schema));
        losses.put("nce_agce", new NormalisedCe.WithAgce(weight, 3, 1.5).build(schema));
        losses.put("nce_aul", new NormalisedCe.WithAul(weight, 6, 1.5).build(schema));
        losses.forEach((name, loss) -> c.assertOutput(name, numbers(loss, c.input("f"), c, ids(c))));
    }

    private static void noise(GoldenCase c) {
        ClassIndex classes = ClassIndex.numbered(c.integer("classes"));
        long[] y = Golden.longs(c.input("y"));
        LabelNoise.Labels uniform =
                ChanceNoise.uniform(c.number("rate")).draw(y, classes, c.vector("u"), c.ints("replacement"));
        LabelNoise.Labels next =
                ChanceNoise.cyclic(classes, c.number("rate")).draw(y, classes, c.vector("u"), c.ints("replacement"));
        c.assertOutput("uniform", uniform.given());
        c.assertOutput("class_dependent", next.given());
        int[] touched = new int[y.length];
        for (int i = 0; i < touched.length; i++) {
            touched[i] = uniform.touched()[i] ? 1 : 0;
        }
        c.assertOutput("touched", touched);
    }
}
