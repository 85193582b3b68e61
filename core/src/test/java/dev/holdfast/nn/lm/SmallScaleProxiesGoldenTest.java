package dev.holdfast.nn.lm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.diagnose.scaling.InternalStatistics;
import dev.holdfast.diagnose.scaling.LrSensitivity;
import dev.holdfast.diagnose.scaling.ScalingFit;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.stable.ZLoss;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.MuParam;
import dev.holdfast.optim.ParamGroup;
import dev.holdfast.optim.ParamGroup.Decay;
import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.schedule.WarmUp;
import dev.holdfast.optim.transform.Clip;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SmallScaleProxiesGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("37-small-scale-proxies");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "lr-sensitivity" ->
                    c.assertOutput(
                            "sensitivity",
                            LrSensitivity.of(c.vector("learning_rates"), c.vector("losses"), c.number("initial_loss"))
                                    .sensitivity());
                case "causal-attention-qk-norm" -> attention(c);
                case "cross-entropy-plus-z-loss" -> zLoss(c);
                case "adamw-weight-decay" -> decay(c);
                case "update-damping" -> damping(c);
                case "logit-scaling-fit" -> fit(c);
                case "muparam-multipliers" -> {
                    MuParam mu = new MuParam(c.integer("base_fan_in"));
                    c.assertOutput(
                            "lr_multiplier",
                            Arrays.stream(c.vector("fan_in"))
                                    .map(f -> mu.multiplier(hidden("w", (long) f)))
                                    .toArray());
                }
                default -> c.failOnKind();
            }
        }
        c.assertAllCompared();
    }

    private static ParamMeta hidden(String name, long fanIn) {
        return new ParamMeta(name, ParamMeta.Role.HIDDEN, fanIn, 1, true, 0);
    }

    private static Tensor leaf(Tensor t) {
        return t.set_requires_grad(true);
    }

    private static void attention(GoldenCase c) {
        Tensor q = leaf(c.tensor("q"));
        Tensor k = leaf(c.tensor("k"));
        Tensor v = leaf(c.tensor("v"));
        QkNorm norm = Map.of("none", QkNorm.NONE, "layernorm", QkNorm.LAYER_NORM, "rmsnorm", QkNorm.RMS_NORM)
                .get(c.text("qk_norm"));
        Tensor query = normed(norm, q, c.tensor("scale_q"), c);
        Tensor key = normed(norm, k, c.tensor("scale_k"), c);
        double scale = DecoderStyle.AttentionScale.ROOT.of((int) q.size(3));
        Tensor visible = Decoder.band(q.size(2), k.size(2), 0);
        c.assertOutput("logits", Attention.stepwise(query, key, v, null, scale).logits());
        Attention.Result r = Attention.stepwise(query, key, v, visible, scale);
        c.assertOutput("max_logit_unmasked", InternalStatistics.largestSeen(r.logits()));
        c.assertOutput("attention_entropy", InternalStatistics.entropy(r.weights()));
        c.assertOutput("out", r.out());
        Tensor fused = Attention.fused(query, key, v, null, true, scale);
        assertThat(fused.sub(r.out()).abs().max().item_double()).isLessThan(1e-12);
        Parameters p = new Parameters(List.of(hidden("q", 1), hidden("k", 1), hidden("v", 1)), List.of(q, k, v));
        ParamVector g = Autograd.grad(r.out().mul(c.tensor("upstream")).sum(), p, false);
        c.assertOutput("grad_q", g.get(0));
        c.assertOutput("grad_k", g.get(1));
        c.assertOutput("grad_v", g.get(2));
    }

    private static Tensor normed(QkNorm how, Tensor x, Tensor scale, GoldenCase c) {
        return how.on() ? Norms.of(how.kind(), x, scale, c.number("norm_eps"), false) : x;
    }

    private static void zLoss(GoldenCase c) {
        Tensor logits = leaf(c.tensor("logits"));
        int[] labels = c.ints("labels");
        double weight = c.number("coefficient");
        long[] y = Arrays.stream(labels).asLongStream().toArray();
        LossInput in = new LossInput(
                logits,
                Target.ClassIds.of(y),
                Rows.of(IntStream.range(0, y.length).asLongStream().toArray()),
                ClassIndex.numbered((int) logits.size(1)));
        LossValue value = new ZLoss(weight, 0).value(in);
        Tensor loss = value.total(null);
        c.assertOutput("log_z", logits.logsumexp(new long[] {1}));
        c.assertOutput("z_loss", ZLoss.term(logits).mean().mul(Tensors.scalar(weight)));
        c.assertOutput("loss", loss);
        assertThat(value.parts().get(0).value() + value.parts().get(1).value())
                .isEqualTo(loss.item_double(), within(1e-12));
        Parameters p = new Parameters(List.of(hidden("z", 1)), List.of(logits));
        c.assertOutput("grad", Autograd.grad(loss, p, false).get(0));

        // the same as tokens: a first label that is about nothing, a last position that is
        Tensor before = Tensors.zeros(logits.scalar_type().intern(), 1, logits.size(1));
        Tensor all = Tensors.cat(0, logits, before).unsqueeze(0);
        long[] shifted = new long[y.length + 1];
        System.arraycopy(y, 0, shifted, 1, y.length);
        Tensor token = TokenLoss.withZ(all, Tensors.of(shifted, 1, shifted.length), weight);
        c.assertOutput("loss", token);
        c.assertOutput("grad", Autograd.grad(token, p, false).get(0));
    }

    private static void decay(GoldenCase c) {
        List<Tensor> leaves = new ArrayList<>();
        List<ParamMeta> meta = new ArrayList<>();
        for (JsonNode n : c.input("params0")) {
            meta.add(hidden("w" + leaves.size(), 1));
            leaves.add(leaf(Golden.tensor(n)));
        }
        Parameters p = new Parameters(meta, leaves);
        double[] rates = c.vector("lr");
        double peak = c.number("peak");
        WarmUp schedule = WarmUp.toFloor(3, rates.length, peak, rates[rates.length - 1]);
        for (int k = 0; k < rates.length; k++) {
            assertThat(peak * schedule.at(k)).isEqualTo(rates[k], within(1e-15));
        }
        double[] betas = c.vector("betas");
        ChainOptimizer o = new ChainOptimizer(
                p,
                List.of(Clip.norm(c.number("clip_global_norm"))),
                new Adam(p, betas[0], betas[1], c.number("eps")),
                List.of(ParamGroup.all(
                        peak,
                        schedule,
                        c.number("weight_decay"),
                        Decay.valueOf(c.text("decay_mode").toUpperCase(Locale.ROOT)))));
        List<Double> norms = new ArrayList<>();
        List<Object> after = new ArrayList<>();
        for (JsonNode step : c.input("gradients")) {
            List<Tensor> g = new ArrayList<>();
            step.forEach(n -> g.add(Golden.tensor(n)));
            norms.add(o.step(new ParamVector(p, g.toArray(new Tensor[0]))).normBefore());
            after.add(leaves.stream().map(t -> t.detach().clone()).toList());
        }
        c.assertOutput("global_norms", norms);
        c.assertOutput("params_after_each_step", after);
    }

    private static void damping(GoldenCase c) {
        double[] sizes = c.vector("gradient_rms");
        double[] epsilons = c.vector("eps");
        double[][] updates = new double[epsilons.length][sizes.length];
        for (int e = 0; e < epsilons.length; e++) {
            for (int i = 0; i < sizes.length; i++) {
                Parameters p =
                        new Parameters(List.of(hidden("w", 1)), List.of(leaf(Tensors.of(new double[] {1, 2, 3}, 3))));
                Adam adam = new Adam(p, 0.9, 0.95, epsilons[e]);
                ParamVector g =
                        new ParamVector(p, new Tensor[] {Tensors.of(new double[] {sizes[i], sizes[i], sizes[i]}, 3)});
                ParamVector u = g;
                for (int t = 0; t < 3; t++) {
                    u = adam.direction(g, new StepContext(t, p, adam.moments(), null));
                }
                updates[e][i] = u.norm() / Math.sqrt(3);
            }
        }
        c.assertOutput("update_rms", updates);
    }

    private static void fit(GoldenCase c) {
        ScalingFit fit = ScalingFit.line(c.vector("params"), c.vector("max_logit"));
        double threshold = c.number("threshold");
        c.assertOutput("slope", fit.slope());
        c.assertOutput("intercept", fit.intercept());
        c.assertOutput("prediction", fit.at(c.number("predict_at")));
        c.assertOutput("params_at_threshold", fit.sizeAbove(threshold).orElseThrow());
        c.assertOutput("predicted_unstable", fit.at(c.number("predict_at")) > threshold);
    }
}
