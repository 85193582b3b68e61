package dev.holdfast.diagnose;

import dev.holdfast.diagnose.curvature.Hutchinson;
import dev.holdfast.diagnose.curvature.Lanczos;
import dev.holdfast.diagnose.curvature.PowerIteration;
import dev.holdfast.diagnose.stability.LinearisedSgd;
import dev.holdfast.nn.small.DiagonalLinear;
import dev.holdfast.nn.small.TwoLayerRelu;
import dev.holdfast.tensor.LinearOperator;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(NativeMemory.class)
class StabilityGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("05-dynamical-stability");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "linearised-sgd-n" -> linearised(c);
                case "hutchinson-frobenius-lanczos-power-iteration" -> estimators(c);
                case "two-layer-relu-at-an-interpolating-point-labels-outputs" -> relu(c);
                case "diagonal-linear-network" -> diagonal(c);
                default -> c.failOnKind();
            }
        }
        c.assertAllCompared();
    }

    private static void linearised(GoldenCase c) {
        LinearisedSgd sgd = new LinearisedSgd(c.tensor("per_sample_gradients"));
        c.assertOutput("hessian", sgd.hessian());
        c.assertOutput("trace", sgd.trace());
        c.assertOutput("frobenius", sgd.frobenius());
        c.assertOutput("lambda_max", sgd.largest());
        c.assertOutput("gd_critical", sgd.gdCritical());
        c.assertOutput("trace_bound", sgd.traceBound());
        c.assertOutput("sufficient_B1", sgd.sufficient());
        c.assertOutput("sgd_critical_B1", sgd.critical(1, true));
        c.assertOutput("sgd_critical_B2", sgd.critical(2, true));
        c.assertOutput("sgd_critical_B2_without_replacement", sgd.critical(2, false));
        Map<String, Double> radius = new LinkedHashMap<>();
        for (double m : c.vector("eta_multiples_of_trace_bound")) {
            radius.put(Double.toString(m), sgd.radius(m * sgd.traceBound(), 1, true));
        }
        c.assertOutput("second_moment_radius_at_eta", radius);
        if (c.expects("P")) {
            c.assertOutput("P", sgd.p());
        }
        c.assertOutput("noise_covariance_B1", sgd.noiseCovariance(c.tensor("displacement")));
        c.assertOutput("mu_loss_alignment", sgd.alignment(c.tensor("displacement")));
    }

    private static LinearOperator matrix(Tensor a) {
        return new LinearOperator() {
            @Override
            public long size() {
                return a.size(0);
            }

            @Override
            public Tensor apply(Tensor v) {
                return a.matmul(v);
            }
        };
    }

    private static void estimators(GoldenCase c) {
        Tensor a = c.tensor("matrix");
        Hutchinson.Result h = Hutchinson.run(matrix(a), c.tensor("probes"));
        c.assertOutput("hutchinson_trace", h.trace().mean());
        c.assertOutput("hutchinson_frobenius_sq", h.frobeniusSquared().mean());
        c.assertOutput("exact_trace", Tensors.item(a.diag().sum()));
        c.assertOutput("exact_frobenius_sq", Tensors.item(a.mul(a).sum()));
        Lanczos.Result three = new Lanczos(3, 0).run(matrix(a), c.tensor("start"));
        c.assertOutput("alpha3", three.alpha());
        c.assertOutput("beta3", three.beta());
        c.assertOutput("ritz3", three.ritz());
        double[] all = new Lanczos(8, 0).run(matrix(a), c.tensor("start")).ritz();
        c.assertOutput("ritz_full", all);
        c.assertOutput("eig_full", all);
        c.assertOutput(
                "power_rayleigh", PowerIteration.rayleigh(matrix(a), c.tensor("start"), c.integer("power_steps")));
    }

    private static void relu(GoldenCase c) {
        TwoLayerRelu net = new TwoLayerRelu(c.tensor("a"), c.tensor("W"));
        Tensor x = c.tensor("X");
        c.assertOutput("outputs", net.outputs(x));
        c.assertOutput("per_sample_gradients", net.gradients(x));
        LinearisedSgd sgd = new LinearisedSgd(net.gradients(x));
        c.assertOutput("hessian_trace", sgd.trace());
        c.assertOutput("hessian_frobenius", sgd.frobenius());
        c.assertOutput("hessian_lambda_max", sgd.largest());
        c.assertOutput("population_trace_gaussian", net.populationTrace());
        c.assertOutput("path_norm", net.pathNorm());
        c.assertOutput("sqrt_d_path_norm_lower_bound", net.traceLowerBound());
    }

    private static void diagonal(GoldenCase c) {
        DiagonalLinear net = new DiagonalLinear(c.tensor("a"), c.tensor("b"));
        Tensor w = net.predictor();
        c.assertOutput("w", w);
        c.assertOutput("population_hessian", net.populationHessian());
        Tensor s = net.curvatures();
        c.assertOutput("trace", Tensors.item(s.sum()));
        c.assertOutput("frobenius", Tensors.item(s.norm()));
        c.assertOutput("lambda_max", Tensors.item(s.max()));
        c.assertOutput("l1", Tensors.item(w.abs().sum()));
        c.assertOutput("l2", Tensors.item(w.norm()));
        c.assertOutput("linf", Tensors.item(w.abs().max()));
        LinearisedSgd sgd = new LinearisedSgd(net.gradients(c.tensor("X")));
        c.assertOutput("empirical_hessian", sgd.hessian());
        c.assertOutput("empirical_trace", sgd.trace());
        c.assertOutput("empirical_lambda_max", sgd.largest());
    }
}
