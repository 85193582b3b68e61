package com.example.lookback;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The program finds the learner in a jar of its own, beside Holdfast on the class path. */
class SeparateJarTest {
    private static final Path CLASSES = Path.of("target/classes").toAbsolutePath();

    @TempDir
    Path folder;

    @Test
    void theRegistryFindsIt() throws Exception {
        String holdfast = holdfastAlone();
        assertThat(run(holdfast, "learners")).doesNotContain("look-back").contains("derpp");

        String with = holdfast + File.pathSeparator + jar();
        assertThat(run(with, "learners"))
                .contains("look-back")
                .contains("learns every batch together with stored rows");
        assertThat(run(
                        with,
                        "compare",
                        "sample",
                        "--budget",
                        "smoke",
                        "--learners",
                        "look-back",
                        "--set",
                        "look-back.drawn=8",
                        "--out",
                        folder.resolve("out").toString()))
                .containsPattern("look-back +learner +\\d");
    }

    /** The code in the guide is this module's. */
    @Test
    void theGuideShowsThisCode() throws Exception {
        String guide = Files.readString(Path.of("../docs/writing-a-learner.md"));
        String source = Files.readString(Path.of("src/main/java/com/example/lookback/LookBack.java"));
        String test = Files.readString(Path.of("src/test/java/com/example/lookback/LookBackTest.java"));
        String code = source.substring(source.indexOf("/** Plain training"));
        assertThat(guide).contains("```java\n" + code + "```");
        assertThat(guide).contains("```java\n" + test.substring(test.indexOf("class LookBackTest")) + "```");
        assertThat(guide)
                .contains("`"
                        + Files.readString(Path.of(
                                        "src/main/resources/META-INF/services/dev.holdfast.registry.LearnerPlugin"))
                                .strip()
                        + "`");
    }

    /** The class path of this test without this module. */
    private static String holdfastAlone() {
        String all = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        return String.join(
                File.pathSeparator,
                Arrays.stream(all.split(File.pathSeparator))
                        .filter(p -> !Path.of(p).startsWith(CLASSES.getParent()))
                        .toList());
    }

    private Path jar() throws Exception {
        Path jar = folder.resolve("look-back.jar");
        try (OutputStream out = Files.newOutputStream(jar);
                JarOutputStream zip = new JarOutputStream(out);
                Stream<Path> files = Files.walk(CLASSES)) {
            for (Path p : files.filter(Files::isRegularFile).toList()) {
                zip.putNextEntry(new JarEntry(CLASSES.relativize(p).toString().replace(File.separatorChar, '/')));
                Files.copy(p, zip);
                zip.closeEntry();
            }
        }
        return jar;
    }

    private String run(String classPath, String... args) throws Exception {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-Dorg.bytedeco.javacpp.maxPhysicalBytes=0",
                "-cp",
                classPath,
                "dev.holdfast.app.Main"));
        command.addAll(List.of(args));
        Path log = folder.resolve("log.txt");
        Process p = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        assertThat(p.waitFor(5, TimeUnit.MINUTES)).as("ended").isTrue();
        String said = Files.readString(log);
        assertThat(p.exitValue()).as(said).isZero();
        return said;
    }
}
