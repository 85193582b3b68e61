package dev.holdfast.loss;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.data.augment.Mixup;
import dev.holdfast.data.corrupt.LabelNoise;
import dev.holdfast.data.corrupt.MappedNoise;
import dev.holdfast.optim.average.Averagers;
import dev.holdfast.optim.average.ExponentialAverage;
import dev.holdfast.optim.schedule.SigmoidRamp;
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

/** Everything of early-learning regularisation that has golden vectors, in double precision. */
@ExtendWith(NativeMemory.class)
class ElrGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("28-elr");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void golden(GoldenCase c) {
        switch (c.kind()) {
            case "elr" -> elr(c);
            case "elr_plus" -> elrPlus(c);
            case "ramp" -> ramp(c);
            case "ema" -> average(c);
            case "noise" -> noise(c);
            default -> c.failOnKind();
        }
        c.assertAllCompared();
    }

    private static EarlyLearning loss(double beta, double lambda, long ramp, boolean sharpen, boolean clamp) {
        return new EarlyLearning(new EarlyLearning.Config(
                beta, lambda, ramp, sharpen, clamp, SampleTable.Precision.FLOAT64, SampleTable.Duplicates.REFUSE));
    }

    private static void elr(GoldenCase c) {
        if (c.number("clamp") != 1e-4) {
            throw new AssertionError("Predictions are clamped at 1e-4, not at " + c.number("clamp"));
        }
        EarlyLearning loss = loss(c.number("beta"), c.number("lam"), 0, false, true);
        long[] ids = Golden.longs(c.input("ids"));
        Target y = Target.ClassIds.of(Golden.longs(c.input("y")));
        List<Object> visits = new ArrayList<>();
        for (JsonNode logits : c.input("logits_per_visit")) {
            Tensor z = leaf(Golden.tensor(logits));
            LossInput in = new LossInput(z, y, Rows.of(ids), ClassIndex.numbered((int) z.size(1)));
            loss.observe(in);
            Map<String, Object> out = numbers(loss.value(in), z);
            out.put("target_memory", memory(loss, c.integer("memory_size")));
            visits.add(out);
        }
        c.assertOutput("visits", visits);
    }

    private static void elrPlus(GoldenCase c) {
        EarlyLearning loss =
                loss(c.number("beta"), c.number("lam"), c.integer("coef_step"), c.flag("sharpen_labels"), false);
        List<Object> visits = new ArrayList<>();
        for (JsonNode v : c.input("visits")) {
            Tensor z = leaf(Golden.tensor(v.get("logits")));
            ClassIndex columns = ClassIndex.numbered((int) z.size(1));
            Batch b = new Batch(
                    Inputs.of(Tensors.zeros(ScalarType.Double, z.size(0), 1)),
                    Target.ClassIds.of(Golden.longs(v.get("y"))),
                    Rows.of(Golden.longs(v.get("ids"))));
            Batch mixed = new Mixup(1, columns).apply(b, v.get("mix_l").doubleValue(), Golden.ints(v.get("perm")));
            loss.observe(new LossInput(Golden.tensor(v.get("averaged_net_logits")), b.target(), b.rows(), columns));
            LossInput in = new LossInput(z, mixed.target(), mixed.rows(), columns);
            Map<String, Object> out = numbers(loss.value(in, v.get("iteration").longValue()), z);
            out.put("history", memory(loss, c.integer("memory_size")));
            out.put("mixed_target_q", loss.target(in));
            out.put("mixed_label", ((Target.Soft) mixed.target()).p());
            visits.add(out);
        }
        c.assertOutput("visits", visits);
    }

    private static Map<String, Object> numbers(LossValue value, Tensor z) {
        Map<String, Object> out = new LinkedHashMap<>();
        out.put("loss", Tensors.item(value.total(null)));
        out.put("ce", value.parts().get(0).value());
        out.put("reg", value.parts().get(1).value());
        out.put("grad", Autograd.grad(value.total(null), leaves(z), false).get(0));
        return out;
    }

    private static Tensor memory(EarlyLearning loss, int size) {
        return loss.targets().read(LongStream.range(0, size).toArray(), Tensors.zeros(ScalarType.Double, 1));
    }

    private static Tensor leaf(Tensor t) {
        t.set_requires_grad(true);
        return t;
    }

    static Parameters leaves(Tensor t) {
        return new Parameters(List.of(new ParamMeta("z", ParamMeta.Role.OTHER, 1, 1, false, 0)), List.of(t));
    }

    private static void ramp(GoldenCase c) {
        int[] at = c.ints("current");
        int[] length = c.ints("length");
        double[] r = new double[at.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = new SigmoidRamp(length[i]).at(at[i]);
        }
        c.assertOutput("value", r);
    }

    private static void average(GoldenCase c) {
        if (c.integer("first_global_step") != 1) {
            throw new AssertionError("Averages count steps from 1.");
        }
        Tensor mean = c.tensor("ema0");
        ExponentialAverage a = c.flag("ramped")
                ? Averagers.ramped(leaves(mean), c.number("ema_alpha"), c.integer("ema_step"))
                : Averagers.capped(leaves(mean), c.number("ema_alpha"));
        List<Double> shares = new ArrayList<>();
        List<Object> means = new ArrayList<>();
        for (double[] w : c.matrix("weights_after_step")) {
            shares.add(a.nextShare());
            a.update(leaves(Tensors.of(w, w.length)), null);
            means.add(a.average().get(0).clone());
        }
        c.assertOutput("alpha", shares);
        c.assertOutput("ema", means);
    }

    private static void noise(GoldenCase c) {
        long[] y = Golden.longs(c.input("y"));
        ClassIndex classes = ClassIndex.numbered(10);
        c.assertOutput(
                "symmetric",
                LabelNoise.symmetric(c.number("rate"))
                        .draw(y, classes, c.ints("permutation"), c.ints("replacement_in_permutation_order"))
                        .given());
        Map<Long, Long> map = new TreeMap<>();
        c.input("asymmetric_map")
                .properties()
                .forEach(e -> map.put(Long.parseLong(e.getKey()), e.getValue().longValue()));
        MappedNoise mapped = new MappedNoise(map, c.number("rate"), MappedNoise.Order.SEQUENTIAL);
        c.assertOutput(
                "asymmetric_sequential",
                mapped.draw(
                                y,
                                classes,
                                (id, rows) -> Golden.ints(
                                        c.input("asymmetric_visit_order").get(Long.toString(id))))
                        .given());
    }
}
