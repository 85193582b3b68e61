package dev.holdfast.loss;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.head.FixedPrototypes;
import dev.holdfast.nn.weight.Dense;
import dev.holdfast.nn.weight.SoftMask;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.LinearAlgebra;
import dev.holdfast.testing.NativeTry;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AddLifecycleHook;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Invariants of the losses, prototypes and masks for few-shot classes. */
@AddLifecycleHook(NativeTry.class)
class FewShotPartsTest {
    private static Tensor normal(long seed, long... shape) {
        return Rng.of(seed).normal(ScalarType.Double, shape);
    }

    private static int[] labels(int n, int classes) {
        return IntStream.range(0, n).map(i -> i % classes).toArray();
    }

    @Property(tries = 40)
    void simplexHasEqualCosinesAndSumsToZero(
            @ForAll @IntRange(min = 2, max = 12) int k, @ForAll @IntRange(max = 6) int more, @ForAll long seed) {
        Tensor e = FixedPrototypes.of(k, Math.max(2, k + more), 0, Rng.of(seed));
        double[][] gram = Tensors.rows(e.matmul(e.t()));
        for (int i = 0; i < k; i++) {
            for (int j = 0; j < k; j++) {
                assertThat(gram[i][j]).isCloseTo(i == j ? 1 : -1.0 / (k - 1), within(1e-12));
            }
        }
        assertThat(e.sum(0).abs().max().item_double()).isLessThan(1e-12);
    }

    @Property(tries = 30)
    void supconIgnoresOrderAndRotation(@ForAll long seed, @ForAll @IntRange(min = 2, max = 9) int n) {
        Tensor z = normal(seed, n, 4);
        int[] y = labels(n, 3);
        double value = SupervisedContrastive.batch(z, y, 0.1).item_double();
        int[] p = Rng.of(seed).child("order").permutation(n);
        int[] moved = Arrays.stream(p).map(i -> y[i]).toArray();
        assertThat(SupervisedContrastive.batch(Tensors.rows(z, p), moved, 0.1).item_double())
                .isCloseTo(value, within(1e-9));
        Tensor q = LinearAlgebra.orthonormal(normal(seed + 1, 4, 4));
        assertThat(SupervisedContrastive.batch(z.matmul(q), y, 0.1).item_double())
                .isCloseTo(value, within(1e-9));
    }

    @Example
    void collapsedClassesReachTheLimitsOfBothForms() {
        Tensor e = FixedPrototypes.of(3, 4, 0, Rng.of(1));
        int[] y = {0, 0, 0, 1, 1, 2, 2, 2, 2};
        Tensor z = Tensors.rows(e, y);
        double expected = Arrays.stream(new int[] {2, 2, 2, 1, 1, 3, 3, 3, 3})
                .mapToDouble(Math::log)
                .average()
                .orElseThrow();
        assertThat(SupervisedContrastive.batch(z, y, 0.01).item_double()).isCloseTo(expected, within(1e-12));
        Tensor logits = SupervisedContrastive.logits(z, z, z, 0.01);
        assertThat(SupervisedContrastive.queue(logits, SupervisedContrastive.positives(y, y, logits))
                        .item_double())
                .isCloseTo(0, within(1e-12));
    }

    @Example
    void withoutPositivesTheLossIsZeroAndZeroRowsHaveAGradient() {
        Tensor z = normal(3, 4, 3).set_requires_grad(true);
        assertThat(SupervisedContrastive.batch(z, new int[] {0, 1, 2, 3}, 0.07).item_double())
                .isZero();
        Tensor dead = Tensors.zeros(ScalarType.Double, 4, 3).set_requires_grad(true);
        Parameters p = new Parameters(List.of(new ParamMeta("x", ParamMeta.Role.OTHER, 1, 1, false, 0)), List.of(dead));
        Tensor loss = SupervisedContrastive.batch(dead, new int[] {0, 0, 1, 1}, 0.07);
        assertThat(Tensors.finite(Autograd.grad(loss, p, false).get(0))).isTrue();
        // an empty queue: nothing to be told apart from
        Tensor logits = SupervisedContrastive.logits(z, z, Tensors.zeros(ScalarType.Double, 0, 3), 0.07);
        assertThat(SupervisedContrastive.queue(logits, SupervisedContrastive.positives(new int[4], new int[0], logits))
                        .item_double())
                .isZero();
        assertThatThrownBy(() -> SupervisedContrastive.batch(z, new int[4], 0)).hasMessageContaining("temperature");
    }

    @Example
    void correctedLengthsWeighClassesAlike() {
        assertThat(DotRegression.lengths(new int[] {0, 0, 0, 1}))
                .containsExactly(
                        new double[] {Math.sqrt(4 / 6.0), Math.sqrt(4 / 6.0), Math.sqrt(4 / 6.0), Math.sqrt(2)},
                        within(1e-12));
        assertThatThrownBy(() -> DotRegression.value(normal(1, 1, 3), normal(2, 2, 3), new int[] {2}))
                .hasMessageContaining("2 prototypes");
    }

    @Example
    void prototypesSpreadWhereASimplexHasNoRoomAndGrowWithoutMovingOldOnes() {
        Tensor random = SupervisedContrastive.unit(normal(5, 12, 4));
        Tensor e = FixedPrototypes.of(12, 4, 400, Rng.of(5));
        assertThat(largest(e)).isLessThan(largest(random) - 0.2).isGreaterThanOrEqualTo(-1.0 / 11);
        assertThat(e.mul(e).sum(1).sub(Tensors.scalar(1)).abs().max().item_double())
                .isLessThan(1e-9);
        Tensor more = FixedPrototypes.grow(e, 2, 200, Rng.of(6));
        assertThat(more.size(0)).isEqualTo(14);
        assertThat(Tensors.bytes(Tensors.slice(more, 0, 12).contiguous())).isEqualTo(Tensors.bytes(e));
        assertThatThrownBy(() -> FixedPrototypes.of(3, 1, 10, Rng.of(1))).hasMessageContaining("2 dimensions");
        assertThatThrownBy(() -> FixedPrototypes.simplex(normal(1, 3, 4))).hasMessageContaining("projection");
    }

    private static double largest(Tensor e) {
        Tensor c = e.matmul(e.t()).fill_diagonal_(Tensors.scalar(-2));
        return c.max().item_double();
    }

    @Property(tries = 40)
    void fewerThanKEntriesMayMove(
            @ForAll @DoubleRange(min = 0, max = 1) double share, @ForAll @IntRange(min = 1, max = 40) int n) {
        SoftMask.Smallest s = SoftMask.smallest(normal(n, n), share);
        assertThat(s.k()).isEqualTo(1 + Math.round(share * (n - 1)));
        assertThat(s.mask().sum().item_double()).isEqualTo(s.k() - 1);
        assertThat(SoftMask.smallest(normal(n, n), 0).mask().sum().item_double())
                .isZero();
        assertThat(SoftMask.smallest(normal(n, n), 1).mask().sum().item_double())
                .isEqualTo(n - 1);
    }

    @Example
    void aSoftMaskShrinksMinorEntriesAndLearnsItsScoresStraightThrough() {
        Site site = Dense.at(
                new ParamMeta("fc", ParamMeta.Role.HIDDEN, 3, 2, true, 0),
                Geometry.linear(2, 3),
                Tensors.of(new double[] {1, -2, 3, -4, 5, -6}, 2, 3));
        SoftMask mask = SoftMask.of(site, 0.4, Rng.of(1));
        double[] w = Tensors.doubles(site.source().toDense());
        double[] minor = Tensors.doubles(SoftMask.smallest(mask.scores(), 0.4).mask());
        double[] seen = Tensors.doubles(mask.materialise(Pass.eval()).detach());
        for (int i = 0; i < 6; i++) {
            if (minor[i] == 0) {
                assertThat(seen[i]).isEqualTo(w[i]);
            } else {
                assertThat(Math.abs(seen[i])).isLessThan(Math.abs(w[i]));
            }
        }
        assertThat(Arrays.stream(minor).sum()).isEqualTo(2);
        var leaf = mask.leaves().get(1);
        Parameters p = new Parameters(List.of(leaf.meta()), List.of(leaf.value()));
        Tensor sum = mask.materialise(Pass.eval()).sum();
        assertThat(Tensors.doubles(Autograd.grad(sum, p, false).get(0))).containsExactly(w, within(1e-12));
        assertThatThrownBy(() -> SoftMask.of(site, 1.5, Rng.of(1))).hasMessageContaining("[0, 1]");
    }
}
