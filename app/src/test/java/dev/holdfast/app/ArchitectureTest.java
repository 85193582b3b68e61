package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The house keeps its shape: packages depend on each other without circles, and rooms stay small enough to know. */
class ArchitectureTest {
    private static final Pattern PACKAGE = Pattern.compile("^package (dev\\.holdfast[\\w.]*);", Pattern.MULTILINE);
    private static final Pattern USE = Pattern.compile("\\b(dev\\.holdfast(?:\\.[a-z]\\w*)+)\\.[A-Z]");
    private static final int ROOM = 18;

    @Test
    void packagesDependOnEachOtherWithoutCircles() throws IOException {
        Map<String, Set<String>> uses = new TreeMap<>();
        for (Path file : sources()) {
            String text = Files.readString(file);
            Matcher own = PACKAGE.matcher(text);
            assertThat(own.find()).as("%s has a package", file).isTrue();
            Set<String> of = uses.computeIfAbsent(own.group(1), p -> new TreeSet<>());
            USE.matcher(text).results().map(m -> m.group(1)).forEach(of::add);
            of.remove(own.group(1));
        }
        assertThat(uses).hasSizeGreaterThan(20);
        List<String> placed = new ArrayList<>();
        while (placed.size() < uses.size()) {
            List<String> ready = uses.entrySet().stream()
                    .filter(e -> !placed.contains(e.getKey()))
                    .filter(e -> e.getValue().stream().allMatch(u -> placed.contains(u) || !uses.containsKey(u)))
                    .map(Map.Entry::getKey)
                    .toList();
            Map<String, Set<String>> left = new TreeMap<>(uses);
            placed.forEach(left::remove);
            assertThat(ready).as("packages in a circle, or above one: %s", left).isNotEmpty();
            placed.addAll(ready);
        }
    }

    @Test
    void roomsStaySmall() throws IOException {
        Map<Path, Long> files = new TreeMap<>();
        for (Path file : sources()) {
            files.merge(file.getParent(), 1L, Long::sum);
        }
        assertThat(files)
                .allSatisfy((room, n) -> assertThat(n).as("files in %s", room).isLessThanOrEqualTo(ROOM));
    }

    private static List<Path> sources() throws IOException {
        Path root = Path.of("..");
        List<Path> all = new ArrayList<>();
        for (String module : List.of("core", "continual", "tck", "studies", "app")) {
            Path main = root.resolve(module).resolve("src/main/java");
            if (Files.isDirectory(main)) {
                try (Stream<Path> files = Files.walk(main)) {
                    files.filter(f -> f.toString().endsWith(".java")).forEach(all::add);
                }
            }
        }
        return all;
    }
}
