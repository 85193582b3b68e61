package dev.holdfast.evaluate.metric;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class MemorisationTest {
    @Test
    void sharesAreThoseOfTheMislabelledRows() {
        Memorisation m = Memorisation.of(
                new int[] {1, 0, 2, 2, 0, 1}, new long[] {1, 1, 2, 0, 0, 2}, new long[] {1, 0, 1, 1, 2, 2});
        // rows 1 to 4 are mislabelled: seen through, memorised, neither, memorised
        assertThat(m).isEqualTo(new Memorisation(4, 0.5, 0.25));
    }

    @Test
    void withoutWrongLabelsThereIsNoShare() {
        Memorisation m = Memorisation.of(new int[] {1}, new long[] {1}, new long[] {1});
        assertThat(m.mislabelled()).isZero();
        assertThat(m.memorised()).isNaN();
        assertThat(m.corrected()).isNaN();
    }

    @Test
    void unequalNumbersAreRefused() {
        assertThatThrownBy(() -> Memorisation.of(new int[1], new long[2], new long[2]))
                .hasMessageContaining("1 predictions");
    }
}
