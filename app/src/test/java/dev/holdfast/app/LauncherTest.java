package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The launcher in a small checkout, with a Maven and a Java that only note how they were called. */
class LauncherTest {
    @TempDir
    Path folder;

    private Path home;
    private Path bin;
    private final Map<String, String> extra = new HashMap<>();

    @BeforeEach
    void checkout() throws Exception {
        assumeTrue(Files.isExecutable(Path.of("/usr/bin/env")) && Files.isExecutable(Path.of("/bin/bash")), "no bash");
        home = Files.createDirectories(folder.resolve("check out"));
        bin = Files.createDirectories(folder.resolve("bin"));
        Files.copy(Path.of("..", "holdfast"), home.resolve("holdfast"));
        home.resolve("holdfast").toFile().setExecutable(true);
        Files.writeString(home.resolve("pom.xml"), "<project/>");
        for (String m : List.of("core", "continual", "studies", "app")) {
            Files.createDirectories(home.resolve(m).resolve("src/main/java"));
            Files.writeString(home.resolve(m).resolve("pom.xml"), "<project/>");
            Files.writeString(home.resolve(m).resolve("src/main/java/A.java"), "class A {}");
        }
        script(
                "mvn",
                "echo \"mvn $*\" >> \"$CALLS\"",
                "mkdir -p app/target; echo /lib/a.jar > app/target/classpath.txt");
        script("java", "echo \"java $* wait=$OMP_WAIT_POLICY\" >> \"$CALLS\"");
        // sources are older than any build
        ages(-100);
    }

    private void script(String name, String... lines) throws Exception {
        Path p = Files.writeString(bin.resolve(name), "#!/bin/bash\n" + String.join("\n", lines) + "\n");
        p.toFile().setExecutable(true);
    }

    private void ages(long seconds) throws Exception {
        FileTime t = FileTime.from(Instant.now().plusSeconds(seconds));
        try (var all = Files.walk(home)) {
            for (Path p : all.toList()) {
                Files.setLastModifiedTime(p, t);
            }
        }
    }

    private List<String> call(Path launcher, String... args) throws Exception {
        Path calls = folder.resolve("calls.txt");
        Files.deleteIfExists(calls);
        List<String> command = new java.util.ArrayList<>(List.of(launcher.toString()));
        command.addAll(List.of(args));
        ProcessBuilder b = new ProcessBuilder(command)
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("out.txt").toFile());
        Map<String, String> env = b.environment();
        env.remove("JAVA_HOME");
        env.remove("OMP_WAIT_POLICY");
        env.put("PATH", bin + ":/usr/bin:/bin");
        env.remove("HOLDFAST_PLUGINS");
        env.putAll(extra);
        env.put("CALLS", calls.toString());
        assertThat(b.start().waitFor())
                .as(Files.readString(folder.resolve("out.txt")))
                .isZero();
        return Files.readAllLines(calls);
    }

    @Test
    void jarsOfYourOwnComeLastOnTheClassPath() throws Exception {
        extra.put("HOLDFAST_PLUGINS", "/mine/a.jar:/mine/b.jar");
        List<String> calls = call(home.resolve("holdfast"), "learners");
        assertThat(calls.get(calls.size() - 1))
                .contains("target/classes:/lib/a.jar:/mine/a.jar:/mine/b.jar dev.holdfast");
    }

    @Test
    void buildsWhenNeededAndOnlyThen() throws Exception {
        Path launcher = home.resolve("holdfast");
        List<String> first = call(launcher, "compare", "a b");
        assertThat(first).hasSize(2);
        assertThat(first.get(0)).contains("clean package");
        assertThat(first.get(1))
                .contains("dev.holdfast.app.Main compare a b")
                .contains(home + "/app/target/classes:/lib/a.jar")
                .contains("maxPhysicalBytes=0")
                .contains("-Dholdfast.terminal=false")
                .endsWith("wait=PASSIVE");

        Path link = Files.createSymbolicLink(folder.resolve("hf"), launcher);
        assertThat(call(link, "data")).hasSize(1);

        Path source = home.resolve("core/src/main/java/A.java");
        Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusSeconds(2)));
        assertThat(call(link, "data").get(0)).contains("package").doesNotContain("clean");

        ages(-100);
        Files.setLastModifiedTime(home.resolve("app/target/classpath.txt"), FileTime.from(Instant.now()));
        assertThat(call(link, "data")).hasSize(1);
        Files.delete(source);
        assertThat(call(link, "data").get(0)).contains("clean package");
    }

    @Test
    void saysWhatIsMissing() throws Exception {
        Files.delete(bin.resolve("java"));
        ProcessBuilder b = new ProcessBuilder(home.resolve("holdfast").toString()).redirectErrorStream(true);
        b.environment().put("JAVA_HOME", folder.resolve("nowhere").toString());
        Process p = b.start();
        String said = new String(p.getInputStream().readAllBytes());
        assertThat(p.waitFor()).isEqualTo(2);
        assertThat(said).contains("needs a JDK").contains("JAVA_HOME");
    }
}
