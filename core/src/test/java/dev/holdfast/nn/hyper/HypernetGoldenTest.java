package dev.holdfast.nn.hyper;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Nets;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.WeightSource;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Conv;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Linear;
import dev.holdfast.nn.layer.Sequence;
import dev.holdfast.tensor.Autograd;
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
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Hypernetworks against the authors' library. */
@ExtendWith(NativeMemory.class)
class HypernetGoldenTest {
    private static final long ENOUGH = 500;

    static Stream<GoldenCase> cases() {
        return Golden.cases("22-mip");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "hypernetwork" -> hypernetwork(c);
                case "proportionality" -> proportionality(c);
                case "init-fan-out" -> init(c);
                default -> c.failOnKind();
            }
            c.assertAllCompared();
        }
    }

    private static Fresh fresh() {
        return new Fresh(Rng.of(1), ScalarType.Double, Init.KAIMING_NORMAL);
    }

    private static HypernetConfig config(List<Integer> hidden, Activation a, MagnitudeEncoding e, boolean residual) {
        HypernetConfig c = HypernetConfig.mip().with(e, residual).with(hidden, a, HypernetConfig.Norm.NONE);
        return new HypernetConfig(
                c.hidden(), c.activation(), c.norm(), c.encoding(), c.residual(), c.start(), false, c.maxNumbers());
    }

    private static MagnitudeEncoding encoding(JsonNode name) {
        return switch (name.asText()) {
            case "cos|sin" -> MagnitudeEncoding.COS_SIN;
            case "z|1-z" -> MagnitudeEncoding.LINEAR;
            case "null" -> MagnitudeEncoding.IDENTITY;
            default -> throw new AssertionError("unknown encoding " + name);
        };
    }

    private static void set(Parameters p, String name, Tensor numbers) {
        try (var mode = Autograd.noGrad()) {
            p.get(name).copy_(numbers);
        }
    }

    private static void hypernetwork(GoldenCase c) {
        JsonNode shapes = c.input("output_shapes");
        long[] conv = Golden.longs(shapes.get("conv.weight"));
        long[] fc = Golden.longs(shapes.get("fc.weight"));
        Layer net = new Sequence(
                "net",
                new Conv("conv", conv[1], conv[0], Conv.Kernel.same(conv[2], 1), true, fresh()),
                new Linear("fc", fc[1], fc[0], true, fresh()));
        Hypernet h = Hypernet.replace(
                net,
                s -> true,
                Map.of("gamma", c.tensor("gamma").size(1)),
                config(
                        Arrays.stream(c.ints("hidden")).boxed().toList(),
                        c.text("nonlinearity").equals("GELU") ? Activation.GELU : Activation.LEAKY_RELU,
                        encoding(c.input("encoding")),
                        true),
                Rng.of(2));
        assertThat(h.names()).containsExactly("conv", "conv.bias", "fc", "fc.bias");
        Parameters p = net.parameters();
        int hidden = c.ints("hidden").length;
        Tensor theta0 = null;
        for (JsonNode b : c.input("backbone_parameters")) {
            String name = b.get("name").asText();
            Tensor value = Golden.tensor(b.get("value"));
            if (name.equals("output.bias")) {
                theta0 = value;
            } else {
                set(p, ours(name), value);
            }
        }
        List<String> w0 = List.of("conv.weight", "conv.bias", "fc.weight", "fc.bias");
        long at = 0;
        for (String name : w0) {
            Tensor leaf = p.get(name);
            set(p, name, Tensors.slice(theta0, at, at + leaf.numel()).view(leaf.shape()));
            at += leaf.numel();
        }

        Tensor gamma = Nets.leaf(c.tensor("gamma"));
        c.assertOutput("encoded", h.encode(gamma.detach()));
        c.assertOutput(
                "encoded_norm",
                h.encode(gamma.detach())
                        .square()
                        .sum(new long[] {1}, false, new org.bytedeco.pytorch.ScalarTypeOptional())
                        .sqrt());
        Pass pass = Pass.train(Rng.of(3)).withCondition(gamma);
        Tensor[] parts = Hypernet.weights(net, pass).values().stream()
                .map(t -> t.flatten(1, -1))
                .toArray(Tensor[]::new);
        Tensor theta = Tensors.cat(1, parts);
        c.assertOutput("theta", theta.detach());
        Tensor loss = theta.sub(c.tensor("target")).square().sum().mul(Tensors.scalar(0.5));
        c.assertOutput("loss", loss.item_double());
        Parameters all = Nets.with(p, gamma);
        ParamVector g = Autograd.grad(loss, all, false);
        c.assertOutput("grad_gamma", g.get(all.size() - 1));
        List<Tensor> backbone = new ArrayList<>();
        for (int i = 0; i < hidden; i++) {
            backbone.add(of(g, "hyper." + i + ".weight"));
            backbone.add(of(g, "hyper." + i + ".bias"));
        }
        backbone.add(of(g, "hyper.last.weight"));
        backbone.add(Tensors.cat(0, w0.stream().map(n -> of(g, n).reshape(-1)).toArray(Tensor[]::new)));
        c.assertOutput("grad_backbone", backbone);
    }

    private static Tensor of(ParamVector g, String name) {
        for (int i = 0; i < g.of().size(); i++) {
            if (g.of().meta().get(i).name().equals(name)) {
                return g.get(i);
            }
        }
        throw new AssertionError("no leaf " + name);
    }

    private static String ours(String theirs) {
        return theirs.equals("output.weight")
                ? "hyper.last.weight"
                : theirs.replaceAll("block(\\d+)_lin\\.", "hyper.$1.");
    }

    private static void proportionality(GoldenCase c) {
        List<Tensor> weights = new ArrayList<>();
        c.input("weights").forEach(w -> weights.add(Golden.tensor(w)));
        long outputs = weights.get(weights.size() - 1).size(0);
        Layer net = new Linear("fc", outputs, 1, false, fresh());
        List<Integer> hidden = weights.subList(0, weights.size() - 1).stream()
                .map(w -> (int) w.size(0))
                .toList();
        Hypernet h = Hypernet.replace(
                net,
                s -> true,
                Map.of("gamma", weights.get(0).size(1)),
                config(hidden, Activation.LEAKY_RELU, MagnitudeEncoding.IDENTITY, false),
                Rng.of(2));
        Parameters p = net.parameters();
        for (int i = 0; i < weights.size(); i++) {
            set(p, i < hidden.size() ? "hyper." + i + ".weight" : "hyper.last.weight", weights.get(i));
        }
        double[] scales = c.vector("scales");
        double[] gamma = c.vector("gamma");
        double[][] theta = new double[scales.length][];
        double[] norm = new double[scales.length];
        for (int i = 0; i < scales.length; i++) {
            double k = scales[i];
            double[] row = Arrays.stream(gamma).map(g -> k * g).toArray();
            Tensor w = Inventory.of(net).site("fc").weight(Pass.eval().withCondition(Tensors.of(new double[][] {row})));
            theta[i] = Tensors.doubles(w);
            norm[i] = w.norm().item_double();
        }
        assertThat(h.names()).containsExactly("fc");
        c.assertOutput("theta", theta);
        c.assertOutput("norm", norm);
        // exactly proportional, up to rounding
        for (int i = 0; i < scales.length; i++) {
            for (int j = 0; j < scales.length; j++) {
                assertThat(norm[i] * scales[j]).isCloseTo(norm[j] * scales[i], within(1e-12 * (1 + norm[j])));
            }
        }
    }

    /** The expected deviations, and the sampled ones where a tensor is large enough to tell. */
    private static void init(GoldenCase c) {
        JsonNode shapes = c.input("output_shapes");
        long[] a = Golden.longs(shapes.get("a.weight"));
        long[] b = Golden.longs(shapes.get("b.weight"));
        Layer net = new Sequence(
                "net", new Linear("a", a[1], a[0], true, fresh()), new Linear("b", b[1], b[0], true, fresh()));
        Hypernet.replace(
                net,
                s -> true,
                Map.of("gamma", (long) c.integer("dim")),
                config(
                        Arrays.stream(c.ints("hidden")).boxed().toList(),
                        Activation.LEAKY_RELU,
                        MagnitudeEncoding.COS_SIN,
                        true),
                Rng.of(4));
        Parameters p = net.parameters();
        Map<String, Tensor> mine = new java.util.LinkedHashMap<>();
        for (int i = 0; i < c.ints("hidden").length; i++) {
            mine.put("block" + i + "_lin.weight", p.get("hyper." + i + ".weight"));
            assertThat(p.get("hyper." + i + ".bias").abs().max().item_double()).isZero();
        }
        Tensor last = p.get("hyper.last.weight");
        long at = 0;
        for (Site s : Inventory.of(net).sites()) {
            WeightSource.Leaf w0 = s.source().leaves().get(0);
            String leaf = w0.meta().name();
            mine.put(
                    "output[" + leaf + "]",
                    Tensors.slice(last, at, at + s.geometry().count()));
            mine.put("theta0[" + leaf + "]", w0.value());
            at += s.geometry().count();
        }
        JsonNode expected = c.expected("tensors");
        List<Object> same = new ArrayList<>();
        for (JsonNode e : expected) {
            Tensor t = mine.get(e.get("tensor").asText());
            assertThat(t.shape()).containsExactly(Golden.longs(e.get("shape")));
            double wanted = e.get("expected_std").asDouble();
            double got = Math.sqrt(t.square().mean().item_double());
            if (wanted == 0) {
                assertThat(got).isZero();
            } else if (t.numel() >= ENOUGH) {
                assertThat(got).as(e.get("tensor").asText()).isCloseTo(wanted, within(c.tolerance() * wanted));
            } else {
                // a small tensor only shows the order of magnitude
                assertThat(got).as(e.get("tensor").asText()).isBetween(wanted / 2, wanted * 2);
            }
            Map<String, Object> row = new java.util.LinkedHashMap<>();
            row.put("tensor", e.get("tensor").asText());
            row.put("shape", t.shape());
            row.put("expected_std", wanted);
            row.put("sample_std", got);
            same.add(row);
        }
        assertThat(mine).hasSize(expected.size());
        c.assertOutput("tensors", same);
    }
}
