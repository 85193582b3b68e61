package dev.holdfast.adapt;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.adapt.ReliableSharpness.Found;
import dev.holdfast.adapt.ReliableSharpness.Look;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.estimate.PrototypeBank;
import dev.holdfast.estimate.PrototypeCalibration;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.head.CosineHead;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.ParamGroup;
import dev.holdfast.optim.rule.Sgd;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.transform.SurrogateGap;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
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
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Prototype calibration and the reliable step with the surrogate gap against vectors of independent code. */
@ExtendWith(NativeMemory.class)
class CsfaGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("21-csfa");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "calib" -> calibration(c);
                case "rsgs" -> trajectory(c);
                default -> c.failOnKind();
            }
        }
        c.assertAllCompared();
    }

    private static void calibration(GoldenCase c) {
        PrototypeCalibration calibration =
                new PrototypeCalibration(c.number("shift_weight"), c.number("softmax_temperature"));
        Tensor base = c.tensor("base");
        Tensor fresh = c.tensor("new");
        c.assertOutput("weights", calibration.similarities(base, fresh));
        PrototypeBank bank = new PrototypeBank(base, calibration, Integer::toString);
        int b = (int) base.size(0);
        int n = (int) fresh.size(0);
        bank.announce(fresh, IntStream.range(b, b + n).toArray(), Integer::toString);
        Tensor weights = bank.weights();
        c.assertOutput("calibrated", Tensors.slice(weights, b, b + n));
        CosineHead head = new CosineHead.Spec(c.number("logit_scale"), false)
                .build("head", base.size(1), ClassIndex.numbered(b + n), Rng.of(1), ScalarType.Double);
        head.assign(weights);
        c.assertOutput("cosine_logits", head.forward(c.tensor("query"), Pass.eval()));
    }

    private static void trajectory(GoldenCase c) {
        assertThat(c.text("model")).startsWith("logits = scale * W tanh(LayerNorm(x; gamma, beta, eps=1e-5))");
        JsonNode start = c.input("start");
        Tensor gamma = leaf(Golden.tensor(start.get("gamma")));
        Tensor beta = leaf(Golden.tensor(start.get("beta")));
        Tensor w = Golden.tensor(start.get("W"));
        Parameters theta = new Parameters(List.of(meta("gamma"), meta("beta")), List.of(gamma, beta));
        ChainOptimizer optimizer = new ChainOptimizer(
                theta,
                List.of(),
                new Sgd(theta, c.number("momentum"), 0, false),
                List.of(ParamGroup.all(c.number("lr"), Constant.ONE, 0, ParamGroup.Decay.NONE)));
        ReliableSharpness step = new ReliableSharpness(c.number("rho"), new SurrogateGap(c.number("alpha")));
        // the limit is the share of ln C that it was made from
        double limit = new EntropyFilter(c.number("E0") / Math.log(w.size(0))).limit((int) w.size(0));
        List<Map<String, Object>> steps = new ArrayList<>();
        for (JsonNode batch : c.input("batches")) {
            Tensor x = Golden.tensor(batch);
            Look l = step.look(
                    theta,
                    () -> EntropyFilter.entropy(torch.layer_norm(
                                    x,
                                    new long[] {x.size(1)},
                                    new TensorOptional(gamma),
                                    new TensorOptional(beta),
                                    1e-5,
                                    false)
                            .tanh()
                            .matmul(w.t())
                            .mul(Tensors.scalar(c.number("scale")))),
                    limit);
            Map<String, Object> got = new LinkedHashMap<>();
            got.put("entropy", l.values());
            got.put("reliable", l.reliable());
            got.put("skipped", l.found() != Found.DIRECTION);
            got.put("reliable_second", l.reliableTwice());
            got.put("loss", l.loss());
            got.put("loss_perturbed", l.perturbedLoss());
            got.put("surrogate_gap", l.surrogateGap());
            got.put("grad", parts(l.gradient()));
            got.put("grad_perturbed", parts(l.perturbedGradient()));
            got.put("cosine", l.split().cosine());
            got.put("direction", parts(l.direction()));
            optimizer.step(l.direction());
            got.put("gamma", gamma.detach().clone());
            got.put("beta", beta.detach().clone());
            steps.add(got);
        }
        c.assertOutput("steps", steps);
    }

    private static List<Tensor> parts(ParamVector v) {
        return Arrays.asList(v.get(0), v.get(1));
    }

    private static ParamMeta meta(String name) {
        return new ParamMeta(name, ParamMeta.Role.NORM, 1, 1, false, 0);
    }

    private static Tensor leaf(Tensor t) {
        return Scope.own(t).set_requires_grad(true);
    }
}
