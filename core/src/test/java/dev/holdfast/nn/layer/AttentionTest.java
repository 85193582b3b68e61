package dev.holdfast.nn.layer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.nn.AttentionBranch;
import dev.holdfast.nn.AttentionMemory;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Nets;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Taps;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AttentionTest {
    private static final int B = 2;
    private static final int T = 3;
    private static final int HEADS = 2;
    private static final int D = 2;
    private static final int W = HEADS * D;
    private Scope scope;

    @BeforeEach
    void open() {
        scope = Scope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static Attention attention(boolean causal) {
        return new Attention("a", W, HEADS, causal, 0, new Fresh(Rng.of(1), ScalarType.Double, Init.KAIMING_UNIFORM));
    }

    private static Tensor x() {
        return Nets.normal(2, B, T, W);
    }

    private static AttentionMemory prefix(int p) {
        return new AttentionMemory(Nets.normal(3, B, HEADS, p, D), Nets.normal(4, B, HEADS, p, D));
    }

    /** In plain Java: loops over rows, heads, queries and keys. */
    private static double[] byHand(
            Attention a, double[] x, double[] pk, double[] pv, int p, boolean causal, int[] mask) {
        double[] w = Tensors.doubles(a.parameters().get("a.qkv.weight"));
        double[] bias = Tensors.doubles(a.parameters().get("a.qkv.bias"));
        double[] proj = Tensors.doubles(a.parameters().get("a.proj.weight"));
        double[] projBias = Tensors.doubles(a.parameters().get("a.proj.bias"));
        double[] out = new double[B * T * W];
        for (int b = 0; b < B; b++) {
            double[][] qkv = new double[T][3 * W];
            for (int t = 0; t < T; t++) {
                for (int o = 0; o < 3 * W; o++) {
                    qkv[t][o] = bias[o];
                    for (int i = 0; i < W; i++) {
                        qkv[t][o] += w[o * W + i] * x[(b * T + t) * W + i];
                    }
                }
            }
            for (int t = 0; t < T; t++) {
                double[] hidden = new double[W];
                for (int h = 0; h < HEADS; h++) {
                    double[] e = new double[p + T];
                    double sum = 0;
                    for (int s = 0; s < p + T; s++) {
                        boolean seen = s < p || (!causal || s - p <= t) && mask[b * T + s - p] == 1;
                        double dot = 0;
                        for (int d = 0; d < D; d++) {
                            double k = s < p ? pk[((b * HEADS + h) * p + s) * D + d] : qkv[s - p][W + h * D + d];
                            dot += qkv[t][h * D + d] * k;
                        }
                        e[s] = seen ? Math.exp(dot / Math.sqrt(D)) : 0;
                        sum += e[s];
                    }
                    for (int s = 0; s < p + T; s++) {
                        for (int d = 0; d < D; d++) {
                            double v = s < p ? pv[((b * HEADS + h) * p + s) * D + d] : qkv[s - p][2 * W + h * D + d];
                            hidden[h * D + d] += e[s] / sum * v;
                        }
                    }
                }
                for (int o = 0; o < W; o++) {
                    double y = projBias[o];
                    for (int i = 0; i < W; i++) {
                        y += proj[o * W + i] * hidden[i];
                    }
                    out[(b * T + t) * W + o] = y;
                }
            }
        }
        return out;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void bothPathsAgreeWithTheFormula(boolean causal) {
        Attention a = attention(causal);
        int[] all = {1, 1, 1, 1, 1, 1};
        int[] some = {1, 1, 0, 1, 1, 1};
        AttentionMemory m = prefix(2);
        double[] k = Tensors.doubles(m.k());
        double[] v = Tensors.doubles(m.v());
        Tensor mask = Tensors.of(new double[] {1, 1, 0, 1, 1, 1}, B, T);
        double[] x = Tensors.doubles(x());
        for (Pass pass : new Pass[] {Pass.eval(), Pass.eval().withDoubleBackward()}) {
            Nets.assertClose(a.forward(x(), pass), Tensors.of(byHand(a, x, k, v, 0, causal, all), B, T, W), 1e-12);
            Nets.assertClose(
                    a.forward(x(), pass.withMask(mask)),
                    Tensors.of(byHand(a, x, k, v, 0, causal, some), B, T, W),
                    1e-12);
            Nets.assertClose(
                    a.forward(x(), pass.withPrefix("a", m)),
                    Tensors.of(byHand(a, x, k, v, 2, causal, all), B, T, W),
                    1e-12);
            Nets.assertClose(
                    a.forward(x(), pass.withPrefix("a", m).withMask(mask)),
                    Tensors.of(byHand(a, x, k, v, 2, causal, some), B, T, W),
                    1e-12);
        }
    }

    @Test
    void gradientsReachPrefixes() {
        Attention a = attention(false);
        Tensor k = Nets.leaf(prefix(2).k());
        Tensor v = Nets.leaf(prefix(2).v());
        Parameters p = Nets.with(a.parameters(), k);
        for (Pass pass : new Pass[] {Pass.eval(), Pass.eval().withDoubleBackward()}) {
            Nets.checkGradients(p, () -> a.forward(x(), pass.withPrefix("a", new AttentionMemory(k, v)))
                    .pow(Tensors.scalar(2))
                    .sum());
        }
    }

    @Test
    void theStepwisePathCanBeDifferentiatedTwice() {
        Attention a = attention(true);
        Parameters p = a.parameters();
        ParamVector v = p.copy().map((m, t) -> Nets.normal(6, t.shape()));
        Pass twice = Pass.eval().withDoubleBackward();
        ParamVector hv =
                Autograd.hvp(a.forward(x(), twice).pow(Tensors.scalar(3)).sum(), p, v);
        double h = 1e-5;
        p.add(h, v);
        ParamVector up =
                Autograd.grad(a.forward(x(), twice).pow(Tensors.scalar(3)).sum(), p, false);
        p.add(-2 * h, v);
        ParamVector down =
                Autograd.grad(a.forward(x(), twice).pow(Tensors.scalar(3)).sum(), p, false);
        Nets.assertClose(hv.flat(), up.plus(-1, down).times(1 / (2 * h)).flat(), 1e-6);
    }

    @Test
    void logitsAndWeightsAreRecordedIfAskedFor() {
        Attention a = attention(true);
        Taps taps = Taps.of("a.logits", "a.weights", "site:a.qkv.in");
        Tensor x = x();
        Tensor y = a.forward(x, Pass.eval().withTaps(taps));
        Nets.assertClose(y, a.forward(x, Pass.eval()), 1e-12);
        assertThat(taps.get("a.logits").shape()).containsExactly(B, HEADS, T, T);
        Tensor w = taps.get("a.weights");
        Nets.assertClose(w.sum(3), Tensors.zerosLike(x, B, HEADS, T).fill_(Tensors.scalar(1)), 1e-12);
        Nets.assertSame(w.triu(1), Tensors.zerosLike(w, w.shape()));
        assertThat(taps.get("site:a.qkv.in")).isSameAs(x);
        assertThat(taps.names()).hasSize(3);
    }

    @Test
    void aBranchSeesQueriesAndOutput() {
        Attention a = attention(false);
        Tensor plain = a.forward(x(), Pass.eval());
        a.branch(new Times(2));
        Nets.assertClose(a.copy().forward(x(), Pass.eval()), a.forward(x(), Pass.eval()), 1e-14);
        Tensor bias = a.parameters().get("a.proj.bias").detach();
        Nets.assertClose(
                a.forward(x(), Pass.eval()),
                plain.sub(bias).mul(Tensors.scalar(2)).add(bias),
                1e-12);
        a.branch(null);
        Nets.assertSame(a.forward(x(), Pass.eval()), plain);
    }

    @Test
    void prefixesAndMasksThatDoNotFitAreRefused() {
        Attention a = attention(false);
        AttentionMemory wrong = new AttentionMemory(Nets.normal(3, B, 1, 2, D), Nets.normal(3, B, 1, 2, D));
        assertThatThrownBy(() -> a.forward(x(), Pass.eval().withPrefix("a", wrong)))
                .hasMessageContaining("prefix of attention 'a'")
                .hasMessageContaining("[2, 2, any, 2]");
        assertThatThrownBy(() -> a.forward(x(), Pass.eval().withMask(Nets.normal(1, B, 5))))
                .hasMessageContaining("token mask has shape [2, 5]");
        assertThatThrownBy(() -> new AttentionMemory(Nets.normal(1, 2, 2), Nets.normal(1, 2, 2)))
                .hasMessageContaining("[B,heads,k,d]");
        assertThatThrownBy(() -> new Attention(
                        "a", 5, 2, false, 0, new Fresh(Rng.of(1), ScalarType.Double, Init.KAIMING_UNIFORM)))
                .hasMessageContaining("width of 5 into 2 heads");
    }

    /** Multiplies the output, after checking what it is given. */
    private record Times(double by) implements AttentionBranch {
        @Override
        public Tensor add(Tensor queries, Tensor output, Pass pass) {
            Tensors.requireShape("queries", queries, B, HEADS, T, D);
            Tensors.requireShape("output", output, B, T, W);
            return output.mul(Tensors.scalar(by));
        }

        @Override
        public void describe(Inventory into) {}

        @Override
        public Times copy(Copier c) {
            return this;
        }
    }
}
