package dev.holdfast.loss.stable;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.Test;

class ZLossTest {
    private static LossInput input(Tensor scores) {
        return new LossInput(scores, Target.ClassIds.of(1, 0), Rows.of(7, 8), ClassIndex.numbered(4));
    }

    @Test
    void itIsCrossEntropyPlusTheSquareOfLogZ() {
        try (Scope s = Scope.open()) {
            Tensor z = Rng.of(1).normal(ScalarType.Double, 2, 4);
            LossInput in = input(z);
            Tensor ce = new CrossEntropy().value(in).perSample();
            LossValue v = new ZLoss(0.1, 0).value(in);
            Tensor expected = ce.add(z.exp().sum(1).log().square(), Tensors.scalar(0.1));
            assertThat(v.perSample().sub(expected).abs().max().item_double()).isLessThan(1e-12);
            assertThat(v.parts()).extracting(t -> t.name()).containsExactly("cross-entropy", "z");
            assertThat(new ZLoss(0, 0.2).value(in).total(null).item_double())
                    .isEqualTo(new CrossEntropy(0.2, LossValue.Reduction.MEAN)
                            .value(in)
                            .total(null)
                            .item_double());
        }
    }

    /** Columns that take no part are not in Z. */
    @Test
    void onlyColumnsThatTakePartCount() {
        try (Scope s = Scope.open()) {
            Tensor z = Rng.of(1).normal(ScalarType.Double, 2, 4);
            boolean[] among = {true, true, false, false};
            LossInput some = new LossInput(
                    z, Target.ClassIds.of(1, 0), Rows.of(7, 8), ClassIndex.numbered(4), Map.of(), true, among);
            LossInput two = new LossInput(
                    Tensors.slice(z, 1, 0, 2), Target.ClassIds.of(1, 0), Rows.of(7, 8), ClassIndex.numbered(2));
            assertThat(new ZLoss(0.1, 0).value(some).total(null).item_double())
                    .isCloseTo(new ZLoss(0.1, 0).value(two).total(null).item_double(), within(1e-12));
        }
    }

    @Test
    void itIsReachedByNameAndChecksItsNumbers() {
        LossConfig c = LossConfig.all().get("z-loss");
        assertThat(c).isEqualTo(new ZLoss.Config(1e-4, 0));
        assertThat(c.build(Schema.vectors(1, ClassIndex.numbered(3)))).isEqualTo(new ZLoss(1e-4, 0));
        assertThatThrownBy(() -> new ZLoss.Config(-1, 0)).hasMessageContaining("finite and >= 0 but is -1.0");
        assertThatThrownBy(() -> new ZLoss.Config(Double.NaN, 0)).hasMessageContaining("NaN");
        assertThatThrownBy(() -> new ZLoss.Config(0, 1)).hasMessageContaining("smoothing");
    }
}
