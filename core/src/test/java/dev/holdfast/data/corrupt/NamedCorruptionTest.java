package dev.holdfast.data.corrupt;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class NamedCorruptionTest {
    private final MemoryDataset data = Clouds.of(4, 10, 3, 1, "train");

    @ParameterizedTest
    @CsvSource({"sym:0.4, SYM, 0.4", "PAIRS:0.25, PAIRS, 0.25", "blur, BLUR, 0", "' gauss : 0.1', GAUSS, 0.1"})
    void readsKindAndAmount(String text, NamedCorruption.Kind kind, double amount) {
        assertThat(NamedCorruption.parse(text)).isEqualTo(new NamedCorruption(kind, amount));
    }

    @ParameterizedTest
    @EnumSource(NamedCorruption.Kind.class)
    void isReadAsItIsWritten(NamedCorruption.Kind kind) {
        NamedCorruption c = new NamedCorruption(
                kind, kind.amount() == null ? 0 : kind == NamedCorruption.Kind.LONG_TAIL ? 50 : 0.5);
        assertThat(NamedCorruption.parse(c.toString())).isEqualTo(c);
    }

    @Test
    void saysWhatIsWrongWithAText() {
        assertThatThrownBy(() -> NamedCorruption.parse("symm:0.4"))
                .hasMessageContainingAll("symm", "sym", "pairs", "blur");
        assertThatThrownBy(() -> NamedCorruption.parse("sym")).hasMessageContainingAll("needs an amount", "sym:0.2");
        assertThatThrownBy(() -> NamedCorruption.parse("sym:lots")).hasMessageContainingAll("sym:lots", "no number");
        assertThatThrownBy(() -> NamedCorruption.parse("sym:1.5")).hasMessageContainingAll("[0, 1]", "1.5");
        assertThatThrownBy(() -> NamedCorruption.parse("blur:2")).hasMessageContainingAll("blur", "no amount");
        assertThatThrownBy(() -> NamedCorruption.parse("gauss:NaN")).hasMessageContainingAll("gauss", "finite");
    }

    /** The same rows are spoilt as by the corruption itself, and the same again by the same seed. */
    @Test
    void spoilsByItsSeed() {
        NamedCorruption c = NamedCorruption.parse("sym-other:0.5");
        var spoilt = c.apply(data, 7);
        NoiseTruth truth = (NoiseTruth) spoilt.truth();
        assertThat(truth.errorRate()).isEqualTo(0.5);
        assertThat(spoilt.data().classIds()).isEqualTo(truth.given());
        assertThat(c.apply(data, 7).data().classIds()).isEqualTo(truth.given());
        assertThat(c.apply(data, 8).data().classIds()).isNotEqualTo(truth.given());
        assertThat(spoilt.data().classIds())
                .isEqualTo(LabelNoise.symmetricOther(0.5)
                        .apply(data, Rng.of(7).child("corruption-sym-other"))
                        .data()
                        .classIds());
    }

    @Test
    void shiftsRowsToBeTestedOn() {
        NamedCorruption c = NamedCorruption.parse("contrast:0.5");
        assertThat(c.kind().side()).isEqualTo(NamedCorruption.Side.TEST);
        double[] before = Tensors.doubles(data.rows(0, 1).inputs().x());
        double[] after =
                Tensors.doubles(c.apply(data, 1).data().rows(0, 1).inputs().x());
        for (int i = 0; i < before.length; i++) {
            assertThat(after[i]).isEqualTo((float) (before[i] / 2));
        }
    }
}
