package dev.holdfast.data.corrupt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.WithTruth;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.source.Splits;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@ExtendWith(NativeMemory.class)
class LabelNoiseTest {
    private static final int CLASSES = 10;
    private static final int N = 1000;

    /** n rows of ten classes in turn; ids begin at 500. */
    private static Dataset data() {
        long[] y = LongStream.range(0, N).map(i -> i % CLASSES).toArray();
        return MemoryDataset.of(
                Schema.vectors(1, ClassIndex.numbered(CLASSES)),
                Inputs.of(Tensors.zeros(ScalarType.Float, N, 1)),
                Target.ClassIds.of(y),
                LongStream.range(500, 500 + N).toArray());
    }

    static Stream<LabelNoise> kinds() {
        ClassIndex ten = ClassIndex.numbered(CLASSES);
        return Stream.of(
                LabelNoise.symmetric(0.4),
                LabelNoise.symmetricOther(0.4),
                LabelNoise.pairs(ten, 0.4),
                ChanceNoise.uniform(0.4),
                ChanceNoise.cyclic(ten, 0.4),
                ChanceNoise.swaps(ten, 0.4, ChanceNoise.VOWELS),
                LabelNoise.cifar10(0.4, MappedNoise.Order.SEQUENTIAL),
                LabelNoise.cifar10(0.4, MappedNoise.Order.SIMULTANEOUS),
                LabelNoise.superClasses(ten, List.of(List.of(0, 1, 2, 3, 4), List.of(9, 8, 7, 6, 5)), 0.4));
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void labelsChangeAndNothingElseDoes(LabelNoise noise) {
        Dataset clean = data();
        WithTruth<NoiseTruth> a = noise.apply(clean, Rng.of(1));
        NoiseTruth t = a.truth();
        Dataset noisy = a.data();
        assertThat(noisy.size()).isEqualTo(N);
        assertThat(noisy.schema()).isEqualTo(clean.schema());
        assertThat(noisy.id(3)).isEqualTo(503);
        assertThat(t.clean()).containsExactly(clean.classIds());
        assertThat(t.given()).containsExactly(noisy.classIds());
        assertThat(Tensors.longs(((Target.ClassIds) noisy.target()).ids())).containsExactly(noisy.classIds());
        assertThat(noisy.rows(7, 3).classIds()).containsExactly(t.given()[7], t.given()[3]);
        assertThat(noisy.batches(Pace.inOrder(10), Rng.of(1)).next().classIds())
                .containsExactly(Arrays.copyOf(t.given(), 10));
        Dataset part = noisy.subset(9, 4, 2);
        assertThat(part.classIds()).containsExactly(t.given()[9], t.given()[4], t.given()[2]);
        assertThat(part.subset(1).classIds()).containsExactly(t.given()[4]);
        assertThat(part.rows(0).rows().ids()).containsExactly(509);
        assertThat(t.cleanOf(new long[] {509, 500})).containsExactly(9, 0);
        assertThatThrownBy(() -> t.cleanOf(new long[] {3})).hasMessageContaining("Sample 3");
        for (int i = 0; i < N; i++) {
            assertThat(t.touched()[i] || t.clean()[i] == t.given()[i]).isTrue();
            assertThat(t.wrong()[i]).isEqualTo(t.clean()[i] != t.given()[i]);
        }
        assertThat(t.toString()).contains(noise.convention()).contains("1000 labels are wrong");
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void itIsAFunctionOfDataAndSeed(LabelNoise noise) {
        Dataset clean = data();
        Dataset a = noise.apply(clean, Rng.of(1)).data();
        assertThat(a.classIds())
                .containsExactly(noise.apply(clean, Rng.of(1)).data().classIds());
        Dataset other = noise.apply(clean, Rng.of(2)).data();
        assertThat(a.classIds()).isNotEqualTo(other.classIds());
        assertThat(a.fingerprint())
                .isEqualTo(noise.apply(clean, Rng.of(1)).data().fingerprint())
                .isNotEqualTo(other.fingerprint())
                .isNotEqualTo(clean.fingerprint());
    }

    @ParameterizedTest
    @MethodSource("kinds")
    void theSharesThatComeOutAreNearThoseThatWereAskedFor(LabelNoise noise) {
        NoiseTruth t = noise.apply(data(), Rng.of(5)).truth();
        for (double[] row : t.empirical()) {
            assertThat(Arrays.stream(row).sum()).isCloseTo(1, within(1e-12));
        }
        if (t.nominal() == null) {
            return;
        }
        for (int i = 0; i < CLASSES; i++) {
            assertThat(Arrays.stream(t.nominal()[i]).sum()).isCloseTo(1, within(1e-12));
            for (int j = 0; j < CLASSES; j++) {
                // 100 rows a class: five standard deviations of a share of one half
                assertThat(t.empirical()[i][j]).isCloseTo(t.nominal()[i][j], within(0.25));
                assertThat(t.nominal()[i][j] > 0 || t.empirical()[i][j] == 0).isTrue();
            }
        }
    }

    @Test
    void theTwoSymmetricConventionsDifferInTheirErrorRate() {
        NoiseTruth all = LabelNoise.symmetric(0.6).apply(data(), Rng.of(1)).truth();
        assertThat(count(all.touched())).isEqualTo(600);
        assertThat(all.errorRate()).isBetween(0.50, 0.58);
        NoiseTruth other =
                LabelNoise.symmetricOther(0.6).apply(data(), Rng.of(1)).truth();
        assertThat(count(other.touched())).isEqualTo(600);
        assertThat(other.errorRate()).isEqualTo(0.6);
        assertThat(all.convention()).contains("all classes");
        assertThat(other.convention()).contains("other classes");
    }

    @Property(tries = 100)
    void countsAreExact(@ForAll @DoubleRange(max = 1) double rate, @ForAll @IntRange(min = 2, max = 60) int n) {
        ClassIndex three = ClassIndex.numbered(3);
        long[] y = LongStream.range(0, n).map(i -> i % 3).toArray();
        int expected = (int) IntStream.range(0, n).filter(i -> i < rate * n).count();
        assertThat(count(LabelNoise.symmetricOther(rate)
                        .draw(y, three, Rng.of(n))
                        .touched()))
                .isEqualTo(expected);
        boolean[] touched =
                LabelNoise.pairs(three, rate).draw(y, three, Rng.of(n)).touched();
        for (int c = 0; c < 3; c++) {
            int cls = c;
            int of = (int) Arrays.stream(y).filter(v -> v == cls).count();
            long got =
                    IntStream.range(0, n).filter(i -> y[i] == cls && touched[i]).count();
            assertThat(got)
                    .isEqualTo(IntStream.range(0, of).filter(i -> i < rate * of).count());
        }
    }

    @Test
    void noNoiseChangesNothingAndFullNoiseEverything() {
        long[] y = data().classIds();
        ClassIndex ten = ClassIndex.numbered(CLASSES);
        assertThat(LabelNoise.symmetric(0).draw(y, ten, Rng.of(1)).given()).containsExactly(y);
        long[] next = LabelNoise.pairs(ten, 1).draw(y, ten, Rng.of(1)).given();
        for (int i = 0; i < y.length; i++) {
            assertThat(next[i]).isEqualTo((y[i] + 1) % CLASSES);
        }
    }

    /** Class after class, a cat that became a dog may become a cat again. */
    @Test
    void theOrderOfFlipsMatters() {
        long[] y = {3, 3, 5, 5};
        ClassIndex ten = ClassIndex.numbered(CLASSES);
        MappedNoise.Visits inOrder = (id, rows) -> rows;
        Map<Long, Long> swap = Map.of(3L, 5L, 5L, 3L);
        assertThat(new MappedNoise(swap, 0.5, MappedNoise.Order.SIMULTANEOUS)
                        .draw(y, ten, inOrder)
                        .given())
                .containsExactly(5, 3, 3, 5);
        assertThat(new MappedNoise(swap, 0.5, MappedNoise.Order.SEQUENTIAL)
                        .draw(y, ten, inOrder)
                        .given())
                .containsExactly(3, 3, 3, 5);
    }

    @Test
    void aMatrixTakesItsDrawsInOrder() {
        MatrixNoise m = new MatrixNoise(new double[][] {{0.5, 0.25, 0.25}, {0, 1, 0}, {0.1, 0, 0.9}});
        LabelNoise.Labels l = m.draw(
                new long[] {0, 0, 0, 1, 2, 2}, ClassIndex.numbered(3), new double[] {0.49, 0.5, 0.99, 0.99, 0.05, 0.1});
        assertThat(l.given()).containsExactly(0, 1, 2, 1, 0, 2);
        assertThat(l.touched()).containsExactly(false, true, true, false, true, false);
    }

    /** Model selection sees the same noise as training. */
    @Test
    void aHeldOutPartIsNoisyToo() {
        WithTruth<NoiseTruth> noisy = LabelNoise.symmetricOther(0.4).apply(data(), Rng.of(1));
        Splits.Split split = Splits.stratified(noisy.data().classIds(), 0.1, Rng.of(2));
        Dataset held = noisy.data().subset(split.test());
        long[] ids = IntStream.range(0, (int) held.size()).mapToLong(held::id).toArray();
        long[] truth = noisy.truth().cleanOf(ids);
        long[] given = held.classIds();
        long wrong = IntStream.range(0, given.length)
                .filter(i -> given[i] != truth[i])
                .count();
        assertThat(wrong / (double) given.length).isBetween(0.25, 0.55);
    }

    @Test
    void badSettingsAreRefused() {
        ClassIndex ten = ClassIndex.numbered(CLASSES);
        assertThatThrownBy(() -> LabelNoise.symmetric(1.1)).hasMessageContaining("1.1");
        assertThatThrownBy(() -> LabelNoise.pairs(ten, Double.NaN)).hasMessageContaining("NaN");
        assertThatThrownBy(() -> new MatrixNoise(new double[][] {{0.5, 0.4}, {0, 1}}))
                .hasMessageContaining("Row 0");
        assertThatThrownBy(() -> new MatrixNoise(new double[][] {{1}}).apply(data(), Rng.of(1)))
                .hasMessageContaining("10");
        assertThatThrownBy(() ->
                        new MappedNoise(Map.of(3L, 77L), 0.5, MappedNoise.Order.SIMULTANEOUS).apply(data(), Rng.of(1)))
                .hasMessageContaining("Class 77");
        assertThatThrownBy(() -> LabelNoise.superClasses(ten, List.of(List.of(0, 1)), 0.5))
                .hasMessageContaining("Class 2");
        assertThatThrownBy(() -> LabelNoise.superClasses(ten, List.of(List.of(0, 0)), 0.5))
                .hasMessageContaining("two super-classes");
        assertThatThrownBy(
                        () -> LabelNoise.symmetric(0.5).draw(new long[4], ten, new int[] {0, 1, 2, 3}, new int[] {1}))
                .hasMessageContaining("2 new classes");
    }

    private static int count(boolean[] b) {
        int n = 0;
        for (boolean v : b) {
            n += v ? 1 : 0;
        }
        return n;
    }

    @Test
    void chanceNoiseHasItsRatesAndPartners() {
        WithTruth<NoiseTruth> uniform = ChanceNoise.uniform(0.6).apply(data(), Rng.of(3));
        // 1000 rows: three standard errors of a share are 0.05
        assertThat(uniform.truth().errorRate()).isCloseTo(0.54, within(0.05));
        int touched = 0;
        for (boolean t : uniform.truth().touched()) {
            touched += t ? 1 : 0;
        }
        assertThat(touched / (double) N)
                .isGreaterThan(uniform.truth().errorRate())
                .isCloseTo(0.6, within(0.05));
        ClassIndex letters = ClassIndex.named(List.of("A", "B", "D"));
        ChanceNoise swap = ChanceNoise.swaps(letters, 1, List.of("B-D"));
        assertThat(swap.draw(new long[] {0, 1, 2}, letters, new double[3], new int[3])
                        .given())
                .containsExactly(0, 2, 1);
        assertThat(swap.draw(new long[] {0, 1, 2}, letters, new double[3], new int[3])
                        .touched())
                .containsExactly(false, true, true);
        assertThat(swap.nominal(letters)).isDeepEqualTo(new double[][] {{1, 0, 0}, {0, 0, 1}, {0, 1, 0}});
    }

    @Test
    void chanceNoiseRefusesWhatItDoesNotKnow() {
        ClassIndex letters = ClassIndex.named(List.of("A", "B", "D"));
        assertThatThrownBy(() -> ChanceNoise.uniform(1.1)).hasMessageContaining("[0, 1]");
        assertThatThrownBy(() -> ChanceNoise.swaps(letters, 0.1, List.of("B-Z")))
                .hasMessageContaining("names a class that is not declared");
        assertThatThrownBy(() -> ChanceNoise.swaps(letters, 0.1, List.of("BD"))).hasMessageContaining("two names");
        assertThatThrownBy(() -> ChanceNoise.swaps(letters, 0.1, List.of("A-B", "B-D")))
                .hasMessageContaining("in two pairs");
        assertThatThrownBy(() -> ChanceNoise.uniform(0.1).draw(new long[3], letters, new double[2], new int[3]))
                .hasMessageContaining("3 rows were given 2 draws");
        assertThatThrownBy(() -> ChanceNoise.uniform(0.1).draw(new long[] {7}, letters, new double[1], new int[1]))
                .hasMessageContaining("Class 7");
    }
}
