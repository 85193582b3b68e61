package dev.holdfast.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.tensor.NativeLimits;
import org.junit.jupiter.api.Test;

class MachineTest {
    @Test
    void factsAreThere() {
        MachineFacts f = MachineFacts.now();
        assertThat(f.processors()).isPositive();
        assertThat(f.usableBytes()).isPositive().isLessThanOrEqualTo(f.memoryBytes());
        assertThat(f.libtorch()).matches("\\d+\\.\\d+.*");
        assertThat(f.vectors()).isNotBlank();
        assertThat(f.asMap()).hasSize(MachineFacts.class.getRecordComponents().length);
        assertThat(f.waitsPassively()).isEqualTo("PASSIVE".equalsIgnoreCase(System.getenv("OMP_WAIT_POLICY")));
    }

    @Test
    void threadsAreSetAndPutBack() {
        int before = Threads.get();
        try (var few = Threads.during(1)) {
            assertThat(Threads.get()).isEqualTo(1);
            assertThat(MachineFacts.now().threads()).isEqualTo(1);
        }
        assertThat(Threads.get()).isEqualTo(before);
        assertThatThrownBy(() -> Threads.set(0)).hasMessageContaining("0");
        assertThat(Threads.choose(1000)).isEqualTo(1);
        assertThat(Threads.choose(Long.MAX_VALUE))
                .isEqualTo(Runtime.getRuntime().availableProcessors());
    }

    @Test
    void moreMemoryThanThereIsIsRefusedByItsSize() {
        assertThat(NativeLimits.availableBytes()).isPositive();
        NativeLimits.requireRoom("A small thing", 1);
        assertThatThrownBy(() -> NativeLimits.requireRoom("A table", Long.MAX_VALUE))
                .hasMessageContaining("A table needs 9223372036854775807 bytes");
    }
}
