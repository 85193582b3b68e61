package dev.holdfast.optim;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.optim.config.StableSpam;
import dev.holdfast.optim.rule.AdamReset;
import dev.holdfast.optim.rule.Lion;
import dev.holdfast.optim.rule.Spam;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.transform.AdaptiveClip;
import dev.holdfast.optim.transform.AdaptiveNorm;
import dev.holdfast.optim.transform.SpikeClip;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The optimizers of arXiv 2502.17055 and 2501.06842; the quantisers have a test of their own. */
@ExtendWith(NativeMemory.class)
class StableSpamGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases(
                "04-stable-spam",
                "stable-spam",
                "stable-spam-paper-reset",
                "spam",
                "spam-sparse",
                "lion-with-adaclip-and-adagn");
    }

    /** Leaves, transforms and what came of each step. */
    private static final class Walk {
        final Parameters p;
        final List<Object> walked = new ArrayList<>();
        final List<Object> processed = new ArrayList<>();
        ChainOptimizer optimizer;

        Walk(List<Tensor> start) {
            List<ParamMeta> meta = new ArrayList<>();
            List<Tensor> leaves = new ArrayList<>();
            for (int i = 0; i < start.size(); i++) {
                meta.add(new ParamMeta("p" + i, ParamMeta.Role.HIDDEN, 1, 1, true, 0));
                leaves.add(Scope.own(start.get(i)).set_requires_grad(true));
            }
            p = new Parameters(meta, leaves);
        }

        void go(
                GoldenCase c,
                JsonNode gradients,
                List<GradientTransform> transforms,
                UpdateRule rule,
                ParamGroup.Decay mode) {
            double decay = c.has("weight_decay") ? c.number("weight_decay") : 0;
            List<GradientTransform> spied = new ArrayList<>(transforms);
            spied.add(new Spy());
            optimizer = new ChainOptimizer(
                    p,
                    spied,
                    rule,
                    List.of(ParamGroup.all(
                            c.number("lr"), Constant.ONE, decay, decay == 0 ? ParamGroup.Decay.NONE : mode)));
            gradients.forEach(step -> {
                List<Tensor> g = new ArrayList<>();
                if (p.size() == 1) {
                    g.add(Golden.tensor(step));
                } else {
                    step.forEach(t -> g.add(Golden.tensor(t)));
                }
                optimizer.step(new ParamVector(p, g.toArray(new Tensor[0])));
                walked.add(p.size() == 1 ? plain(p.get(0).detach()) : all(p.values()));
            });
        }

        private final class Spy implements GradientTransform, Stateless {
            @Override
            public ParamVector apply(ParamVector g, StepContext c) {
                processed.add(all(g));
                return g;
            }
        }

        void close() {
            for (Tensor t : p.tensors()) {
                t.close();
            }
        }
    }

    private static List<Object> all(ParamVector v) {
        List<Object> l = new ArrayList<>();
        for (int i = 0; i < v.size(); i++) {
            l.add(plain(v.get(i).detach()));
        }
        return l;
    }

    private static Object plain(Tensor t) {
        if (t.dim() == 0) {
            return Tensors.item(t);
        }
        List<Object> l = new ArrayList<>();
        for (long i = 0; i < t.size(0); i++) {
            l.add(plain(t.select(0, i)));
        }
        return l;
    }

    private static List<Tensor> tensors(JsonNode list) {
        List<Tensor> l = new ArrayList<>();
        list.forEach(n -> l.add(Golden.tensor(n)));
        return l;
    }

    private static double or(GoldenCase c, String input, double otherwise) {
        return c.has(input) ? c.number(input) : otherwise;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "stable-spam", "stable-spam-paper-reset" -> stableSpam(c);
                case "spam" -> spam(c);
                case "spam-sparse" -> sparse(c);
                case "lion-with-adaclip-and-adagn" -> lion(c);
                default -> c.failOnKind();
            }
        }
        c.assertAllCompared();
    }

    private static boolean on(GoldenCase c, String part) {
        return !c.has(part) || c.flag(part);
    }

    private static StableSpam settings(GoldenCase c) {
        boolean resets = on(c, "moret");
        return new StableSpam(
                0.9,
                0.999,
                or(c, "eps", 1e-8),
                or(c, "gamma1", 0.7),
                or(c, "gamma2", 0.9),
                or(c, "gamma3", 0.999),
                resets ? (long) or(c, "update_proj_gap", 1000) : 0,
                AdamReset.Reset.valueOf(c.text("reset_mode").toUpperCase(Locale.ROOT)),
                (long) or(c, "total_T", 0),
                or(c, "eta_min", 0.5),
                on(c, "adaclip"),
                on(c, "adagn"),
                0);
    }

    private static void stableSpam(GoldenCase c) {
        StableSpam settings = settings(c);
        Walk walk = new Walk(tensors(c.input("params0")));
        List<GradientTransform> transforms = settings.transforms();
        AdamReset rule = settings.rule(walk.p);
        walk.go(c, c.input("gradients"), transforms, rule, ParamGroup.Decay.LR_COUPLED);
        c.assertOutput("params_after_each_step", walk.walked);
        c.assertOutput("processed_gradients", walk.processed);
        AdaptiveClip clip = first(transforms, AdaptiveClip.class);
        AdaptiveNorm norm = first(transforms, AdaptiveNorm.class);
        List<Map<String, Object>> state = new ArrayList<>();
        for (int i = 0; i < walk.p.size(); i++) {
            Map<String, Object> m = new LinkedHashMap<>();
            m.put("exp_avg", plain(rule.moments().get("first").get(i)));
            m.put("exp_avg_sq", plain(rule.moments().get("second").get(i)));
            m.put("m_max", clip == null ? 0 : clip.averages()[i]);
            m.put("m_norm", norm == null ? 0 : norm.lengths()[i]);
            m.put("v_norm", norm == null ? 0 : norm.squares()[i]);
            state.add(m);
        }
        c.assertOutput("final_state", state);
        walk.close();
    }

    private static <T> T first(List<GradientTransform> all, Class<T> kind) {
        return all.stream().filter(kind::isInstance).map(kind::cast).findFirst().orElse(null);
    }

    private static Spam.Config config(GoldenCase c, double density) {
        double[] betas = c.vector("betas");
        return new Spam.Config(
                betas[0], betas[1], c.number("eps"), c.integer("DeltaT"), c.integer("warmup_steps"), density);
    }

    private static List<GradientTransform> spikes(GoldenCase c) {
        return List.of(new SpikeClip(c.number("threshold"), c.integer("DeltaT"), c.integer("grad_accu_steps")));
    }

    private static void spam(GoldenCase c) {
        Walk walk = new Walk(tensors(c.input("params0")));
        Spam rule = new Spam(walk.p, config(c, 1), Rng.of(1));
        walk.go(c, c.input("gradients"), spikes(c), rule, ParamGroup.Decay.LR_COUPLED_AFTER);
        c.assertOutput("params_after_each_step", walk.walked);
        c.assertOutput("exp_avg", all(rule.moments().get("first")));
        c.assertOutput("exp_avg_sq", all(rule.moments().get("second")));
        walk.close();
    }

    private static void sparse(GoldenCase c) {
        Walk walk = new Walk(List.of(c.tensor("param0")));
        ParamVector mask = new ParamVector(walk.p, new Tensor[] {c.tensor("mask")});
        Spam rule = new Spam(walk.p, config(c, 0.5), Rng.of(1), mask);
        walk.go(c, c.input("gradients"), spikes(c), rule, ParamGroup.Decay.LR_COUPLED_AFTER);
        c.assertOutput("param_after_each_step", walk.walked);
        walk.close();
    }

    private static void lion(GoldenCase c) {
        double[] betas = c.vector("betas");
        Function<Parameters, UpdateRule> rule = p -> new Lion(p, betas[0], betas[1]);
        Walk walk = new Walk(tensors(c.input("params0")));
        walk.go(
                c,
                c.input("gradients"),
                List.of(
                        new AdaptiveClip(c.number("gamma3"), 0),
                        new AdaptiveNorm(c.number("gamma1"), c.number("gamma2"), 1e-8, Constant.ONE, 0)),
                rule.apply(walk.p),
                ParamGroup.Decay.LR_COUPLED);
        c.assertOutput("params_after_each_step", walk.walked);
        walk.close();
    }
}
