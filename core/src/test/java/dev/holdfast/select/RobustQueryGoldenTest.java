package dev.holdfast.select;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import dev.holdfast.testing.NativeMemory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The robust sampling game and its draws against golden vectors. */
@ExtendWith(NativeMemory.class)
class RobustQueryGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("65-robust-active-distill");
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("cases")
    void golden(GoldenCase c) {
        switch (c.kind()) {
            case "distribution" -> distribution(c);
            case "inclusion" ->
                c.assertOutput("q", SystematicDraw.inclusion(c.vector("p"), c.vector("gains"), c.integer("budget")));
            case "gains" -> {
                c.assertOutput("margin", Informativeness.MARGIN.of(c.tensor("probs")));
                c.assertOutput("least_confidence", Informativeness.LEAST_CONFIDENCE.of(c.tensor("probs")));
                c.assertOutput("entropy", Informativeness.ENTROPY.of(c.tensor("probs")));
            }
            case "systematic" -> {
                List<int[]> chosen = new ArrayList<>();
                for (JsonNode u : c.input("u")) {
                    chosen.add(SystematicDraw.draw(c.vector("q"), u.doubleValue()));
                }
                c.assertOutput("chosen", chosen);
            }
            default -> c.failOnKind();
        }
        c.assertAllCompared();
    }

    private static void distribution(GoldenCase c) {
        double[] g = c.vector("gains");
        int m = c.integer("mistakes");
        double kappa = c.number("kappa");
        SamplingGame game = SamplingGame.solve(g, m, kappa);
        c.assertOutput("p", game.p());
        c.assertOutput("prefix", game.prefix());
        c.assertOutput("value", game.value());
        if (c.expects("value_uniform")) {
            double[] uniform = new double[g.length];
            Arrays.fill(uniform, 1. / g.length);
            c.assertOutput("value_uniform", SamplingGame.worst(uniform, g, m, kappa));
        }
        if (c.expects("value_greedy")) {
            double[] greedy = new double[g.length];
            greedy[
                    IntStream.range(0, g.length)
                            .reduce((i, j) -> g[j] > g[i] ? j : i)
                            .orElseThrow()] = 1;
            c.assertOutput("value_greedy", SamplingGame.worst(greedy, g, m, kappa));
        }
    }
}
