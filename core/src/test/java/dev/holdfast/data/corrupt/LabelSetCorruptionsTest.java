package dev.holdfast.data.corrupt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.Dataset;
import dev.holdfast.data.Target;
import dev.holdfast.data.WithTruth;
import dev.holdfast.data.source.BundledSample;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.synth.LabelCanvas;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Missing labels, long tails, and canvases to put them on. */
@ExtendWith(NativeMemory.class)
class LabelSetCorruptionsTest {
    private static MemoryDataset canvases(int n) {
        List<Dataset> clothes = List.of(BundledSample.test());
        return new LabelCanvas(
                        LabelCanvas.Config.defaults(), LabelCanvas.names(clothes), LabelCanvas.affinity(10, Rng.of(5)))
                .draw(clothes, n, Rng.of(6));
    }

    private static boolean[][] sets(Dataset d) {
        try (Scope s = Scope.open()) {
            return ((Target.MultiLabel) d.target()).sets();
        }
    }

    private static int size(boolean[] set) {
        return (int) IntStream.range(0, set.length).filter(l -> set[l]).count();
    }

    @Test
    void canvasesHaveOneToFourLabelsAndAreTheSameForTheSameSeed() {
        MemoryDataset a = canvases(40);
        assertThat(a.fingerprint()).isEqualTo(canvases(40).fingerprint());
        assertThat(a.schema().x().shape()).containsExactly(1L, 56L, 56L);
        assertThat(List.of(sets(a))).allSatisfy(set -> assertThat(size(set)).isBetween(1, 4));
        // the first rows do not depend on how many follow
        assertThat(sets(canvases(10))).isDeepEqualTo(Arrays.copyOf(sets(a), 10));
    }

    @Test
    void everyLabelIsDroppedByItsDrawAndOneIsAlwaysKept() {
        boolean[][] sets = {{true, true, false}, {true, false, true}, {false, false, false}, {true, true, true}};
        double[][] u = {{0.1, 0.9, 0}, {0.1, 0, 0.3}, {0, 0, 0}, {0.5, 0.4, 0.39}};
        boolean[][] kept = new MissingLabels(0.4).draw(sets, u, new double[] {0, 0.7, 0, 0});
        assertThat(kept).isDeepEqualTo(new boolean[][] {
            {false, true, false}, {false, false, true}, {false, false, false}, {true, true, false}
        });
    }

    @Test
    void missingLabelsKeepInputsIdsAndTheTruthAside() {
        MemoryDataset clean = canvases(200);
        WithTruth<HiddenLabels> w = new MissingLabels(0.4).apply(clean, Rng.of(1));
        boolean[][] given = sets(w.data());
        assertThat(given).isDeepEqualTo(w.truth().given());
        assertThat(List.of(given)).allSatisfy(set -> assertThat(size(set)).isPositive());
        assertThat(w.truth().clean()).isDeepEqualTo(sets(clean));
        assertThat(w.truth().rate()).isBetween(0.15, 0.4);
        assertThat(w.truth().count()).isPositive();
        assertThat(w.data().id(7)).isEqualTo(clean.id(7));
        Dataset some = w.data().subset(3, 5);
        assertThat(sets(some)).isDeepEqualTo(new boolean[][] {given[3], given[5]});
        assertThat(w.data().fingerprint()).isNotEqualTo(clean.fingerprint());
        assertThat(w.truth().toString()).contains("missing");
        assertThat(new MissingLabels(0).apply(clean, Rng.of(1)).truth().count()).isZero();
    }

    @Test
    void aLongTailOfOneClassARowFallsByTheFactor() {
        MemoryDataset even = Clouds.of(4, 100, 3, 3, "tail");
        WithTruth<LongTail.Counts> w = new LongTail(10).apply(even, Rng.of(1));
        assertThat(w.truth().after()).containsExactly(100, 46, 22, 10);
        assertThat(w.truth().factor()).isEqualTo(10);
        long[] ids = LongStream.range(0, w.data().size())
                .map(i -> w.data().id((int) i))
                .toArray();
        assertThat(ids).isSorted().doesNotHaveDuplicates();
        assertThat(new LongTail(1).apply(even, Rng.of(1)).data().size()).isEqualTo(even.size());
    }

    @Test
    void aLongTailOfLabelSetsFollowsItsCountsRoughly() {
        MemoryDataset clean = canvases(1500);
        LongTail.Counts c = new LongTail(30).apply(clean, Rng.of(1)).truth();
        long[] after = c.after().clone();
        Arrays.sort(after);
        // every canvas has several labels, so the counts come near what was asked for, no more
        assertThat(after[9]).as(c + " " + Arrays.toString(after)).isGreaterThan(5 * after[4]);
        assertThat(c.factor()).isGreaterThan(5);
    }

    @Test
    void aNamedCorruptionRefusesRowsThatItCannotSpoil() {
        MemoryDataset one = Clouds.of(3, 10, 3, 3, "one");
        assertThatThrownBy(() -> NamedCorruption.parse("missing:0.4").apply(one, 1))
                .hasMessageContainingAll("sets", "ClassIds");
        assertThatThrownBy(() -> NamedCorruption.parse("sym:0.4").apply(canvases(5), 1))
                .hasMessageContaining("one class each");
        assertThatThrownBy(() -> NamedCorruption.parse("missing:1.4")).hasMessageContaining("1.4");
        assertThatThrownBy(() -> NamedCorruption.parse("long-tail:0.5")).hasMessageContaining("long-tail:100");
        assertThat(NamedCorruption.parse("long-tail:4").apply(one, 1).data().size())
                .isLessThan(one.size());
    }
}
