package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.holdfast.app.report.Comparison;
import dev.holdfast.app.report.ReportFiles;
import dev.holdfast.app.terminal.ExitCodes;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What only a process of its own can show: being killed, and being asked to stop. */
class ForkedProcessTest {
    @TempDir
    Path folder;

    private Process start(List<String> before, Object... args) throws Exception {
        List<String> command = new ArrayList<>(before);
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
                "-cp",
                classPath(),
                "dev.holdfast.app.Main"));
        for (Object a : args) {
            command.add(a.toString());
        }
        ProcessBuilder b = new ProcessBuilder(command).redirectErrorStream(true);
        b.redirectOutput(ProcessBuilder.Redirect.appendTo(log().toFile()));
        return b.start();
    }

    private static String classPath() {
        String all = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        return all.contains(File.pathSeparator) ? all : System.getProperty("java.class.path");
    }

    private Path log() {
        return folder.resolve("log.txt");
    }

    /** Name and content of every file of a model. */
    private static Map<String, String> files(Path model) throws Exception {
        Map<String, String> m = new TreeMap<>();
        try (Stream<Path> all = Files.list(model)) {
            for (Path p : all.toList()) {
                m.put(p.getFileName().toString(), java.util.HexFormat.of().formatHex(Files.readAllBytes(p)));
            }
        }
        return m;
    }

    @Test
    void killedAtAnyMomentItGoesOnToTheSameBits() throws Exception {
        Path csv = TinyData.csv(folder.resolve("rows.csv"), 2400, 4, 1);
        Path whole = folder.resolve("whole");
        Path killed = folder.resolve("killed");
        Object[] learn = {"learn", csv, "--label", "kind", "--learner", "er", "--batch-size", "2", "--epochs", "2"};
        List<Object> straight = new ArrayList<>(List.of(learn));
        straight.addAll(List.of("--out", whole));
        assertThat(TinyData.run(straight.toArray()).code()).isZero();

        List<Object> again = new ArrayList<>(List.of(learn));
        again.addAll(List.of("--out", killed, "--checkpoint-every", "0.02", "--resume"));
        RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(7);
        int cutOff = 0;
        for (int i = 0; i < 4; i++) {
            Process p = start(List.of(), again.toArray());
            // at first until there is a checkpoint at all, then somewhere in or between checkpoints
            while (i == 0 && p.isAlive() && !Files.exists(killed.resolve("model.json"))) {
                Thread.sleep(5);
            }
            p.waitFor((i == 0 ? 0 : 900) + random.nextInt(500), TimeUnit.MILLISECONDS);
            cutOff += p.isAlive() ? 1 : 0;
            p.destroyForcibly().waitFor();
        }
        assertThat(cutOff).as(Files.readString(log())).isPositive();
        TinyData.Ran last = TinyData.run(again.toArray());
        assertThat(last.code()).as(last.err()).isZero();
        assertThat(files(killed)).isEqualTo(files(whole));
    }

    /** Starts a process that takes the signal, whatever its parent does with it. */
    private Process startInterruptible(Object... args) throws Exception {
        // a test runner in the background ignores the signal, and its children with it
        Path env = Path.of("/usr/bin/env");
        assumeTrue(
                Files.isExecutable(env)
                        && new ProcessBuilder(env.toString(), "--default-signal=INT", "true")
                                        .redirectErrorStream(true)
                                        .start()
                                        .waitFor()
                                == 0,
                "this system's env cannot reset signals, so none can be sent");
        return start(List.of(env.toString(), "--default-signal=INT"), args);
    }

    /** Sends Ctrl-C once the file is there, and waits for the end. */
    private void interruptOnce(Process p, Path there) throws Exception {
        for (int i = 0; i < 6000 && p.isAlive() && !Files.exists(there); i++) {
            Thread.sleep(10);
        }
        assertThat(new ProcessBuilder("kill", "-INT", Long.toString(p.pid()))
                        .start()
                        .waitFor())
                .isZero();
        assertThat(p.waitFor(60, TimeUnit.SECONDS)).as(Files.readString(log())).isTrue();
        assertThat(p.exitValue()).as(Files.readString(log())).isEqualTo(ExitCodes.CANCELLED);
    }

    @Test
    void askedToStopComparingItKeepsWhatIsFinished() throws Exception {
        Path csv = TinyData.csv(folder.resolve("rows.csv"), 400, 4, 1);
        Path out = folder.resolve("out");
        Process p = startInterruptible(
                "compare",
                csv,
                "--label",
                "kind",
                "--learners",
                "ncm,er,derpp,agem",
                "--set",
                "scenario.epochs=3000",
                "--out",
                out);
        interruptOnce(p, out.resolve("results.json"));
        Comparison c = ReportFiles.read(out.resolve("results.json"));
        assertThat(c.allTrials()).extracting(t -> t.learner()).contains("ncm").doesNotContain("agem");
        assertThat(Files.readString(out.resolve("report.html"))).contains("Which learner holds up");
        assertThat(Files.readString(log())).contains("Stopping after this step", "Report: ");
    }

    @Test
    void askedToStopLearningItKeepsACheckpoint() throws Exception {
        Path csv = TinyData.csv(folder.resolve("rows.csv"), 400, 4, 1);
        Path model = folder.resolve("model");
        Process p = startInterruptible(
                "learn", csv, "--label", "kind", "--learner", "er", "--epochs", "100000", "--out", model);
        interruptOnce(p, model.resolve("model.json"));
        assertThat(TinyData.run("inspect", model).out()).contains("unfinished     cut off after");
        TinyData.Ran refused = TinyData.run("predict", model, csv);
        assertThat(refused.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(refused.err()).contains("--resume");
    }
}
