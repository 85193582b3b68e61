package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.language.Exam;
import dev.holdfast.language.TaskFamily;
import dev.holdfast.language.token.ByteTokenizer;
import dev.holdfast.language.train.GradientShards;
import dev.holdfast.language.train.Pretraining;
import dev.holdfast.language.train.ProblemBatches;
import dev.holdfast.language.train.ProblemBatches.Kind;
import dev.holdfast.language.train.TokenBatches;
import dev.holdfast.language.train.TokenObjective;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.DecoderConfig;
import dev.holdfast.optim.Optimizer;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import java.io.IOException;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

/** The example of docs/language-models.md that trains on problems is this code, and it runs. */
class LanguageModelsExampleTest {
    @Test
    void runs() {
        try (Scope memory = Scope.open()) {
            Decoder model =
                    DecoderConfig.of(new ByteTokenizer().size(), 16, 1, 2).build(Rng.of(1), ScalarType.Float);
            Optimizer optimizer = OptimizerConfig.adam(3e-3).build(model.parameters());
            TokenBatches copies = new ProblemBatches(List.of(new Kind(TaskFamily.COPY, 3)), 0.5, 16, Rng.of(9));
            Pretraining judge = new Pretraining(model, optimizer, copies, TokenObjective.CROSS_ENTROPY, Rng.of(9));
            double before = judge.evaluate(copies, 2);
            assertThat(example(model, optimizer)).isBetween(0.0, 1.0);
            assertThat(judge.evaluate(copies, 2)).isLessThan(before - 1);
        }
    }

    @Test
    void isTheOneInTheGuide() throws IOException {
        Guides.shows("docs/language-models.md", LanguageModelsExampleTest.class);
    }

    private static double example(Decoder model, Optimizer optimizer) {
        // guide
        List<Kind> kinds = List.of(new Kind(TaskFamily.COPY, 3), new Kind(TaskFamily.ADD, 1));
        TokenBatches data = new ProblemBatches(kinds, 0.5, 64, Rng.of(1)); // half of the rows with a chain of thought
        try (GradientShards shards = new GradientShards(2)) { // two threads, half of the rows each
            Pretraining training =
                    new Pretraining(model, optimizer, data, TokenObjective.CROSS_ENTROPY, shards, Rng.of(2));
            double[] losses = training.run(20); // stops, by name, at a loss that is no number
            State saved = training.state(); // parameters, optimizer, batches seen
        }
        return Exam.accuracy(model, Exam.held(TaskFamily.COPY, 3, 100, Rng.of(3)), true); // of problems held out
        // end of guide
    }
}
