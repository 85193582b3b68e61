package dev.holdfast.tensor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class ParametersTest {
    private final Tensor a = Scope.own(Tensors.of(new double[] {1, 2, 3}, 3)).set_requires_grad(true);
    private final Tensor b = Scope.own(Tensors.of(new double[] {4, 5}, 1, 2)).set_requires_grad(true);
    private final Parameters p = new Parameters(List.of(meta("a"), meta("b")), List.of(a, b));

    private static ParamMeta meta(String name) {
        return new ParamMeta(name, ParamMeta.Role.HIDDEN, 1, 1, true, 0);
    }

    private ParamVector vector(double[] x, double[] y) {
        return new ParamVector(
                p, new Tensor[] {x == null ? null : Tensors.of(x, 3), y == null ? null : Tensors.of(y, 1, 2)});
    }

    @Test
    void namesAndLeavesAreDistinct() {
        assertThatThrownBy(() -> new Parameters(List.of(meta("a"), meta("a")), List.of(a, b)))
                .hasMessageContaining("'a'");
        assertThatThrownBy(() -> new Parameters(List.of(meta("a"), meta("b")), List.of(a, a)))
                .hasMessageContaining("same tensor");
        assertThatThrownBy(() -> p.get("c")).hasMessageContaining("[a, b]");
        assertThat(p.count()).isEqualTo(5);
        assertThat(p.indexOf("b")).isEqualTo(1);
    }

    @Test
    void valuesLiveAndCopiesStand() {
        ParamVector live = p.values();
        ParamVector copy = p.copy();
        p.add(2, vector(new double[] {1, 0, 0}, null));
        assertThat(Tensors.doubles(live.flat())).containsExactly(3, 2, 3, 4, 5);
        assertThat(Tensors.doubles(copy.flat())).containsExactly(1, 2, 3, 4, 5);
        p.assign(copy);
        assertThat(Tensors.doubles(live.flat())).containsExactly(1, 2, 3, 4, 5);
        assertThat(a.requires_grad()).isTrue();
    }

    @Test
    void aPerturbationRestoresTheExactBits() {
        double[] before = {1.0 / 3, 1e-300, -0.0};
        p.assign(vector(before, new double[] {0.1, 0.2}));
        try (var moved = p.perturbed(vector(new double[] {1e10, 1, 1}, new double[] {1, 1}))) {
            assertThat(Tensors.doubles(a)[0]).isGreaterThan(1e9);
        }
        assertThat(Tensors.doubles(a)).containsExactly(before);
        assertThat(Tensors.doubles(b)).containsExactly(0.1, 0.2);
    }

    @Test
    void partsShareTheirLeaves() {
        Parameters onlyB = p.where(m -> m.name().equals("b"));
        assertThat(onlyB.get(0)).isSameAs(b);
        Parameters again = onlyB.and(p.where(m -> m.name().equals("a")));
        assertThat(again.meta()).extracting(ParamMeta::name).containsExactly("b", "a");
        assertThatThrownBy(() -> p.and(onlyB)).hasMessageContaining("'b'");
    }

    @Test
    void nullIsNotZero() {
        ParamVector x = vector(new double[] {1, 2, 3}, null);
        ParamVector y = vector(null, new double[] {1, 1});
        assertThat(x.plus(2, y).get(1)).isNotNull();
        assertThat(Tensors.doubles(x.plus(2, y).flat())).containsExactly(1, 2, 3, 2, 2);
        assertThat(x.plus(2, x).get(1)).isNull();
        assertThat(x.times(2).get(1)).isNull();
        assertThat(x.dot(y)).isZero();
        assertThat(Tensors.doubles(x.flat())).containsExactly(1, 2, 3, 0, 0);
        assertThat(x.norm()).isCloseTo(Math.sqrt(14), within(1e-15));
        assertThat(new ParamVector(p, new Tensor[2]).norm()).isZero();
        assertThat(new ParamVector(p, new Tensor[2]).finite()).isTrue();
    }

    @Test
    void flatAndUnflatAreInverse() {
        ParamVector v = vector(new double[] {1, 2, 3}, new double[] {4, 5});
        ParamVector back = ParamVector.unflat(p, v.flat());
        assertThat(back.get(1).shape()).containsExactly(1, 2);
        assertThat(Tensors.doubles(back.flat())).containsExactly(1, 2, 3, 4, 5);
        assertThatThrownBy(() -> ParamVector.unflat(p, Tensors.zeros(ScalarType.Double, 4)))
                .hasMessageContaining("[4]");
        assertThat(new ParamVector(new Parameters(List.of(), List.of()), new Tensor[0])
                        .flat()
                        .numel())
                .isZero();
    }

    @Test
    void aStateIsTheSumOfItsParts() {
        State s = new State()
                .put("net", new State().put("w", a).put("steps", 3))
                .put("rate", 0.1)
                .put("absent", (Tensor) null);
        assertThat(s.tensors().keySet()).containsExactly("net.w");
        assertThat(s.child("net").integer("steps")).isEqualTo(3);
        assertThat(s.number("rate")).isEqualTo(0.1);
        assertThat(s.has("absent")).isFalse();
        assertThatThrownBy(() -> s.put("net.w", b)).hasMessageContaining("already");
        assertThatThrownBy(() -> s.tensor("x")).hasMessageContaining("net.w");
        State copy = s.copy();
        assertThat(copy.sameAs(s)).isTrue();
        p.add(1, vector(new double[] {1, 1, 1}, null));
        assertThat(copy.sameAs(s)).as("a copy does not move").isFalse();
        assertThat(new State().put("a", a).sameAs(new State().put("a", a.to(ScalarType.Float))))
                .isFalse();
    }

    @Test
    void aSnapshotGoesBack() {
        class Counter implements Stateful {
            private long n;

            @Override
            public State state() {
                return new State().put("n", n);
            }

            @Override
            public void load(State saved) {
                n = saved.integer("n");
            }
        }
        Counter c = new Counter();
        Snapshot before = Snapshot.of(c);
        c.n = 7;
        before.restore(c);
        assertThat(c.n).isZero();
        assertThatThrownBy(before::restore).hasMessageContaining("1 parts");
    }
}
