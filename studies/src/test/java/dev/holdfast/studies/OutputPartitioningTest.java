package dev.holdfast.studies;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import org.junit.jupiter.api.Test;

class OutputPartitioningTest {
    @Test
    void theAdjustedRandIndexIsOneForTheSameGroupsAndAboutZeroForOthers() {
        int[] truth = {0, 0, 0, 1, 1, 1};
        assertThat(OutputPartitioning.adjustedRand(List.of(List.of(3, 4, 5), List.of(0, 1, 2)), truth))
                .isEqualTo(1);
        assertThat(OutputPartitioning.adjustedRand(List.of(List.of(0, 1, 2, 3, 4, 5)), truth))
                .isZero();
        // 2 pairs in common, 7 and 6 pairs of 15
        double chance = 7 * 6 / 15.0;
        assertThat(OutputPartitioning.adjustedRand(List.of(List.of(0, 1, 3, 4), List.of(2, 5)), truth))
                .isCloseTo((2 - chance) / (6.5 - chance), within(1e-12));
    }
}
