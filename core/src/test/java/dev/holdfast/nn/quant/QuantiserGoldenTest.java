package dev.holdfast.nn.quant;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.weight.Dense;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Scope;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The quantisers of arXiv 2502.17055 and its published code. */
@ExtendWith(NativeMemory.class)
class QuantiserGoldenTest {
    private static final String SYSTEM = "04-stable-spam";
    private static final String[] KINDS = {
        "int-activation-quantiser",
        "int4-asymmetric-weight-quantisation",
        "int4-w4a4-linear-straight-through",
        "fp4-authors",
        "fp4-e2m1"
    };

    static Stream<GoldenCase> cases() {
        return Golden.cases(SYSTEM, KINDS);
    }

    /** Every kind is either here or among the optimizers. */
    @Test
    void noKindIsLeftOut() {
        assertThat(Golden.kinds(SYSTEM)).contains(KINDS).hasSize(KINDS.length + 5);
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        try (Scope s = Scope.open()) {
            switch (c.kind()) {
                case "int-activation-quantiser" -> {
                    assertThat(c.flag("stochastic")).isFalse();
                    Grid grid = Grid.valueOf("INT" + c.integer("bits"));
                    AbsmaxQuantiser q = new AbsmaxQuantiser(grid, c.integer("group_size"), c.integer("topk"));
                    c.assertOutput("dequantised", q.apply(c.tensor("x")));
                }
                case "int4-asymmetric-weight-quantisation" -> {
                    AffineQuantiser q = new AffineQuantiser(c.integer("bits"), c.integer("group_size"), false);
                    AffineQuantiser.Codes codes = q.codes(c.tensor("w"));
                    c.assertOutput("codes", codes.codes());
                    c.assertOutput("scales", codes.scales());
                    c.assertOutput("zeros", codes.zeros());
                    c.assertOutput("dequantised", q.apply(c.tensor("w")));
                }
                case "int4-w4a4-linear-straight-through" -> linear(c);
                case "fp4-authors" -> {
                    AbsmaxQuantiser q =
                            new AbsmaxQuantiser(Grid.FP4_AUTHORS, c.integer("group_size"), c.integer("topk"));
                    c.assertOutput("y", q.apply(c.tensor("x")));
                }
                case "fp4-e2m1" -> c.assertOutput("y", new AbsmaxQuantiser(Grid.FP4_E2M1, 16, 0).apply(c.tensor("x")));
                default -> c.failOnKind();
            }
        }
        c.assertAllCompared();
    }

    private static void linear(GoldenCase c) {
        Tensor w = c.tensor("w");
        ParamMeta meta = new ParamMeta("map", ParamMeta.Role.HIDDEN, w.size(1), w.size(0), true, 0);
        Site site = Dense.at(meta, Geometry.linear(w.size(0), w.size(1)), w);
        int group = c.integer("group_size");
        Grid grid = Grid.valueOf("INT" + c.integer("bits"));
        LowPrecision settings = new LowPrecision(grid, grid, group, group, 0, c.integer("act_topk"), false, false);
        settings.apply(new OneMap(site));
        Tensor x = c.tensor("x").set_requires_grad(true);
        Tensor y = site.apply(x, null, Pass.eval());
        c.assertOutput("y", y.detach());
        Tensor leaf = site.source().leaves().get(0).value();
        ParamMeta input = new ParamMeta("x", ParamMeta.Role.OTHER, 1, 1, false, 0);
        ParamVector g = Autograd.vjp(y, c.tensor("upstream"), new Parameters(List.of(input, meta), List.of(x, leaf)));
        c.assertOutput("grad_x", g.get(0));
        c.assertOutput("grad_w", g.get(1));
        leaf.close();
    }
}
