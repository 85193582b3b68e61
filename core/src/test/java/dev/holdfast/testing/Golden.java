package dev.holdfast.testing;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;
import org.opentest4j.TestAbortedException;

/**
 * Golden vectors of a system: inputs and outputs that a method must reproduce. They are read from every {@code *.json}
 * of that system in the folder that the system property {@code golden.dir} names, or from the bundled file.
 *
 * <pre>{@code
 * static Stream<GoldenCase> cases() { return Golden.cases("24-g-acil"); }
 *
 * @ParameterizedTest @MethodSource("cases")
 * void golden(GoldenCase c) {
 *     switch (c.kind()) {
 *         case "recursive-ridge" -> c.assertOutput("weight", weight);
 *         default -> c.failOnKind();
 *     }
 *     c.assertAllCompared();
 * }
 * }</pre>
 */
public final class Golden {
    private static final ObjectMapper JSON = new ObjectMapper();

    private Golden() {}

    /** All cases of a system; without any, an error, or a skipped test where {@code golden.dir} names the folder. */
    public static Stream<GoldenCase> cases(String system) {
        List<GoldenCase> cases = new ArrayList<>();
        for (JsonNode file : files(system)) {
            for (JsonNode c : file.path("cases")) {
                cases.add(new GoldenCase(c));
            }
        }
        if (cases.isEmpty()) {
            throw nothing("There is no golden case of '" + system + "' in " + place() + ".");
        }
        return cases.stream();
    }

    /** The cases of a system whose kind is one of these; every kind must occur. */
    public static Stream<GoldenCase> cases(String system, String... kinds) {
        Set<String> missing = new TreeSet<>(List.of(kinds));
        missing.removeAll(kinds(system));
        if (!missing.isEmpty()) {
            throw nothing("System '" + system + "' has no golden case of kind " + missing + " in " + place() + ".");
        }
        Set<String> wanted = Set.of(kinds);
        return cases(system).filter(c -> wanted.contains(c.kind()));
    }

    /** The kinds that occur, sorted. */
    public static Set<String> kinds(String system) {
        Set<String> kinds = new TreeSet<>();
        cases(system).forEach(c -> kinds.add(c.kind()));
        return kinds;
    }

    /** A list of numbers; null reads as NaN. */
    public static double[] vector(JsonNode node) {
        double[] v = new double[node.size()];
        for (int i = 0; i < v.length; i++) {
            v[i] = number(node.get(i));
        }
        return v;
    }

    /** A list of integers. */
    public static long[] longs(JsonNode node) {
        long[] v = new long[node.size()];
        for (int i = 0; i < v.length; i++) {
            v[i] = node.get(i).longValue();
        }
        return v;
    }

    /** A list of integers. */
    public static int[] ints(JsonNode node) {
        return java.util.Arrays.stream(longs(node)).mapToInt(Math::toIntExact).toArray();
    }

    /** A list of lists of numbers. */
    public static double[][] matrix(JsonNode node) {
        double[][] m = new double[node.size()][];
        for (int i = 0; i < m.length; i++) {
            m[i] = vector(node.get(i));
        }
        return m;
    }

    /** A float64 tensor of any depth; ragged lists are refused. */
    public static Tensor tensor(JsonNode node) {
        List<Long> shape = new ArrayList<>();
        for (JsonNode n = node; n.isArray(); n = n.get(0)) {
            shape.add((long) n.size());
            if (n.isEmpty()) {
                break;
            }
        }
        List<Double> flat = new ArrayList<>();
        flatten(node, flat);
        return Tensors.of(
                flat.stream().mapToDouble(Double::doubleValue).toArray(),
                shape.stream().mapToLong(Long::longValue).toArray());
    }

    /** A number; null reads as NaN. */
    static double number(JsonNode node) {
        if (node.isNull()) {
            return Double.NaN;
        }
        if (!node.isNumber()) {
            throw new IllegalArgumentException("Expected a number but found " + node + ".");
        }
        return node.doubleValue();
    }

    private static void flatten(JsonNode node, List<Double> into) {
        if (node.isArray()) {
            node.forEach(n -> flatten(n, into));
        } else {
            into.add(number(node));
        }
    }

    private static List<JsonNode> files(String system) {
        String dir = System.getProperty("golden.dir", "");
        try {
            if (dir.isBlank()) {
                try (InputStream in = Golden.class.getResourceAsStream("/golden/" + system + ".json")) {
                    return in == null ? List.of() : List.of(JSON.readTree(in));
                }
            }
            List<JsonNode> found = new ArrayList<>();
            boolean any = false;
            try (Stream<Path> files = Files.list(Path.of(dir))) {
                for (Path file : files.filter(f -> f.toString().endsWith(".json"))
                        .sorted(Comparator.naturalOrder())
                        .toList()) {
                    JsonNode json = JSON.readTree(file.toFile());
                    any = true;
                    if (names(system, json.path("system").asText())) {
                        found.add(json);
                    }
                }
            }
            if (!any) {
                throw new IllegalStateException("The folder golden.dir=" + dir + " holds no *.json file.");
            }
            return found;
        } catch (IOException e) {
            throw new UncheckedIOException("The golden vectors in " + place() + " cannot be read", e);
        }
    }

    /** Some files name their system without its number: "elr" is "28-elr". */
    private static boolean names(String system, String found) {
        return found.equals(system) || found.equals(system.replaceFirst("^[0-9]+-", ""));
    }

    /** Missing bundled vectors are an error; a folder of somebody else's may hold only some systems. */
    private static RuntimeException nothing(String message) {
        return System.getProperty("golden.dir", "").isBlank()
                ? new IllegalStateException(message)
                : new TestAbortedException(message);
    }

    private static String place() {
        String dir = System.getProperty("golden.dir", "");
        return dir.isBlank() ? "the bundled golden files" : dir;
    }
}
