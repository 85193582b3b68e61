package dev.holdfast.app.doctor;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.app.TinyData;
import dev.holdfast.run.MachineFacts;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DoctorTest {
    private static final long GIB = 1L << 30;

    private static MachineFacts machine(long memory, long container, long heap, long nativeLimit, String wait) {
        return new MachineFacts(
                "Linux 6 amd64", 2, memory, container, heap, nativeLimit, "17", "2.10.0", "AVX2", 1, wait);
    }

    private static List<String> wrong(MachineFacts m) {
        return Doctor.machine(m, "1").stream()
                .filter(c -> c.level() == Check.Level.WRONG)
                .map(Check::name)
                .toList();
    }

    @Test
    void findsNothingWrongWhereTestsRun() {
        TinyData.Ran r = TinyData.run("doctor");
        assertThat(r.code()).as(r.out()).isZero();
        assertThat(r.out()).contains("loads and adds", "DuckDB", "All is well");
        assertThat(TinyData.run("doctor", "--json").out()).startsWith("[").contains("OMP_WAIT_POLICY");
    }

    @Test
    void findsEachKnownTrouble() {
        assertThat(wrong(machine(8 * GIB, -1, 2 * GIB, 0, "PASSIVE"))).isEmpty();
        assertThat(wrong(machine(8 * GIB, -1, 2 * GIB, 8 * GIB, "PASSIVE"))).containsExactly("memory limit of JavaCPP");
        assertThat(wrong(machine(8 * GIB, -1, 2 * GIB, 0, ""))).containsExactly("OMP_WAIT_POLICY");
        assertThat(wrong(machine(8 * GIB, -1, 2 * GIB, 0, "active"))).containsExactly("OMP_WAIT_POLICY");
        assertThat(wrong(machine(64 * GIB, 4 * GIB, 16 * GIB, 0, "PASSIVE"))).containsExactly("memory");
        Check small = Doctor.machine(machine(64 * GIB, GIB, GIB / 4, 0, "PASSIVE"), "1")
                .get(1);
        assertThat(small.level()).isEqualTo(Check.Level.NOTE);
        assertThat(small.what()).contains("container");
    }

    @Test
    void everyTroubleHasACure() {
        List<Check> checks = new java.util.ArrayList<>(Doctor.machine(machine(GIB, -1, GIB, GIB, ""), null));
        checks.add(Doctor.kernels("Haswell"));
        checks.add(Doctor.java(11));
        checks.add(Doctor.system("Linux", "amd64", "musl libc (x86_64)"));
        checks.add(Doctor.data("/no/such/folder"));
        checks.add(Doctor.disk("working folder", Path.of(""), Long.MAX_VALUE));
        checks.add(Doctor.cache(Path.of("/no/such/folder")));
        assertThat(checks).allSatisfy(c -> assertThat(c.cure().isEmpty()).isEqualTo(c.level() == Check.Level.FINE));
        assertThat(checks).filteredOn(c -> c.level() != Check.Level.FINE).hasSize(10);
    }

    @Test
    void looksAtTheCacheFolder(@TempDir Path folder) throws Exception {
        assertThat(Doctor.cache(folder).level()).isEqualTo(Check.Level.FINE);
        Path file = Files.writeString(folder.resolve("file"), "");
        assertThat(Doctor.cache(file).level()).isEqualTo(Check.Level.WRONG);
    }
}
