package dev.holdfast.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Memory of training, measured in processes of their own. */
class FlatMemoryTest {
    @Test
    void aSmallHeapIsEnoughWithoutTheLimitOnResidentMemory() throws Exception {
        List<String> out = run(List.of("-Xmx64m", "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0"), "256", "500");
        assertThat(Long.parseLong(out.get(0)))
                .as("more is resident than the heap may hold")
                .isGreaterThan(64L << 20);
    }

    @Test
    void theLimitOnResidentMemoryIsWhatASmallHeapDiesOf() {
        // the library alone is larger than this limit
        assertThatThrownBy(() -> run(List.of("-Xmx64m", "-Dorg.bytedeco.javacpp.maxPhysicalBytes=64m"), "256", "500"))
                .hasMessageContaining("OutOfMemoryError");
    }

    @Test
    @Tag("slow")
    void aMillionStepsTakeNoMoreMemoryThanTenThousand() throws Exception {
        // a heap of fixed size, touched at the start, and no optimising compiler, whose own memory comes and goes: only
        // native memory is left to grow
        List<String> out = run(
                List.of(
                        "-Xms64m",
                        "-Xmx64m",
                        "-XX:+AlwaysPreTouch",
                        "-XX:TieredStopAtLevel=1",
                        "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0"),
                "16",
                "10000",
                "100000",
                "1000000");
        double early = Long.parseLong(out.get(0));
        double late = Long.parseLong(out.get(2));
        assertThat(late / early).as("resident bytes " + out).isBetween(0.98, 1.02);
    }

    private static List<String> run(List<String> options, String... args) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), SmallSteps.class.getName()));
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("OMP_WAIT_POLICY", "PASSIVE");
        Process process = builder.start();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IllegalStateException(text);
        }
        return text.lines().filter(l -> l.matches("\\d+")).toList();
    }
}
