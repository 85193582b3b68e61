package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.diagnose.scaling.Instability;
import dev.holdfast.diagnose.scaling.LrSweep;
import dev.holdfast.diagnose.scaling.ProxyRecipe;
import dev.holdfast.diagnose.scaling.ScalingFit;
import dev.holdfast.language.train.TextWindows;
import dev.holdfast.nn.lm.QkNorm;
import dev.holdfast.tensor.Rng;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The library example of docs/small-scale-proxies.md is this code, and it runs. */
class ScalingExampleTest {
    @Test
    void runs() {
        PrintStream out = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
        int[] bytes = new int[6000];
        Arrays.setAll(bytes, i -> "the cat sat on the mat. ".charAt(i % 24));
        try {
            example(Arrays.copyOf(bytes, 5000), Arrays.copyOfRange(bytes, 5000, 6000));
        } finally {
            System.setOut(out);
        }
        assertThat(said.toString(StandardCharsets.UTF_8).lines())
                .satisfiesExactly(
                        l -> assertThat(l).matches("0\\.[0-9]+|[1-9]\\.[0-9]+"),
                        l -> assertThat(Double.parseDouble(l)).isPositive(),
                        l -> assertThat(l).startsWith("OptionalDouble"));
    }

    @Test
    void isTheOneInTheGuide() throws IOException {
        Guides.shows("docs/small-scale-proxies.md", ScalingExampleTest.class);
    }

    private static void example(int[] train, int[] held) {
        // guide
        ProxyRecipe recipe = ProxyRecipe.published(20).withBed(8, 32, 4).withQkNorm(QkNorm.NONE);
        LrSweep sweep = LrSweep.run(
                recipe,
                LrSweep.Grid.of(
                        List.of(8, 16, 24), List.of(1), LrSweep.Grid.rates(0.01, 1, 3)), // widths, blocks, rates
                TextWindows.of(train, recipe.rows(), recipe.length(), Rng.of(1)), // int[]: a byte, a token
                TextWindows.of(held, recipe.rows(), recipe.length(), Rng.of(2)),
                5,
                Rng.of(3),
                run -> {},
                () -> false);
        System.out.println(sweep.sensitivity(new LrSweep.Shape(24, 1)).sensitivity()); // nats that a wrong rate costs
        ScalingFit growth = sweep.fit(Instability.ATTENTION_LOGITS, 1).orElseThrow();
        System.out.println(growth.at(25.6e6)); // largest attention logit at 25.6 M parameters
        System.out.println(growth.sizeAbove(ScalingFit.ATTENTION_LOGIT));
        // end of guide
    }
}
