package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.language.token.ByteTokenizer;
import dev.holdfast.language.train.Pretraining;
import dev.holdfast.language.train.TextWindows;
import dev.holdfast.language.train.TokenObjective;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.DecoderConfig;
import dev.holdfast.nn.quant.Grid;
import dev.holdfast.nn.quant.LowPrecision;
import dev.holdfast.optim.Optimizer;
import dev.holdfast.optim.config.StableSpam;
import dev.holdfast.optim.schedule.Cosine;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.io.IOException;
import java.nio.file.Path;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The library example of docs/low-precision.md is this code, and it runs; so do its commands. */
class LowPrecisionExampleTest {
    @Test
    void runs() {
        assertThat(example()).isLessThan(1);
    }

    @Test
    void isTheOneInTheGuide() throws IOException {
        Guides.shows("docs/low-precision.md", LowPrecisionExampleTest.class);
    }

    private static double example() {
        // guide
        int[] text = new ByteTokenizer().encode("the root that anchors kelp to the rock ".repeat(50), false);
        try (Scope memory = Scope.open()) {
            Decoder model = DecoderConfig.of(256, 32, 2, 2).build(Rng.of(1), ScalarType.Float);
            LowPrecision.of(Grid.INT4).withGroups(32, 32).apply(model);
            Optimizer optimizer = new StableSpam()
                    .withResetEvery(20)
                    .withTotalSteps(100)
                    .build(model.parameters(), 3e-3, new Cosine(100, 0.1, 0), 0);
            Pretraining training = new Pretraining(
                    model, optimizer, TextWindows.of(text, 4, 32, Rng.of(2)), TokenObjective.CROSS_ENTROPY, Rng.of(3));
            double[] losses = training.run(100);
            LowPrecision.remove(model); // back to the master weights, in full precision
            return losses[99];
        }
        // end of guide
    }

    @Test
    void theCommandsRun(@TempDir Path folder) throws IOException {
        Path csv = TinyData.csv(folder.resolve("clouds.csv"), 200, 4, 1);
        Path model = folder.resolve("model");
        TinyData.Ran learnt = TinyData.run(
                "learn",
                csv,
                "--label",
                "kind",
                "--learner",
                "finetune",
                "--epochs",
                "10",
                "--set",
                "net.backbone.precision=INT4",
                "--set",
                "net.optimizer.kind=STABLE_SPAM",
                "--set",
                "net.optimizer.resetSteps=50",
                "--out",
                model);
        assertThat(learnt.code()).as(learnt.err()).isZero();
        TinyData.Ran inspected = TinyData.run("inspect", model);
        assertThat(inspected.out()).contains("INT4");
        TinyData.Ran said = TinyData.run("predict", model, csv, "--no-scores");
        assertThat(said.err()).contains("of 200 rows right");
        TinyData.Ran refused = TinyData.run(
                "learn",
                csv,
                "--label",
                "kind",
                "--learner",
                "finetune",
                "--set",
                "net.backbone.precision=INT4",
                "--set",
                "net.backbone.kind=LINEAR",
                "--out",
                folder.resolve("other"));
        assertThat(refused.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(refused.err()).contains("INT4", "LINEAR", "MLP");
    }
}
