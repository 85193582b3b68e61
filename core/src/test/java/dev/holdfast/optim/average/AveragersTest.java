package dev.holdfast.optim.average;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.schedule.SigmoidRamp;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class AveragersTest {
    private static Parameters leaf(String name, double... v) {
        return new Parameters(
                List.of(new ParamMeta(name, ParamMeta.Role.OTHER, 1, 1, true, 0)), List.of(Tensors.of(v, v.length)));
    }

    private static double[] now(ExponentialAverage a) {
        return Tensors.doubles(a.average().get(0));
    }

    /** With the cap out of reach, share k/(k+1)... begins at 1/2: the mean of the start and all values so far. */
    @Test
    void cappedIsAPlainMeanAtFirst() {
        ExponentialAverage a = Averagers.capped(leaf("w", 6), 0.999);
        a.update(leaf("w", 2), null);
        assertThat(now(a)).containsExactly(new double[] {4}, within(1e-12));
        a.update(leaf("w", 1), null);
        assertThat(now(a)).containsExactly(new double[] {3}, within(1e-12));
        a.update(leaf("w", 7), null);
        assertThat(now(a)).containsExactly(new double[] {4}, within(1e-12));
    }

    @Test
    void thenItIsExponential() {
        ExponentialAverage a = Averagers.capped(leaf("w", 0), 0.6);
        double expected = 0;
        for (int k = 0; k < 10; k++) {
            double share = Math.min(1 - 1.0 / (k + 2), 0.6);
            assertThat(a.nextShare()).isEqualTo(share);
            expected = share * expected + (1 - share) * k;
            a.update(leaf("w", k), null);
            assertThat(now(a)[0]).isCloseTo(expected, within(1e-12));
        }
    }

    @Test
    void shareZeroFollowsTheLeavesToTheBit() {
        for (ExponentialAverage a : List.of(Averagers.capped(leaf("w", 9), 0), Averagers.ramped(leaf("w", 9), 0, 10))) {
            a.update(leaf("w", 0.1), null);
            assertThat(now(a)).containsExactly(0.1);
        }
    }

    @Test
    void rampedBeginsWithoutMemory() {
        ExponentialAverage a = Averagers.ramped(leaf("w", 0), 0.997, 40000);
        assertThat(a.nextShare())
                .isCloseTo(0.997 * new SigmoidRamp(40000).at(2), within(1e-15))
                .isLessThan(0.007);
    }

    @Test
    void theNumberOfUpdatesIsItsState() {
        ExponentialAverage a = Averagers.capped(leaf("w", 0), 0.9);
        a.update(leaf("w", 1), null);
        ExponentialAverage b = Averagers.capped(leaf("w", now(a)), 0.9);
        b.load(a.state());
        assertThat(b.updates()).isEqualTo(1);
        assertThat(b.nextShare()).isEqualTo(a.nextShare());
        assertThatThrownBy(() -> b.load(new State().put("updates", -1))).hasMessageContaining("-1");
    }

    @Test
    void otherLeavesAndSharesAreRefused() {
        ExponentialAverage a = Averagers.capped(leaf("w", 1), 0.9);
        assertThatThrownBy(() -> a.update(leaf("v", 1), null)).hasMessageContaining("another name");
        assertThatThrownBy(() -> a.update(leaf("w", 1, 2), null)).hasMessageContaining("'w'");
        assertThat(a.updates()).isZero();
        a.rebind(leaf("w", 1, 2));
        a.update(leaf("w", 3, 4), null);
        assertThat(now(a)).containsExactly(2, 3);
        assertThatThrownBy(() -> Averagers.capped(leaf("w", 1), 1)).hasMessageContaining("[0, 1)");
        ExponentialAverage odd = new ExponentialAverage(leaf("w", 1), new Constant(1.5));
        assertThatThrownBy(() -> odd.update(leaf("w", 1), null)).hasMessageContaining("1.5");
        assertThatThrownBy(() -> new SigmoidRamp(-1)).hasMessageContaining("-1");
    }
}
