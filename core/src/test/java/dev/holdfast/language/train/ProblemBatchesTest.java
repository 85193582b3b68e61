package dev.holdfast.language.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.language.Exam;
import dev.holdfast.language.Problem;
import dev.holdfast.language.TaskFamily;
import dev.holdfast.language.token.ByteTokenizer;
import dev.holdfast.language.train.ProblemBatches.Kind;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.DecoderConfig;
import dev.holdfast.nn.lm.TokenLoss;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

class ProblemBatchesTest {
    private static final ByteTokenizer BYTES = new ByteTokenizer();
    private static final List<Kind> KINDS = List.of(new Kind(TaskFamily.REV, 3), new Kind(TaskFamily.SUM, 2));

    /** Rows as text: what is read, then what is learnt. */
    private static List<String[]> rows(TokenBatch b) {
        long width = b.ids().size(1);
        long[] ids = Tensors.longs(b.ids());
        long[] labels = Tensors.longs(b.labels());
        return java.util.stream.IntStream.range(0, (int) b.ids().size(0))
                .mapToObj(i -> {
                    int[] read = java.util.stream.IntStream.range(0, (int) width)
                            .filter(t -> labels[(int) (i * width + t)] == TokenLoss.IGNORED)
                            .map(t -> (int) ids[(int) (i * width + t)])
                            .filter(id -> id != ByteTokenizer.PAD)
                            .toArray();
                    int[] learnt = Arrays.stream(labels, Math.toIntExact(i * width), Math.toIntExact((i + 1) * width))
                            .filter(id -> id != TokenLoss.IGNORED)
                            .mapToInt(Math::toIntExact)
                            .toArray();
                    return new String[] {BYTES.decode(read), BYTES.decode(learnt)};
                })
                .toList();
    }

    @Test
    void promptsAreReadAndCompletionsLearnt() {
        try (Scope s = Scope.open()) {
            int direct = 0;
            for (String[] row : rows(new ProblemBatches(KINDS, 0.5, 40, Rng.of(1)).at(3))) {
                assertThat(row[0]).startsWith("<bos>");
                String prompt = row[0].substring("<bos>".length(), row[0].indexOf('=') + 1);
                Problem p = TaskFamily.solveAny(prompt);
                assertThat(p.held()).isFalse();
                if (row[0].endsWith("</think>")) {
                    direct++;
                    assertThat(row[1]).isEqualTo(p.answer() + "<eos>");
                } else {
                    assertThat(row[0]).endsWith("<think>");
                    assertThat(row[1]).isEqualTo(p.thought() + "</think>" + p.answer() + "<eos>");
                }
            }
            assertThat(direct).isBetween(8, 32);
        }
    }

    @Test
    void theShareOfThoughtsIsKept() {
        try (Scope s = Scope.open()) {
            assertThat(rows(new ProblemBatches(KINDS, 1, 20, Rng.of(1)).at(0)))
                    .allSatisfy(r -> assertThat(r[1]).contains("</think>"));
            assertThat(rows(new ProblemBatches(KINDS, 0, 20, Rng.of(1)).at(0)))
                    .allSatisfy(r -> assertThat(r[1]).doesNotContain("</think>"));
        }
    }

    @Test
    void batchesDependOnTheStepAlone() {
        try (Scope s = Scope.open()) {
            ProblemBatches b = new ProblemBatches(KINDS, 0.5, 6, Rng.of(1));
            long[] second = Tensors.longs(b.at(1).ids());
            b.at(7);
            assertThat(Tensors.longs(b.at(1).ids())).isEqualTo(second);
            assertThat(Tensors.longs(b.at(2).ids())).isNotEqualTo(second);
        }
    }

    @Test
    void aModelThatLearntIsFoundToHaveDoneSo() {
        try (Scope s = Scope.open()) {
            Decoder m = DecoderConfig.of(BYTES.size(), 32, 1, 4).build(Rng.of(1), ScalarType.Float);
            List<Problem> held = Exam.held(TaskFamily.REV, 2, 6, Rng.of(2));
            List<Problem> few = Exam.held(TaskFamily.COPY, 1, 40, Rng.of(2));
            assertThat(held).hasSize(6).doesNotHaveDuplicates().allMatch(Problem::held);
            assertThat(few).isNotEmpty().hasSizeLessThan(26).doesNotHaveDuplicates();
            assertThat(Exam.accuracy(m, held, true)).isZero();
            // the problems themselves, so that there is something to be found soon
            TokenBatch all = TokenBatch.padded(
                    held.stream()
                            .map(p -> {
                                int[] a = p.promptIds(BYTES, true);
                                int[] b = p.completionIds(BYTES, true);
                                int[] row = Arrays.copyOf(a, a.length + b.length);
                                System.arraycopy(b, 0, row, a.length, b.length);
                                return row;
                            })
                            .toList(),
                    new int[held.size()],
                    ByteTokenizer.PAD);
            new Pretraining(
                            m,
                            OptimizerConfig.adam(1e-2).build(m.parameters()),
                            step -> all,
                            TokenObjective.CROSS_ENTROPY,
                            Rng.of(3))
                    .run(150);
            assertThat(Exam.accuracy(m, held, true)).isEqualTo(1);
        }
    }

    @Test
    void badMixturesAreRefused() {
        assertThatThrownBy(() -> new ProblemBatches(List.of(), 0.5, 4, Rng.of(1)))
                .hasMessageContaining("0 kinds");
        assertThatThrownBy(() -> new ProblemBatches(KINDS, 1.5, 4, Rng.of(1))).hasMessageContaining("1.5");
        assertThatThrownBy(() -> new ProblemBatches(List.of(new Kind(TaskFamily.COPY, 0)), 0, 1, Rng.of(1)).at(0))
                .hasMessageContaining("level 0");
    }
}
