package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.app.TinyData.Ran;
import dev.holdfast.diagnose.valley.DecayProbe;
import dev.holdfast.language.train.Pretraining;
import dev.holdfast.language.train.TextWindows;
import dev.holdfast.language.train.TokenBatches;
import dev.holdfast.language.train.TokenObjective;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.DecoderConfig;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.optim.schedule.BranchingTrainer;
import dev.holdfast.optim.schedule.BranchingTrainer.BranchData;
import dev.holdfast.optim.schedule.BranchingTrainer.Checkpoint;
import dev.holdfast.optim.schedule.CheckpointMethod;
import dev.holdfast.optim.schedule.StableDecay;
import dev.holdfast.optim.schedule.StableDecay.DecayOf;
import dev.holdfast.optim.schedule.StableDecay.Shape;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands of docs/schedules.md run and say what stands there, and its library example is this code. */
class SchedulesExampleTest {
    private static String guide() throws IOException {
        return Files.readString(Path.of("../docs/schedules.md"));
    }

    @Test
    void commandsRun(@TempDir Path folder) throws IOException {
        List<String> commands = guide().lines()
                .filter(l -> l.startsWith("./holdfast schedule "))
                .map(l -> l.substring("./holdfast ".length()).replaceAll("\\s+#.*", ""))
                .toList();
        assertThat(commands).hasSizeGreaterThan(4);
        for (String c : commands) {
            Ran r = TinyData.run((Object[])
                    c.replace("rate.html", folder.resolve("rate.html").toString())
                            .split("\\s+"));
            assertThat(r.code()).as(c + ": " + r.err()).isZero();
        }
        assertThat(folder.resolve("rate.html")).exists();
        String shown = TinyData.run((Object[]) commands.get(0).split("\\s+")).out();
        assertThat(guide().replaceAll("[ ]+\n", "\n"))
                .contains(shown.replaceAll("[ ]+\n", "\n").strip());
    }

    @Test
    void exampleRuns() {
        PrintStream out = System.out;
        ByteArrayOutputStream said = new ByteArrayOutputStream();
        System.setOut(new PrintStream(said, true, StandardCharsets.UTF_8));
        try (Scope s = Scope.open()) {
            example();
        } finally {
            System.setOut(out);
        }
        assertThat(said.toString(StandardCharsets.UTF_8))
                .contains("after 60 updates", "after 120 updates", "would gain");
    }

    @Test
    void exampleIsTheOneInTheGuide() throws IOException {
        Guides.shows("docs/schedules.md", SchedulesExampleTest.class);
    }

    private static void example() {
        // guide
        StableDecay plan = StableDecay.of(10, List.of(60L, 120L), 0.1, DecayOf.SEGMENT, 0.1, Shape.INVERSE);
        int[] text =
                "to be or not to be, that is the question; ".repeat(200).chars().toArray();
        TokenBatches held = TextWindows.of(text, 8, 32, Rng.of(4));
        BranchingTrainer.Maker<Pretraining> maker = (factor, stream) -> {
            Decoder model = DecoderConfig.of(256, 32, 1, 2).build(Rng.of(1), ScalarType.Float);
            return new Pretraining(
                    model,
                    OptimizerConfig.adamW(3e-3, 0.1).build(model.parameters(), factor),
                    TextWindows.of(text, 8, 32, Rng.of(2).child("windows", stream)),
                    TokenObjective.CROSS_ENTROPY,
                    Rng.of(3));
        };
        BranchingTrainer<Pretraining> trainer =
                new BranchingTrainer<>(plan, CheckpointMethod.WSD, maker, t -> t.run(1), BranchData.SAME);
        while (!trainer.finished()) {
            Checkpoint<Pretraining> c = trainer.next();
            double loss = c.trained().evaluate(held, 4);
            System.out.printf("after %d updates (%d spent): %.3f nat%n", c.updates(), c.spent(), loss);
        }
        DecayProbe.Descent fall = DecayProbe.after(trainer.done())
                .run(maker, t -> t.run(1), trainer.trunk(), trainer.done(), t -> t.evaluate(held, 4));
        System.out.printf("a short fall now would gain %.4f nat%n", fall.hillHeight());
        // end of guide
    }
}
