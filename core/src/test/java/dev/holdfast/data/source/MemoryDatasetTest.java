package dev.holdfast.data.source;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class MemoryDatasetTest {
    private static MemoryDataset ramp(int n) {
        try (Scope s = Scope.open()) {
            float[] x = new float[2 * n];
            long[] y = new long[n];
            for (int i = 0; i < n; i++) {
                x[2 * i] = i;
                y[i] = i % 3;
            }
            return MemoryDataset.of(
                    Schema.vectors(2, ClassIndex.numbered(3)), Inputs.of(Tensors.of(x, n, 2)), Target.ClassIds.of(y));
        }
    }

    @Test
    void aSubsetSharesRowsAndKeepsIds() {
        MemoryDataset d = ramp(10).subset(9, 3, 5).subset(2, 0);
        try (Scope s = Scope.open()) {
            Batch b = d.rows(0, 1);
            assertThat(b.rows().ids()).containsExactly(5, 9);
            assertThat(b.classIds()).containsExactly(2, 0);
            assertThat(Tensors.floats(b.inputs().x())).containsExactly(5, 0, 9, 0);
        }
        assertThat(d.id(1)).isEqualTo(9);
        assertThat(d.classIds()).containsExactly(2, 0);
    }

    @Test
    void aPositionOutsideTheSetIsRefusedByNumber() {
        MemoryDataset d = ramp(4);
        assertThatThrownBy(() -> d.rows(4)).hasMessageContaining("position 4").hasMessageContaining("4 rows");
        assertThatThrownBy(() -> d.subset(-1)).hasMessageContaining("position -1");
    }

    @Test
    void theFingerprintFollowsTheContent() {
        String f = ramp(10).fingerprint();
        assertThat(ramp(10).fingerprint()).isEqualTo(f);
        assertThat(ramp(10).subset(0, 1, 2, 3, 4, 5, 6, 7, 8, 9).fingerprint()).isEqualTo(f);
        assertThat(ramp(9).fingerprint()).isNotEqualTo(f);
        assertThat(ramp(10).subset(1, 0, 2, 3, 4, 5, 6, 7, 8, 9).fingerprint()).isNotEqualTo(f);
        assertThat(ramp(10).withSchema(Schema.vectors(2, ClassIndex.named(List.of("a", "b", "c"))))
                        .fingerprint())
                .isNotEqualTo(f);
        try (Scope s = Scope.open()) {
            Inputs x = Inputs.of(Tensors.of(new float[4], 2, 2));
            Schema sets = Schema.of(ramp(3).schema().x(), Target.MultiLabel.class, ClassIndex.numbered(2));
            String one = MemoryDataset.of(
                            sets, x, new Target.MultiLabel(Tensors.of(new float[] {1, 0, 0, 1}, 2, 2), null))
                    .fingerprint();
            String two = MemoryDataset.of(
                            sets, x, new Target.MultiLabel(Tensors.of(new float[] {1, 0, 1, 1}, 2, 2), null))
                    .fingerprint();
            assertThat(one).isNotEqualTo(two);
        }
    }

    @Test
    void unequalCountsAreRefused() {
        try (Scope s = Scope.open()) {
            Inputs x = Inputs.of(new double[3][2]);
            Schema schema = Schema.vectors(2, ClassIndex.numbered(2));
            assertThatThrownBy(() -> MemoryDataset.of(schema, x, Target.ClassIds.of(0, 1)))
                    .hasMessageContaining("3 rows of inputs but 2 targets");
            assertThatThrownBy(() -> MemoryDataset.of(schema, x, new Target.None(), new long[4]))
                    .hasMessageContaining("4 ids");
        }
    }

    @Property(tries = 60, seed = "1")
    void aLoaderResumedAnywhereDealsTheSameRemainingRows(
            @ForAll @IntRange(min = 1, max = 23) int n,
            @ForAll @IntRange(min = 1, max = 9) int batch,
            @ForAll @IntRange(min = 1, max = 3) int epochs,
            @ForAll @IntRange(min = 0, max = 70) int stop) {
        MemoryDataset d = ramp(n);
        Pace pace = Pace.shuffled(epochs, batch);
        try (Scope s = Scope.open()) {
            ShuffledLoader whole = new ShuffledLoader(d, pace, Rng.of(5));
            ShuffledLoader first = new ShuffledLoader(d, pace, Rng.of(5));
            for (int i = 0; i < stop && first.hasNext(); i++) {
                first.next();
                whole.next();
            }
            State saved = first.state();
            ShuffledLoader resumed = new ShuffledLoader(d, pace, Rng.of(5));
            resumed.load(saved);
            assertThat(rest(resumed)).isEqualTo(rest(whole));
        }
    }

    private static List<String> rest(ShuffledLoader l) {
        List<String> out = new ArrayList<>();
        while (l.hasNext()) {
            Batch b = l.next();
            out.add(b.rows().epoch() + "/" + b.rows().step()
                    + java.util.Arrays.toString(b.rows().ids()));
        }
        return out;
    }

    @Test
    void everyPassDealsEveryRowOnceInAnotherOrder() {
        MemoryDataset d = ramp(20);
        try (Scope s = Scope.open()) {
            List<Long> first = new ArrayList<>();
            List<Long> second = new ArrayList<>();
            d.batches(Pace.shuffled(2, 6), Rng.of(1)).forEachRemaining(b -> {
                for (long id : b.rows().ids()) {
                    (b.rows().epoch() == 0 ? first : second).add(id);
                }
            });
            assertThat(first).hasSize(20).doesNotHaveDuplicates().isNotEqualTo(second);
            assertThat(second).hasSize(20).doesNotHaveDuplicates();
        }
    }

    @Test
    void aLoaderRefusesNothingToDealAndAPositionThatDoesNotFit() {
        MemoryDataset d = ramp(4);
        assertThatThrownBy(() -> new ShuffledLoader(d.subset(), Pace.inOrder(2), Rng.of(1)))
                .hasMessageContaining("without rows");
        ShuffledLoader l = new ShuffledLoader(d, Pace.inOrder(2), Rng.of(1));
        assertThatThrownBy(() ->
                        l.load(new State().put("epoch", 0).put("cursor", -2).put("step", 0)))
                .hasMessageContaining("row -2");
        l.load(new State().put("epoch", 0).put("cursor", 8).put("step", 4));
        assertThatThrownBy(l::next).hasMessageContaining("behind the 4 rows");
        Pace empty = new Pace(1, 2, -1, (x, e, r) -> new int[0]);
        assertThatThrownBy(() -> new ShuffledLoader(d, empty, Rng.of(1)).next()).hasMessageContaining("no row");
    }
}
