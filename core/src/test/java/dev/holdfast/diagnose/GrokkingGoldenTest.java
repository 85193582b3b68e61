package dev.holdfast.diagnose;

import static dev.holdfast.optim.transform.PerpendicularGradient.Scope.PER_TENSOR;
import static dev.holdfast.optim.transform.PerpendicularGradient.Scope.WHOLE;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.diagnose.logits.NaiveMinimisation;
import dev.holdfast.diagnose.logits.SoftmaxCollapse;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.stable.PreciseCrossEntropy;
import dev.holdfast.loss.stable.Precision;
import dev.holdfast.loss.stable.StableMax;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.ParamGroup;
import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.UpdateRule;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.rule.Sgd;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.transform.PerpendicularGradient;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(NativeMemory.class)
class GrokkingGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("08-grokking-stability");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "s-x-and-derivative" -> {
                    c.assertOutput("s", StableMax.s(c.tensor("x")));
                    c.assertOutput("ds", StableMax.slope(c.tensor("x")));
                }
                case "stablemax-cross-entropy" -> {
                    loss(c, new StableMax(0));
                    c.assertOutput(
                            "log_probs", StableMax.logarithm(c.tensor("logits")).log_softmax(1));
                }
                case "softmax-cross-entropy-float64-reference" -> loss(c, new PreciseCrossEntropy(Precision.FLOAT64));
                case "softmax-collapse-diagnostic" -> collapse(c);
                case "orthograd-sgd-momentum-0-8" -> path(c, p -> new Sgd(p, c.number("momentum"), 0, false));
                case "orthograd-adamw-betas-0-9-0-999-eps-1e-8" -> path(c, p -> new Adam(p, 0.9, 0.999, 1e-8));
                case "orthograd-plain-sgd" -> path(c, Sgd::new);
                case "perpgrad-without-rescaling-nlm-cosine" -> projections(c);
                case "homogeneous-mlp" -> homogeneous(c);
                default -> c.failOnKind();
            }
        }
        c.assertAllCompared();
    }

    private static LossInput input(GoldenCase c, Tensor z) {
        long[] y = IntStream.of(c.ints("labels")).asLongStream().toArray();
        return new LossInput(
                z,
                Target.ClassIds.of(y),
                Rows.of(IntStream.range(0, y.length).asLongStream().toArray()),
                ClassIndex.numbered((int) z.size(1)));
    }

    private static void loss(GoldenCase c, Loss loss) {
        Tensor z = c.tensor("logits").set_requires_grad(true);
        LossValue v = loss.value(input(c, z));
        c.assertOutput("loss", v.total(null));
        if (c.expects("per_example")) {
            c.assertOutput("per_example", v.perSample());
        }
        Parameters p =
                new Parameters(List.of(new ParamMeta("z", ParamMeta.Role.HIDDEN, 1, z.size(1), true, 0)), List.of(z));
        c.assertOutput("grad_logits", Autograd.grad(v.total(null), p, false).get(0));
    }

    private static void collapse(GoldenCase c) {
        Tensor z = c.tensor("logits");
        for (Precision p : Precision.values()) {
            List<Integer> each = new ArrayList<>();
            for (boolean b : SoftmaxCollapse.collapsed(z, p)) {
                each.add(b ? 1 : 0);
            }
            c.assertOutput(
                    p.name().toLowerCase(), Map.of("fraction", SoftmaxCollapse.share(z, p), "per_example", each));
        }
        Tensor single = z.to(ScalarType.Float).set_requires_grad(true);
        LossValue v = new CrossEntropy().value(input(c, single));
        Parameters p =
                new Parameters(List.of(new ParamMeta("z", ParamMeta.Role.HIDDEN, 1, 3, true, 0)), List.of(single));
        Tensor g = Autograd.grad(v.total(null), p, false, true).get(0);
        c.assertOutput("float32_grad_at_label", g.select(1, 0));
        c.assertOutput("float32_zero_loss_terms", SoftmaxCollapse.zeroLosses(v.perSample()));
    }

    private static Parameters leaves(List<Tensor> tensors) {
        List<ParamMeta> meta = new ArrayList<>();
        for (int i = 0; i < tensors.size(); i++) {
            meta.add(new ParamMeta("p" + i, ParamMeta.Role.HIDDEN, 1, 1, true, 0));
        }
        return new Parameters(meta, tensors);
    }

    private static List<Tensor> tensors(JsonNode list) {
        List<Tensor> all = new ArrayList<>();
        list.forEach(n -> all.add(Golden.tensor(n)));
        return all;
    }

    private static List<Object> plain(ParamVector v) {
        List<Object> all = new ArrayList<>();
        for (int i = 0; i < v.size(); i++) {
            all.add(nested(v.get(i).detach()));
        }
        return all;
    }

    private static Object nested(Tensor t) {
        if (t.dim() == 0) {
            return Tensors.item(t);
        }
        List<Object> l = new ArrayList<>();
        for (long i = 0; i < t.size(0); i++) {
            l.add(nested(t.select(0, i)));
        }
        return l;
    }

    private static void path(GoldenCase c, Function<Parameters, UpdateRule> rule) {
        List<Tensor> start = tensors(c.input("params0")).stream()
                .map(t -> Scope.own(t).set_requires_grad(true))
                .toList();
        Parameters p = leaves(start);
        PerpendicularGradient perp = new PerpendicularGradient(PER_TENSOR, c.flag("rescale_to_gradient_norm"), true);
        ChainOptimizer o = new ChainOptimizer(
                p,
                List.of(perp),
                rule.apply(p),
                List.of(ParamGroup.all(c.number("lr"), Constant.ONE, 0, ParamGroup.Decay.NONE)));
        List<Object> projected = new ArrayList<>();
        List<Object> walked = new ArrayList<>();
        c.input("gradients").forEach(step -> {
            ParamVector g = new ParamVector(p, tensors(step).toArray(new Tensor[0]));
            projected.add(plain(perp.apply(g, new StepContext(0, p, Map.of(), null))));
            o.step(g);
            walked.add(plain(p.values()));
        });
        c.assertOutput("projected_gradients", projected);
        c.assertOutput("params_after_each_step", walked);
        start.forEach(Tensor::close);
    }

    private static void projections(GoldenCase c) {
        Parameters p = leaves(tensors(c.input("params")));
        ParamVector g = new ParamVector(p, tensors(c.input("gradients")).toArray(new Tensor[0]));
        StepContext at = new StepContext(0, p, Map.of(), null);
        c.assertOutput(
                "perp_whole",
                new PerpendicularGradient(WHOLE, false, true).apply(g, at).flat());
        c.assertOutput("perp_per_tensor", plain(new PerpendicularGradient(PER_TENSOR, false, true).apply(g, at)));
        NaiveMinimisation n = NaiveMinimisation.of(p, g);
        c.assertOutput("nlm_cosine_whole", n.whole());
        c.assertOutput("nlm_cosine_per_tensor", n.perTensor());
    }

    private static Tensor forward(Tensor x, List<Tensor> w) {
        return x.matmul(w.get(0).t())
                .relu()
                .matmul(w.get(1).t())
                .relu()
                .matmul(w.get(2).t());
    }

    private static void homogeneous(GoldenCase c) {
        List<Tensor> w = List.of(
                c.tensor("W1").set_requires_grad(true),
                c.tensor("W2").set_requires_grad(true),
                c.tensor("W3").set_requires_grad(true));
        Tensor logits = forward(c.tensor("X"), w);
        LossValue v = new CrossEntropy().value(input(c, logits));
        c.assertOutput("logits", logits);
        c.assertOutput("loss", v.total(null));
        Parameters p = leaves(w);
        ParamVector g = Autograd.grad(v.total(null), p, false);
        c.assertOutput("grads", plain(g));
        List<Double> along = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            along.add(Tensors.item(w.get(i).detach().mul(g.get(i)).sum()));
        }
        c.assertOutput("w_dot_grad_per_layer", along);
        double k = c.number("c");
        c.assertOutput(
                "logits_scaled",
                forward(
                        c.tensor("X"),
                        w.stream().map(t -> t.detach().mul(Tensors.scalar(k))).toList()));
    }
}
