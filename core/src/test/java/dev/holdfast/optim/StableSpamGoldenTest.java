package dev.holdfast.optim;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.optim.rule.AdamReset;
import dev.holdfast.optim.rule.Lion;
import dev.holdfast.optim.rule.Spam;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.schedule.Cosine;
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
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The optimizers of arXiv 2502.17055 and 2501.06842; its quantisers are another matter. */
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

    private static void stableSpam(GoldenCase c) {
        boolean authors = c.text("reset_mode").equals("authors");
        long every = (long) or(c, "update_proj_gap", 1000);
        double total = or(c, "total_T", 0);
        double floor = or(c, "eta_min", 0.5);
        Schedule factor = total == 0 ? Constant.ONE : new Cosine((long) total + 1, floor, 0);
        double epsilon = or(c, "eps", 1e-8);
        long countFrom = authors ? every : 0;
        AdaptiveClip clip = new AdaptiveClip(or(c, "gamma3", 0.999), countFrom);
        AdaptiveNorm norm = new AdaptiveNorm(or(c, "gamma1", 0.7), or(c, "gamma2", 0.9), epsilon, factor, countFrom);
        boolean clips = !c.has("adaclip") || c.flag("adaclip");
        boolean norms = !c.has("adagn") || c.flag("adagn");
        boolean resets = !c.has("moret") || c.flag("moret");
        List<GradientTransform> transforms = new ArrayList<>();
        if (clips) {
            transforms.add(clip);
        }
        if (norms) {
            transforms.add(norm);
        }
        Walk walk = new Walk(tensors(c.input("params0")));
        AdamReset rule = new AdamReset(
                walk.p,
                0.9,
                0.999,
                epsilon,
                resets ? every : 0,
                authors ? AdamReset.Reset.AUTHORS : AdamReset.Reset.PAPER,
                factor);
        walk.go(c, c.input("gradients"), transforms, rule, ParamGroup.Decay.LR_COUPLED);
        c.assertOutput("params_after_each_step", walk.walked);
        c.assertOutput("processed_gradients", walk.processed);
        List<Map<String, Object>> state = new ArrayList<>();
        for (int i = 0; i < walk.p.size(); i++) {
            Map<String, Object> m = new LinkedHashMap<>();
            m.put("exp_avg", plain(rule.moments().get("first").get(i)));
            m.put("exp_avg_sq", plain(rule.moments().get("second").get(i)));
            m.put("m_max", clips ? clip.averages()[i] : 0);
            m.put("m_norm", norms ? norm.lengths()[i] : 0);
            m.put("v_norm", norms ? norm.squares()[i] : 0);
            state.add(m);
        }
        c.assertOutput("final_state", state);
        walk.close();
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
