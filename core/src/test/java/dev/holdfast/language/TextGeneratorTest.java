package dev.holdfast.language;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.language.token.BpeTokenizer;
import dev.holdfast.language.token.ByteTokenizer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.DecoderConfig;
import dev.holdfast.nn.lm.TokenLoss;
import dev.holdfast.optim.Optimizer;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

class TextGeneratorTest {
    private static final List<int[]> PROMPTS = List.of(new int[] {1, 2, 3}, new int[] {4}, new int[] {5, 6, 7, 8, 9});

    private static Decoder decoder() {
        return DecoderConfig.of(30, 16, 2, 2).build(Rng.of(2), ScalarType.Double);
    }

    private static int[] row(Completions c, int i) {
        return c.ids()[i];
    }

    @Test
    void aRowDoesNotDependOnItsCompany() {
        try (Scope s = Scope.open()) {
            TextGenerator g = new TextGenerator(decoder(), Sampling.at(1), List.of(0), 29);
            Completions all = g.write(PROMPTS, 12, Rng.of(7));
            Completions mixed = g.write(List.of(PROMPTS.get(2), PROMPTS.get(0)), new int[] {2, 0}, 12, Rng.of(7));
            assertThat(row(mixed, 0)).isEqualTo(row(all, 2));
            assertThat(row(mixed, 1)).isEqualTo(row(all, 0));
            assertThat(row(all, 0)).isNotEqualTo(row(g.write(PROMPTS, 12, Rng.of(8)), 0));
        }
    }

    @Test
    void theCacheWritesTheSame() {
        try (Scope s = Scope.open()) {
            Decoder d = decoder();
            // half of the vocabulary ends a row, so that rows end at different steps
            List<Integer> end = List.of(0, 1, 2, 3);
            TextGenerator g = new TextGenerator(d, Sampling.at(1), end, 29);
            Completions with = g.write(PROMPTS, 20, Rng.of(7));
            Completions without = new TextGenerator(d, Sampling.at(1), end, 29, false).write(PROMPTS, 20, Rng.of(7));
            assertThat(with.ids()).isDeepEqualTo(without.ids());
            assertThat(with.truncated()).contains(false);
            for (int i = 0; i < with.rows(); i++) {
                int[] rest = Arrays.copyOfRange(row(with, i), with.lengths()[i], 20);
                assertThat(rest).containsOnly(rest.length == 0 ? new int[0] : new int[] {29});
            }
        }
    }

    @Test
    void refusesWhatCannotBeWritten() {
        try (Scope s = Scope.open()) {
            Decoder d = decoder();
            TextGenerator g = new TextGenerator(d, Sampling.greedy(), List.of(0), 29);
            assertThatThrownBy(() -> g.write(List.of(new int[0]), 3, Rng.of(1)))
                    .hasMessageContaining("Prompt 0 is empty");
            assertThatThrownBy(() -> g.write(List.of(new int[510]), 4, Rng.of(1)))
                    .hasMessageContaining("leaves no room for 4 more");
            try (var mode = Autograd.noGrad()) {
                d.parameters().get("model.norm.weight").fill_(Tensors.scalar(Double.NaN));
            }
            assertThatThrownBy(() -> g.write(PROMPTS, 3, Rng.of(1)))
                    .hasMessageContaining("generation step 0 are not finite");
            assertThatThrownBy(() -> new Sampling(1, 0, 0)).hasMessageContaining("topP");
            assertThatThrownBy(() -> new Sampling(-1, 0, 1)).hasMessageContaining("temperature");
        }
    }

    @Test
    void greedyTakesTheLowestOfEqualIds() {
        try (Scope s = Scope.open()) {
            Tensor logits = Tensors.of(new double[] {1, 3, 3, 2}, 1, 4);
            assertThat(Sampling.greedy().draw(logits).ids().item_long()).isEqualTo(1);
            assertThat(new Sampling(1, 1, 1).draw(logits, 0.99).ids().item_long())
                    .isEqualTo(1);
        }
    }

    @Test
    void bytesAreTokens() {
        ByteTokenizer t = new ByteTokenizer();
        assertThat(t.encode("é<think>", false)).containsExactly(0xC3, 0xA9, '<', 't', 'h', 'i', 'n', 'k', '>');
        assertThat(t.encode("é<think>x</think><eos>", true)).containsExactly(0xC3, 0xA9, 259, 'x', 260, 257);
        assertThat(t.decode(t.encode("a<b ü 😀<sep>", true))).isEqualTo("a<b ü 😀<sep>");
        assertThat(t.decode(0xC3)).isEqualTo("\uFFFD");
        assertThatThrownBy(() -> t.token(264)).hasMessageContaining("no token 264");
        assertThatThrownBy(() -> t.requireFits(200)).hasMessageContaining("264 ids but the model's embedding only 200");
    }

    @Test
    void refusesTokenizersByName() throws IOException {
        String model =
                "\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}, \"merges\": [\"a b\"]}";
        BpeTokenizer t = BpeTokenizer.parse("here", "{" + model + "}");
        assertThat(t.encode("abba", true)).containsExactly(2, 1, 0);
        assertThat(t.decode(2, 1)).isEqualTo("abb");
        assertRefused("{" + model + ", \"normalizer\": {\"type\": \"Lowercase\"}}", "normalizer 'Lowercase'");
        assertRefused("{" + model + ", \"pre_tokenizer\": {\"type\": \"Metaspace\"}}", "pre_tokenizer 'Metaspace'");
        assertRefused("{" + model + ", \"decoder\": {\"type\": \"CTC\"}}", "decoder 'CTC'");
        assertRefused("{" + model + ", \"post_processor\": {\"type\": \"BertProcessing\"}}", "'BertProcessing'");
        assertRefused("{\"model\": {\"type\": \"Unigram\"}}", "model 'Unigram'");
        assertRefused(model.isEmpty() ? "" : "{" + model.replace("a b", "a c") + "}", "merge 0 of 'a' and 'c'");
    }

    private static void assertRefused(String json, String message) {
        assertThatThrownBy(() -> BpeTokenizer.parse("here", json)).hasMessageContaining(message);
    }

    @Test
    void problemsAreSolvedAndKeptApart() {
        Rng rng = Rng.of(4);
        int held = 0;
        for (TaskFamily f : TaskFamily.values()) {
            for (int level = 1; level <= 9; level++) {
                Problem p = f.draw(level, rng);
                assertThat(TaskFamily.solveAny(p.prompt())).isEqualTo(p);
                assertThat(p.level()).as(p.prompt()).isEqualTo(level);
                assertThat(p.needsThought()).isEqualTo(level > 2);
                assertThat(p.prompt()).endsWith("=").matches("\\p{ASCII}+");
                assertThat(p.solvedBy(p.text(true)
                                .replace("<eos>", "")
                                .substring(p.prompt().length())))
                        .isTrue();
                assertThat(p.solvedBy(p.answer() + "0")).isFalse();
                held += p.held() ? 1 : 0;
            }
        }
        assertThat(held).isBetween(3, 30);
        assertThatThrownBy(() -> TaskFamily.solveAny("div:3/4=")).hasMessageContaining("No family");
        assertThatThrownBy(() -> TaskFamily.SUM.solve("add:3+4=")).hasMessageContaining("no prompt of SUM");
    }

    /** The example of the guide to language models. */
    @Test
    void aSmallModelLearnsToCopy() {
        ByteTokenizer bytes = new ByteTokenizer();
        try (Scope all = Scope.open()) {
            Decoder model = DecoderConfig.of(bytes.size(), 32, 1, 2).build(Rng.of(1), ScalarType.Float);
            Optimizer optimizer = OptimizerConfig.adam(3e-3).build(model.parameters());
            Tensor ids = Tensors.of(
                    Arrays.stream(TaskFamily.COPY.solve("copy:ab=").ids(bytes, false))
                            .asLongStream()
                            .toArray(),
                    1,
                    13);
            double first = 0;
            double last = 0;
            for (int step = 0; step < 120; step++) {
                try (Scope s = Scope.open()) {
                    Tensor loss = TokenLoss.mean(model.forward(ids, Pass.train(Rng.of(step))), ids);
                    optimizer.step(Autograd.grad(loss, model.parameters(), false));
                    first = step == 0 ? loss.item_double() : first;
                    last = loss.item_double();
                }
            }
            assertThat(first).isBetween(5.3, 5.9);
            assertThat(last).isLessThan(0.2);
            TextGenerator writer =
                    new TextGenerator(model, Sampling.greedy(), List.of(ByteTokenizer.END), ByteTokenizer.PAD);
            Completions made = writer.write(List.of(bytes.encode("copy:ab=", false)), 8, Rng.of(1));
            assertThat(bytes.decode(made.body(0))).isEqualTo("<think></think>ab");
        }
    }
}
