package dev.holdfast.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class RecordsTest {
    private record Options(int rows, double rate, List<String> names) {
        Options {
            if (rows < 1) {
                throw new IllegalArgumentException("rows must be >= 1 but is " + rows + ".");
            }
        }
    }

    private static final Options BASE = new Options(1, 0.5, List.of("a"));

    @Test
    void changesOneComponentAndKeepsTheOthers() {
        assertThat(Records.with(BASE, "rate", 0.25)).isEqualTo(new Options(1, 0.25, List.of("a")));
        assertThat(Records.with(BASE, "names", List.of())).isEqualTo(new Options(1, 0.5, List.of()));
        assertThat(BASE.rate()).isEqualTo(0.5);
    }

    @Test
    void theRecordStillChecksItself() {
        assertThatThrownBy(() -> Records.with(BASE, "rows", 0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("rows must be >= 1 but is 0.");
    }

    @Test
    void anUnknownComponentIsNamed() {
        assertThatThrownBy(() -> Records.with(BASE, "row", 2))
                .hasMessageContaining("no component 'row'")
                .hasMessageContaining("[rows, rate, names]");
    }
}
