package dev.holdfast.diagnose;

import dev.holdfast.diagnose.curvature.Lanczos;
import dev.holdfast.diagnose.signals.OpposingSignals;
import dev.holdfast.nn.small.TwoLayerLinear;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.ParamGroup;
import dev.holdfast.optim.UpdateRule;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.rule.Sgd;
import dev.holdfast.optim.rule.SplitSgd;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.transform.Clip;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(NativeMemory.class)
class OpposingSignalsGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("63-opposing-signals");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "per-example-losses-gradients-sharpness" -> numbers(c);
                case "gd-on-the-toy" -> descent(c);
                case "population-loss-of-the-two-layer-linear-network" -> population(c);
                case "top-k-loss-increases-and-decreases" -> bookkeeping(c);
                case "optimiser-variants" -> optimisers(c);
                default -> c.failOnKind();
            }
        }
        c.assertAllCompared();
    }

    private static TwoLayerLinear net(GoldenCase c) {
        return new TwoLayerLinear(c.tensor("W"), c.tensor("v"));
    }

    private static int[] members(int[] group, int g) {
        return IntStream.range(0, group.length).filter(i -> group[i] == g).toArray();
    }

    private static Lanczos.Result top(TwoLayerLinear net, Tensor x, Tensor y) {
        var h = net.hessian(x, y);
        return new Lanczos((int) h.size(), 0).run(h, net.gradient(x, y));
    }

    private static void numbers(GoldenCase c) {
        TwoLayerLinear net = net(c);
        Tensor x = c.tensor("X");
        Tensor y = c.tensor("y");
        c.assertOutput("losses", net.losses(x, y));
        c.assertOutput("full_gradient", net.gradient(x, y));
        Lanczos.Result top = top(net, x, y);
        c.assertOutput("lambda_max", top.largest());
        List<Tensor> gradients = new ArrayList<>();
        for (int g = 0; g < 3; g++) {
            int[] own = members(c.ints("group"), g);
            gradients.add(net.gradient(Tensors.rows(x, own), Tensors.rows(y, own)));
        }
        Tensor one = gradients.get(1);
        Tensor two = gradients.get(2);
        c.assertOutput(
                "group_gradient_cosine_1_2",
                Tensors.item(one.dot(two)) / Tensors.item(one.norm()) / Tensors.item(two.norm()));
        c.assertOutput(
                "group_gradient_norms",
                gradients.stream().map(g -> Tensors.item(g.norm())).toList());
        c.assertOutput(
                "group_projection_on_top_eigenvector_abs",
                gradients.stream()
                        .map(g -> Math.abs(Tensors.item(g.dot(top.vector(0)))))
                        .toList());
    }

    private static void descent(GoldenCase c) {
        TwoLayerLinear net = net(c);
        Tensor x = c.tensor("X");
        Tensor y = c.tensor("y");
        int[] group = c.ints("group");
        int k = c.integer("k");
        List<Map<String, Object>> log = new ArrayList<>();
        for (int t = 0; t < c.integer("steps"); t++) {
            double[] before = Tensors.doubles(net.losses(x, y));
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("loss", Arrays.stream(before).average().orElseThrow());
            line.put("sharpness", top(net, x, y).largest());
            line.put(
                    "group_losses",
                    IntStream.range(0, 3)
                            .mapToObj(g -> Arrays.stream(members(group, g))
                                    .mapToDouble(i -> before[i])
                                    .average()
                                    .orElseThrow())
                            .toList());
            net = net.minus(net.gradient(x, y), c.number("eta"));
            double[] after = Tensors.doubles(net.losses(x, y));
            double[] d = IntStream.range(0, after.length)
                    .mapToDouble(i -> after[i] - before[i])
                    .toArray();
            line.put("top_up", OpposingSignals.rises(d, k));
            line.put("top_down", OpposingSignals.falls(d, k));
            log.add(line);
        }
        c.assertOutput("log", log.stream().map(OpposingSignalsGoldenTest::plain).toList());
        c.assertOutput("final_W", net.w());
        c.assertOutput("final_v", net.v());
    }

    /** Arrays as lists, for the comparison of nested values. */
    private static Map<String, Object> plain(Map<String, Object> line) {
        Map<String, Object> r = new LinkedHashMap<>();
        line.forEach((k, v) ->
                r.put(k, v instanceof int[] ids ? Arrays.stream(ids).boxed().toList() : v));
        return r;
    }

    private static void population(GoldenCase c) {
        TwoLayerLinear net = net(c);
        Tensor beta = c.tensor("beta");
        double s = c.number("outlier_second_moment");
        c.assertOutput("loss_without_constant", net.populationLoss(beta, s));
        Tensor g = net.populationGradient(beta, s);
        long n = net.w().size(0) * net.w().size(1);
        c.assertOutput("grad_W", Tensors.slice(g, 0, n).reshape(net.w().shape()));
        c.assertOutput("grad_v", Tensors.slice(g, n, g.size(0)));
        c.assertOutput("curvature_along_outlier_weights", net.outlierCurvature(s));
    }

    private static void bookkeeping(GoldenCase c) {
        double[][] d = c.matrix("loss_changes");
        int k = c.integer("k");
        OpposingSignals seen = new OpposingSignals(d[0].length, k, d.length);
        for (int t = 0; t < d.length; t++) {
            seen.observe(t, new double[d[t].length], d[t]);
        }
        c.assertOutput(
                "top_up",
                Arrays.stream(d).map(row -> OpposingSignals.rises(row, k)).toList());
        c.assertOutput(
                "top_down",
                Arrays.stream(d).map(row -> OpposingSignals.falls(row, k)).toList());
        OpposingSignals.Scores s = seen.scores();
        c.assertOutput("up_counts", s.up());
        c.assertOutput("down_counts", s.down());
        c.assertOutput("both", s.both());
        c.assertOutput("sign_flip_rate_per_example", s.flips());
    }

    private static void optimisers(GoldenCase c) {
        double momentum = c.number("momentum");
        double dampening = c.number("dampening");
        double[] betas = c.vector("adam_betas");
        // the optimizer multiplies the fixed step by the rate
        double step = c.number("split_fixed_step") / c.number("lr");
        Map<String, Function<Parameters, UpdateRule>> rules = new LinkedHashMap<>();
        rules.put("sgd", Sgd::new);
        rules.put("sgd_momentum", p -> new Sgd(p, momentum, 0, false));
        rules.put("sgd_momentum_dampened", p -> new SplitSgd(p, momentum, dampening, Double.POSITIVE_INFINITY, 1));
        rules.put("sgd_clip_value", Sgd::new);
        rules.put("split_sgd", p -> new SplitSgd(p, momentum, dampening, c.number("split_threshold"), step));
        rules.put("adam", p -> new Adam(p, betas[0], betas[1], c.number("adam_eps")));
        Map<String, Object> all = new LinkedHashMap<>();
        rules.forEach((name, rule) -> {
            Tensor leaf = Scope.own(c.tensor("p0")).set_requires_grad(true);
            Parameters p = new Parameters(
                    List.of(new ParamMeta("p", ParamMeta.Role.HIDDEN, 1, leaf.size(0), true, 0)), List.of(leaf));
            List<GradientTransform> first =
                    name.equals("sgd_clip_value") ? List.of(Clip.value(c.number("clip"))) : List.of();
            ChainOptimizer o = new ChainOptimizer(
                    p,
                    first,
                    rule.apply(p),
                    List.of(ParamGroup.all(c.number("lr"), Constant.ONE, 0, ParamGroup.Decay.NONE)));
            List<Object> path = new ArrayList<>();
            for (double[] g : c.matrix("gradients")) {
                o.step(new ParamVector(p, new Tensor[] {Tensors.of(g, g.length)}));
                path.add(Arrays.stream(Tensors.doubles(leaf.detach())).boxed().toList());
            }
            all.put(name, path);
            leaf.close();
        });
        c.assertOutput("params_after_each_step", all);
    }
}
