package dev.holdfast.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import dev.holdfast.testing.NativeTry;
import java.util.Arrays;
import java.util.Map;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
@AddLifecycleHook(NativeTry.class)
class ReplayBufferTest {
    /** Rows whose numbers say who they are: id, id + 1/2; class id % 3. */
    private static Batch rows(long... ids) {
        double[] x = new double[2 * ids.length];
        for (int i = 0; i < ids.length; i++) {
            x[2 * i] = ids[i];
            x[2 * i + 1] = ids[i] + 0.5;
        }
        return new Batch(
                Inputs.of(Tensors.of(x, ids.length, 2)),
                Target.ClassIds.of(Arrays.stream(ids).map(i -> i % 3).toArray()),
                Rows.of(ids),
                4,
                -1,
                null,
                null);
    }

    private static Tensor logits(int rows, int columns, double first) {
        double[] z = new double[rows * columns];
        for (int i = 0; i < z.length; i++) {
            z[i] = first + i;
        }
        return Tensors.of(z, rows, columns);
    }

    private static ReplayBuffer reservoir(int capacity) {
        return ReplayBuffer.reservoir(capacity, Rng.of(1));
    }

    /** What lies in a slot belongs to the row whose id lies there, extras too. */
    @Property(tries = 100)
    void aSlotHoldsOneRowWhole(
            @ForAll @IntRange(min = 1, max = 9) int capacity, @ForAll @IntRange(max = 100_000) int seed) {
        Rng rng = Rng.of(seed);
        ReplayBuffer[] all = {
            reservoir(capacity),
            new ReplayBuffer(capacity, new Ring(capacity), DrawPolicy.uniform(), rng),
            new ReplayBuffer(capacity, new ClassBalanced(capacity), DrawPolicy.balanced(), rng)
        };
        for (ReplayBuffer b : all) {
            long next = 0;
            for (int t = 0; t < 8; t++) {
                long[] ids = new long[1 + rng.below(6)];
                double[] z = new double[ids.length];
                for (int i = 0; i < ids.length; i++) {
                    ids[i] = next++;
                    z[i] = -ids[i];
                }
                b.offer(rows(ids), Map.of("z", Tensors.of(z, z.length, 1)));
                assertThat(b.size()).isEqualTo((int) Math.min(capacity, next));
                Drawn d = b.draw(1 + rng.below(capacity + 2), rng.child("draw", t));
                long[] drawn = d.batch().rows().ids();
                double[][] x = d.batch().inputs().array("x");
                for (int i = 0; i < drawn.length; i++) {
                    assertThat(x[i]).containsExactly(drawn[i], drawn[i] + 0.5);
                    assertThat(d.batch().classIds()[i]).isEqualTo(drawn[i] % 3);
                    assertThat(Tensors.doubles(d.extras().get("z"))[i]).isEqualTo(-drawn[i]);
                    assertThat(b.classIds()[d.slots()[i]]).isEqualTo((int) (drawn[i] % 3));
                    assertThat(b.tasks()[d.slots()[i]]).isEqualTo(4);
                }
            }
        }
    }

    @Test
    void extrasThatWidenArePaddedWithNaN() {
        ReplayBuffer b = reservoir(4);
        b.offer(rows(0, 1), Map.of("logits", logits(2, 2, 10)));
        b.offer(rows(2), Map.of("logits", logits(1, 4, 20)));
        double[][] z = Tensors.rows(b.all().extras().get("logits"));
        assertThat(z[0]).containsExactly(10, 11, Double.NaN, Double.NaN);
        assertThat(z[1]).containsExactly(12, 13, Double.NaN, Double.NaN);
        assertThat(z[2]).containsExactly(20, 21, 22, 23);
    }

    @Test
    void extrasAreKeptWithoutTheirGraph() {
        ReplayBuffer b = reservoir(2);
        Tensor w = logits(2, 2, 1).set_requires_grad(true);
        b.offer(rows(0, 1), Map.of("logits", w.mul(Tensors.scalar(2))));
        assertThat(b.all().extras().get("logits").requires_grad()).isFalse();
    }

    @Test
    void aMemoryCopiesWhatItKeeps() {
        ReplayBuffer b = reservoir(2);
        Batch r = rows(5, 6);
        b.offer(r, Map.of());
        r.inputs().x().zero_();
        assertThat(b.all().batch().inputs().array("x")[0]).containsExactly(5, 5.5);
        b.all().batch().inputs().x().zero_();
        assertThat(b.all().batch().inputs().array("x")[0]).containsExactly(5, 5.5);
    }

    @Test
    void bytesStayBytes() {
        ReplayBuffer b = reservoir(3);
        Tensor x = Tensors.ofBytes(new byte[] {1, 2, (byte) 250, 4}, 2, 2);
        b.offer(new Batch(Inputs.of(x), Target.ClassIds.of(0, 1), Rows.of(0, 1)), Map.of());
        Tensor kept = b.all().batch().inputs().tensor("x");
        assertThat(kept.scalar_type().intern()).isEqualTo(ScalarType.Byte);
        assertThat(Tensors.bytes(kept)).containsExactly(Tensors.bytes(x));
        assertThat(b.bytes()).isEqualTo(3 * 16 + 3 * 2);
    }

    @Test
    void anEmptyMemoryDrawsNothing() {
        Drawn d = reservoir(3).draw(5, Rng.of(1));
        assertThat(d.isEmpty()).isTrue();
        assertThat(d.batch()).isNull();
        Batch b = rows(1);
        assertThat(d.after(b)).isSameAs(b);
    }

    @Test
    void drawnRowsFollowTheStream() {
        ReplayBuffer b = reservoir(3);
        b.offer(rows(7, 8), Map.of());
        Batch both = b.all().after(rows(1, 2));
        assertThat(both.rows().ids()).containsExactly(1, 2, 7, 8);
        assertThat(both.classIds()).containsExactly(1, 2, 1, 2);
        assertThat(both.inputs().array("x")[2]).containsExactly(7, 7.5);
    }

    @Test
    void aSavedMemoryGoesOnAlike() {
        ReplayBuffer a = new ReplayBuffer(4, new ClassBalanced(4), DrawPolicy.balanced(), Rng.of(3));
        a.offer(rows(0, 1, 2, 3, 4, 5), Map.of("logits", logits(6, 2, 0)));
        ReplayBuffer b = new ReplayBuffer(4, new ClassBalanced(4), DrawPolicy.balanced(), Rng.of(3));
        State saved = a.state().copy();
        b.load(saved);
        saved.tensors().values().forEach(t -> t.zero_());
        for (ReplayBuffer m : new ReplayBuffer[] {a, b}) {
            m.offer(rows(6, 7, 8, 9), Map.of("logits", logits(4, 3, 100)));
        }
        assertThat(b.state().sameAs(a.state())).isTrue();
        assertThat(b.draw(3, Rng.of(9)).slots())
                .containsExactly(a.draw(3, Rng.of(9)).slots());
    }

    @Test
    void tablesAreMadeOnceSoThatMemoryIsFlat() {
        ReplayBuffer b = reservoir(5);
        b.offer(rows(0), Map.of());
        long bytes = b.bytes();
        for (int i = 1; i < 50; i++) {
            try (Scope s = Scope.open()) {
                b.offer(rows(i, i + 1000), Map.of());
            }
        }
        assertThat(b.bytes()).isEqualTo(bytes);
    }

    @Test
    void rowsThatDoNotFitAreRefusedAndChangeNothing() {
        ReplayBuffer b = reservoir(2);
        b.offer(rows(0, 1), Map.of("logits", logits(2, 3, 0)));
        State before = b.state().copy();
        Batch wide = new Batch(Inputs.of(logits(1, 3, 0)), Target.ClassIds.of(1), Rows.of(9));
        assertThatThrownBy(() -> b.offer(wide, Map.of("logits", logits(1, 3, 0))))
                .hasMessageContaining("[3]")
                .hasMessageContaining("[2]");
        Batch bytes = new Batch(Inputs.of(Tensors.ofBytes(new byte[] {1, 2}, 1, 2)), Target.ClassIds.of(1), Rows.of(9));
        assertThatThrownBy(() -> b.offer(bytes, Map.of("logits", logits(1, 3, 0))))
                .hasMessageContaining("Byte")
                .hasMessageContaining("Double");
        Batch elsewhere = new Batch(Inputs.of(Map.of("y", logits(1, 2, 0))), Target.ClassIds.of(1), Rows.of(9));
        assertThatThrownBy(() -> b.offer(elsewhere, Map.of("logits", logits(1, 3, 0))))
                .hasMessageContaining("[y]");
        // a slot must not keep the logits of a row that left it
        assertThatThrownBy(() -> b.offer(rows(9), Map.of())).hasMessageContaining("[logits]");
        assertThatThrownBy(() -> b.offer(rows(9), Map.of("logits", logits(1, 2, 0))))
                .hasMessageContaining("[2]");
        assertThatThrownBy(() -> b.offer(rows(9), Map.of("logits", logits(2, 3, 0))))
                .hasMessageContaining("logits");
        assertThat(b.state().sameAs(before)).isTrue();
    }

    @Test
    void statesThatDoNotFitAreRefusedAndChangeNothing() {
        ReplayBuffer b = reservoir(2);
        b.offer(rows(0, 1), Map.of());
        State before = b.state().copy();
        ReplayBuffer larger = reservoir(3);
        larger.offer(rows(4), Map.of());
        assertThatThrownBy(() -> b.load(larger.state())).hasMessageContaining("capacity");
        assertThatThrownBy(() -> b.load(new State())).hasMessageContaining("ids");
        assertThat(b.state().sameAs(before)).isTrue();
        assertThatThrownBy(() -> reservoir(0)).hasMessageContaining("0");
    }
}
