package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;

/** Compares examples that tests run with those that documents show. */
final class Guides {
    private static final Pattern JAVA = Pattern.compile("```java\\n(.*?)```", Pattern.DOTALL);
    private static final String BEGIN = "// guide\n";
    private static final String END = "        // end of guide";

    private Guides() {}

    /** What stands in the source of {@code test} between {@code // guide} and {@code // end of guide} is on the page, word by word. */
    static void shows(String page, Class<?> test) throws IOException {
        String source = Files.readString(Path.of("src/test/java/dev/holdfast/app", test.getSimpleName() + ".java"));
        String code = source.substring(source.indexOf(BEGIN) + BEGIN.length(), source.lastIndexOf(END));
        List<String> shown = JAVA.matcher(Files.readString(Path.of("..", page)))
                .results()
                .map(m -> m.group(1).strip())
                .toList();
        assertThat(shown)
                .as("examples of " + page)
                .contains(code.stripTrailing().stripIndent().strip());
    }
}
