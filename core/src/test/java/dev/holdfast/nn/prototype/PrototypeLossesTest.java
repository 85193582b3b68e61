package dev.holdfast.nn.prototype;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.prototype.GlvqLoss;
import dev.holdfast.loss.prototype.MarginLoss;
import dev.holdfast.loss.prototype.RobustRadius;
import dev.holdfast.loss.prototype.ViewLosses;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class PrototypeLossesTest {
    private Scope scope;

    @BeforeEach
    void open() {
        scope = Scope.open();
    }

    @AfterEach
    void close() {
        scope.close();
    }

    private static LossInput input(Tensor scores, Map<String, Tensor> side, long... y) {
        return new LossInput(
                scores,
                Target.ClassIds.of(y),
                Rows.of(new long[y.length]),
                ClassIndex.numbered((int) scores.size(1)),
                side,
                true);
    }

    @Test
    void theMarginCountsFromTheBestOtherClass() {
        Tensor scores = Tensors.of(new double[][] {{0.9, 0.5, 0.1}, {0.4, 0.5, 0.45}});
        double[] l = Tensors.doubles(
                new MarginLoss(0.3).value(input(scores, Map.of(), 0, 1)).perSample());
        assertThat(l[0]).isZero();
        assertThat(l[1]).isCloseTo(0.25, within(1e-12));
        Tensor alone = Tensors.of(new double[][] {{0.9}});
        assertThat(new MarginLoss(0.3)
                        .value(input(alone, Map.of(), 0))
                        .perSample()
                        .item_double())
                .isZero();
    }

    @Test
    void theRelativeDistanceIsNegativeWhereTheOwnPrototypeIsNearer() {
        Tensor scores = Tensors.of(new double[][] {{-1, -3}, {-3, -1}});
        double[] l = Tensors.doubles(
                new GlvqLoss().value(input(scores, Map.of(), 0, 0)).perSample());
        assertThat(l[0]).isCloseTo(-0.5, within(1e-7));
        assertThat(l[1]).isCloseTo(0.5, within(1e-7));
        assertThat(new GlvqLoss()
                        .perSample(Tensors.of(new double[][] {{-2}}), 0)
                        .item_double())
                .isZero();
    }

    @Test
    void theRadiusLossNeedsDetectionsAndStopsAtItsTarget() {
        Tensor d = Tensors.of(new double[][] {{0.8, 0.2}});
        Reasoning tables = Reasoning.of(new double[][] {{1, 0}, {0, 1}}, new double[2][2], 0, 1);
        var detected = new ComponentNet.Detected(d, Tensors.scalarLike(d, 1), null, 1);
        Map<String, Tensor> side = RobustRadius.side(detected, tables);
        double radius = 0.5 * Math.log(4);
        assertThat(new RobustRadius(1).value(input(d, side, 0)).perSample().item_double())
                .isCloseTo(1 - radius, within(1e-12));
        assertThat(new RobustRadius(0.5).value(input(d, side, 0)).perSample().item_double())
                .isZero();
        assertThat(new RobustRadius(0).value(input(d, side, 1)).perSample().item_double())
                .isCloseTo(radius, within(1e-12));
        assertThatThrownBy(() -> new RobustRadius(1).value(input(d, Map.of(), 0)))
                .hasMessageContaining("needs 'detections'");
        assertThatThrownBy(() -> new RobustRadius(-1)).hasMessageContaining("target radius");
        assertThatThrownBy(() -> new MarginLoss(0)).hasMessageContaining("margin");
    }

    @Test
    void viewsThatAgreeOnOneComponentAtEveryPlaceCostNothing() {
        Tensor maps = Tensors.zeros(ScalarType.Double, 1, 3, 2, 2);
        maps.select(1, 1).fill_(Tensors.scalar(60));
        assertThat(ViewLosses.align(maps, maps).item_double()).isCloseTo(0, within(1e-9));
        Tensor everywhere = Tensors.zeros(ScalarType.Double, 40, 3).fill_(Tensors.scalar(1));
        assertThat(ViewLosses.occurs(everywhere, everywhere).item_double()).isCloseTo(0, within(1e-7));
        assertThatThrownBy(() -> ViewLosses.align(maps, everywhere)).hasMessageContaining("equal shapes");
    }
}
