package dev.holdfast.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The public signatures of all {@link Frozen} types are those on record. After a change that was meant, the record is
 * written anew by {@code mvn test -pl core -Dtest=FrozenContractsTest -Dcontracts.write=true}, and the change log says
 * what changed and why.
 */
class FrozenContractsTest {
    private static final Path RECORD = Path.of("src", "test", "resources", "contracts.txt");

    @Test
    void theSignaturesOfFrozenContractsAreThoseOnRecord() throws Exception {
        List<String> now = new ArrayList<>();
        for (Class<?> c : frozen()) {
            now.add(heading(c));
            new TreeSet<>(signatures(c)).forEach(s -> now.add("  " + s));
        }
        assertThat(now).as("there are frozen contracts").hasSizeGreaterThan(200);
        if (Boolean.getBoolean("contracts.write")) {
            Files.write(RECORD, now);
        }
        List<String> recorded = Files.readAllLines(RECORD);
        assertThat(without(recorded, now))
                .as("gone from a frozen contract; if that was meant, see the comment of this test")
                .isEmpty();
        assertThat(without(now, recorded))
                .as("new in a frozen contract; if that was meant, see the comment of this test")
                .isEmpty();
        assertThat(now).isEqualTo(recorded);
    }

    private static List<String> without(List<String> lines, List<String> others) {
        return lines.stream().filter(l -> !others.contains(l)).toList();
    }

    @Test
    void contractsStandWhereOthersCanReachThem() throws Exception {
        assertThat(frozen()).allSatisfy(c -> assertThat(Modifier.isPublic(c.getModifiers()))
                .as(c.getName())
                .isTrue());
        // one from each package that the house is built on
        List<String> packages =
                frozen().stream().map(Class::getPackageName).distinct().toList();
        assertThat(packages)
                .contains(
                        "dev.holdfast.tensor",
                        "dev.holdfast.run",
                        "dev.holdfast.data",
                        "dev.holdfast.nn",
                        "dev.holdfast.loss",
                        "dev.holdfast.optim",
                        "dev.holdfast.objective",
                        "dev.holdfast.memory",
                        "dev.holdfast.penalty",
                        "dev.holdfast.scenario",
                        "dev.holdfast.learner",
                        "dev.holdfast.evaluate",
                        "dev.holdfast.study",
                        "dev.holdfast.registry");
    }

    private static List<Class<?>> frozen() throws IOException, URISyntaxException {
        Path root = Path.of(
                Frozen.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        List<Class<?>> all = new ArrayList<>();
        try (Stream<Path> files = Files.walk(root)) {
            for (Path f :
                    files.filter(p -> p.toString().endsWith(".class")).sorted().toList()) {
                String name = root.relativize(f).toString().replace('/', '.').replaceAll("\\.class$", "");
                if (name.equals("module-info") || name.endsWith("package-info")) {
                    continue;
                }
                Class<?> c = load(name);
                if (c.isAnnotationPresent(Frozen.class)) {
                    all.add(c);
                }
            }
        }
        return all;
    }

    private static Class<?> load(String name) {
        try {
            return Class.forName(name, false, Frozen.class.getClassLoader());
        } catch (ClassNotFoundException e) {
            throw new IllegalStateException(e);
        }
    }

    private static String heading(Class<?> c) {
        String kind = c.isRecord() ? "record" : c.isEnum() ? "enum" : c.isInterface() ? "interface" : "class";
        String over = Stream.concat(
                        Stream.ofNullable(c.getGenericSuperclass()), Arrays.stream(c.getGenericInterfaces()))
                .map(t -> t.getTypeName())
                .filter(t -> !t.startsWith("java.lang."))
                .collect(Collectors.joining(", "));
        return kind + " " + c.getName() + (over.isEmpty() ? "" : " : " + over);
    }

    /** Public methods and constructors of the type and of the public types inside it. */
    private static List<String> signatures(Class<?> c) {
        List<String> all = new ArrayList<>();
        for (Constructor<?> k : c.getDeclaredConstructors()) {
            if (Modifier.isPublic(k.getModifiers()) && !k.isSynthetic()) {
                all.add("new " + k.toGenericString().replace("public ", ""));
            }
        }
        for (Method m : c.getDeclaredMethods()) {
            boolean inherited = m.getName().matches("equals|hashCode|toString") && c.isRecord();
            if (Modifier.isPublic(m.getModifiers()) && !m.isSynthetic() && !inherited) {
                all.add((m.isDefault() ? "default " : "")
                        + m.toGenericString()
                                .replaceAll("\\b(public|abstract|final|default|synchronized|native) ", ""));
            }
        }
        if (c.isEnum()) {
            all.add("values " + Arrays.toString(c.getEnumConstants()));
        }
        for (Class<?> inner : c.getDeclaredClasses()) {
            if (Modifier.isPublic(inner.getModifiers())) {
                all.add(heading(inner));
                signatures(inner).forEach(s -> all.add(inner.getSimpleName() + ": " + s));
            }
        }
        return all;
    }
}
