package dev.holdfast.bilevel;

import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class BoRepGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("26-bo-rep");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "hypergradient" -> hypergradient(c);
                case "initialization-refinement-epoch-sgd" -> refinement(c);
                case "bo-rep-run-momentum-init" -> run(c);
                case "z-step-run" -> zSteps(c);
                case "hyper-cleaning-hypergradient" -> cleaning(c);
                default -> c.failOnKind();
            }
        }
        c.assertAllCompared();
    }

    private static Quadratic problem(GoldenCase c, Tensor x, Tensor y) {
        return new Quadratic(c.tensor("A"), c.tensor("B"), c.tensor("c"), x, y, 1);
    }

    private static Hypergradient at(Quadratic p, InverseHvp solver) {
        return Hypergradient.of(p, null, q -> null, solver, null);
    }

    private static void hypergradient(GoldenCase c) {
        Quadratic p = problem(c, c.tensor("x"), c.tensor("y"));
        Tensor best = p.best();
        c.assertOutput("y_star", best);
        c.assertOutput("Phi", p.value());
        c.assertOutput(
                "hypergradient_exact_at_y", at(p, new InverseHvp.Exact()).h().flat());
        Map<String, Object> v = new LinkedHashMap<>();
        Map<String, Object> h = new LinkedHashMap<>();
        Map<String, Object> bound = new LinkedHashMap<>();
        double mu = Tensors.item(
                dev.holdfast.tensor.linalg.LinearAlgebra.eigh(p.a()).values().min());
        double ell = c.number("ell");
        for (int terms : c.ints("Q")) {
            Hypergradient found = at(p, new InverseHvp.Neumann(terms, ell));
            v.put("" + terms, found.v());
            h.put("" + terms, found.h().flat());
            bound.put(
                    "" + terms,
                    Math.pow(1 - mu / ell, terms)
                            / mu
                            * Tensors.item(p.y().detach().sub(p.c()).norm()));
        }
        c.assertOutput("neumann_inverse_vector", v);
        c.assertOutput("hypergradient_neumann", h);
        c.assertOutput("neumann_error_bound", bound);
        p.lower().assign(new ParamVector(p.lower(), new Tensor[] {best}));
        c.assertOutput(
                "hypergradient_exact_at_y_star",
                at(p, new InverseHvp.Exact()).h().flat());
    }

    private static void refinement(GoldenCase c) {
        Quadratic p = problem(c, c.tensor("x"), c.tensor("y"));
        Tensor noise = c.tensor("noise");
        EpochSgd e = new EpochSgd(c.number("gamma1"), c.integer("T1"), c.number("D1"), c.integer("budget"));
        List<Tensor> means = e.run(p, k -> noise.select(0, k)).stream()
                .map(ParamVector::flat)
                .toList();
        c.assertOutput("epoch_means", means);
        c.assertOutput("y", p.y().detach());
    }

    private static void run(GoldenCase c) {
        Quadratic p = problem(c, c.tensor("x0"), c.tensor("y0_refined"));
        Tensor inner = c.tensor("inner_noise");
        Tensor outer = c.tensor("hypergradient_noise");
        BoRepConfig config = new BoRepConfig(
                new InverseHvp.Neumann(c.integer("Q"), c.number("ell")),
                c.number("outer_lr"),
                Constant.ONE,
                c.number("beta"),
                c.name().endsWith("first"),
                true,
                new BoRepConfig.Lower(
                        c.number("inner_lr"),
                        c.integer("inner_steps"),
                        c.integer("period"),
                        c.number("radius"),
                        true,
                        false),
                EpochSgd.none());
        BoRep<Tensor> b = new BoRep<>(p, config, draws(inner, outer));
        List<Object> trajectory = new ArrayList<>();
        for (int t = 0; t < c.integer("steps"); t++) {
            b.advance();
            Map<String, Object> now = new LinkedHashMap<>();
            now.put("x", p.x().detach().clone());
            now.put("y", p.y().detach().clone());
            now.put("m", b.momentum().flat().clone());
            trajectory.add(now);
        }
        c.assertOutput("trajectory", trajectory);
    }

    private static void zSteps(GoldenCase c) {
        Quadratic p = problem(c, c.tensor("x0"), c.tensor("y0"));
        BoRepConfig config = new BoRepConfig(
                new InverseHvp.ZStep(c.number("nu")),
                c.number("outer_lr"),
                Constant.ONE,
                c.number("beta"),
                false,
                true,
                new BoRepConfig.Lower(
                        c.number("inner_lr"),
                        c.integer("inner_steps"),
                        c.integer("period"),
                        Double.POSITIVE_INFINITY,
                        false,
                        true),
                EpochSgd.none());
        BoRep<Tensor> b = new BoRep<>(p, config, draws(null, null));
        b.startSystemAt(c.tensor("z0"));
        List<Object> trajectory = new ArrayList<>();
        for (int t = 0; t < c.integer("steps"); t++) {
            b.advance();
            Map<String, Object> now = new LinkedHashMap<>();
            now.put("x", p.x().detach().clone());
            now.put("y", p.y().detach().clone());
            now.put("z", b.system().clone());
            trajectory.add(now);
        }
        c.assertOutput("trajectory", trajectory);
    }

    private static void cleaning(GoldenCase c) {
        Tensor lambda = c.tensor("lambda_logits");
        RowWeighting w = new RowWeighting(
                c.tensor("X"), c.ints("labels"), c.tensor("X_val"), c.ints("labels_val"), 3, c.number("ridge"));
        Tensor best = w.minimum(lambda, Tensors.zerosLike(lambda, 3, 3), 1e-13);
        c.assertOutput("W_star", best);
        c.assertOutput("val_loss", w.trustedLoss(best));
        RowWeighting.Gradient g = w.hypergradient(lambda, best, new InverseHvp.Exact(), null);
        c.assertOutput("inverse_hessian_vector", g.v());
        c.assertOutput("hypergradient", g.lambda());
    }

    private static Draws<Tensor> draws(Tensor inner, Tensor outer) {
        return new Draws<>() {
            @Override
            public Tensor refinement(int k) {
                return null;
            }

            @Override
            public Tensor inner(long t, int k) {
                return inner == null ? null : inner.select(0, t).select(0, k);
            }

            @Override
            public Tensor curvature(long t, int q) {
                return null;
            }

            @Override
            public Tensor upper(long t) {
                return outer == null ? null : outer.select(0, t);
            }
        };
    }
}
