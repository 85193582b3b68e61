package dev.holdfast.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.schedule.Cosine;
import dev.holdfast.optim.schedule.Steps;
import dev.holdfast.optim.schedule.WarmUp;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class SchedulesTest {
    @Test
    void stepsMultiplyAtTheirMilestones() {
        Steps s = new Steps(List.of(3L, 5L), 0.1);
        assertThat(List.of(s.at(0), s.at(2), s.at(3), s.at(4), s.at(5), s.at(100)))
                .usingElementComparator((a, b) -> Math.abs(a - b) < 1e-15 ? 0 : 1)
                .containsExactly(1.0, 1.0, 0.1, 0.1, 0.01, 0.01);
        assertThatThrownBy(() -> new Steps(List.of(3L, 3L), 0.1)).hasMessageContaining("ascend");
    }

    @Test
    void cosineGoesFromOneToItsFloorAndStays() {
        Cosine c = new Cosine(10, 0.2, 0);
        assertThat(c.at(0)).isEqualTo(1);
        assertThat(c.at(5)).isCloseTo(0.6, within(1e-15));
        assertThat(c.at(10)).isCloseTo(0.2, within(1e-15));
        assertThat(c.at(1000)).isCloseTo(0.2, within(1e-15));
    }

    @Test
    void cosineRestartsWithGrowingCycles() {
        Cosine c = new Cosine(2, 0, 2);
        // cycles of 2, 4, 8 updates
        assertThat(c.at(0)).isEqualTo(1);
        assertThat(c.at(1)).isCloseTo(0.5, within(1e-15));
        assertThat(c.at(2)).isEqualTo(1);
        assertThat(c.at(4)).isCloseTo(0.5, within(1e-15));
        assertThat(c.at(6)).isEqualTo(1);
        assertThat(c.at(10)).isCloseTo(0.5, within(1e-15));
        assertThat(new Cosine(3, 0, 1).at(3_000_000_001L)).isEqualTo(new Cosine(3, 0, 1).at(1));
    }

    @Test
    void warmUpClimbsAndHandsOver() {
        WarmUp w = new WarmUp(4, 0.2, new Steps(List.of(2L), 0.5));
        assertThat(w.at(0)).isEqualTo(0.2);
        assertThat(w.at(2)).isCloseTo(0.6, within(1e-15));
        assertThat(w.at(4)).isEqualTo(1);
        assertThat(w.at(6)).isEqualTo(0.5);
        assertThat(w.phase(1)).isEqualTo("warm-up");
        assertThat(new WarmUp(0, 0, Constant.ONE).at(0)).isEqualTo(1);
    }

    @Property
    void factorsStayBetweenFloorAndOne(@ForAll @IntRange(min = 0, max = 100_000) int step) {
        assertThat(new WarmUp(100, 0.1, new Cosine(777, 0.05, 3)).at(step)).isBetween(0.05, 1.0);
    }

    @Test
    void nonsenseIsRefused() {
        assertThatThrownBy(() -> new Cosine(0)).hasMessageContaining("period");
        assertThatThrownBy(() -> new Constant(Double.NaN)).hasMessageContaining("NaN");
        assertThatThrownBy(() -> new WarmUp(-1, 0, Constant.ONE)).hasMessageContaining("-1");
    }
}
