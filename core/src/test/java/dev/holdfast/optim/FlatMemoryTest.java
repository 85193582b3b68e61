package dev.holdfast.optim;

import static org.assertj.core.api.Assertions.assertThat;

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
        // 500 steps of a network whose weights, moments and gradients take more than the heap
        List<String> out = run(List.of("-Xmx64m"), "2048", "500");
        assertThat(Long.parseLong(out.get(0))).isGreaterThan(64L << 20);
    }

    @Test
    @Tag("slow")
    void aMillionStepsTakeNoMoreMemoryThanTenThousand() throws Exception {
        // a heap of fixed size, touched at the start, leaves only native memory to grow
        List<String> out =
                run(List.of("-Xms64m", "-Xmx64m", "-XX:+AlwaysPreTouch"), "16", "10000", "100000", "1000000");
        double early = Long.parseLong(out.get(0));
        double late = Long.parseLong(out.get(2));
        assertThat(late / early).as("resident bytes " + out).isBetween(0.98, 1.02);
    }

    private static List<String> run(List<String> options, String... args) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.add("-Dorg.bytedeco.javacpp.maxPhysicalBytes=0");
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), SmallSteps.class.getName()));
        command.addAll(List.of(args));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("OMP_WAIT_POLICY", "PASSIVE");
        Process process = builder.start();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(text).isZero();
        return text.lines().filter(l -> l.matches("\\d+")).toList();
    }
}
