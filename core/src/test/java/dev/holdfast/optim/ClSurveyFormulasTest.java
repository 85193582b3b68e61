package dev.holdfast.optim;

import dev.holdfast.optim.transform.GradientSurgery;
import dev.holdfast.optim.transform.OrthogonalGradient;
import dev.holdfast.optim.transform.SubspaceProjection;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Gradient projections of continual learning against their golden vectors. */
@ExtendWith(NativeMemory.class)
class ClSurveyFormulasTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("19-cl-survey", "a-gem", "ogd", "gpm");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void golden(GoldenCase c) {
        switch (c.kind()) {
            case "a-gem" -> aGem(c);
            case "ogd" -> ogd(c);
            case "gpm" -> gpm(c);
            default -> c.failOnKind();
        }
        c.assertAllCompared();
    }

    private static void aGem(GoldenCase c) {
        ParamVector g = vector(c.tensor("grad"));
        ParamVector r = new ParamVector(g.of(), new Tensor[] {c.tensor("reference")});
        c.assertOutput("projected", GradientSurgery.aGem(g, r).get(0));
        c.assertOutput(
                "unchangedWhenAligned", GradientSurgery.aGem(g, g.times(0.5)).get(0));
    }

    private static void ogd(GoldenCase c) {
        ParamVector g = vector(c.tensor("grad"));
        OrthogonalGradient ogd = new OrthogonalGradient(1000);
        for (double[] stored : c.matrix("storedGradients")) {
            ogd.remember(new ParamVector(g.of(), new Tensor[] {Tensors.of(stored, stored.length)}));
        }
        c.assertOutput("basisSize", ogd.size());
        c.assertOutput("projected", ogd.apply(g, null).get(0));
    }

    private static void gpm(GoldenCase c) {
        ParamVector g = vector(c.tensor("gradWeight"));
        SubspaceProjection gpm = new SubspaceProjection();
        gpm.protect("w", c.tensor("activations1"), c.number("threshold1"));
        c.assertOutput("rank1", gpm.of("w").rank());
        c.assertOutput("projector1", gpm.of("w").projector());
        gpm.protect("w", c.tensor("activations2"), c.number("threshold2"));
        c.assertOutput("rankAfter2", gpm.of("w").rank());
        c.assertOutput("projector2", gpm.of("w").projector());
        c.assertOutput("projectedGrad", gpm.apply(g, null).get(0));
    }

    private static ParamVector vector(Tensor t) {
        Parameters p =
                new Parameters(List.of(new ParamMeta("w", ParamMeta.Role.HIDDEN, 1, 1, true, 0)), List.of(t.clone()));
        return new ParamVector(p, new Tensor[] {t});
    }
}
