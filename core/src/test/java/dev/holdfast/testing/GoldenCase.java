package dev.holdfast.testing;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.tensor.Tensors;
import java.lang.reflect.Array;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.opentest4j.AssertionFailedError;

/**
 * One golden case. {@link #assertOutput} compares one output within the case's tolerance, |a - b| <= tol * (1 + |b|)
 * with b the expected number; {@link #assertAllCompared} fails on any output that was never compared.
 */
public final class GoldenCase {
    private final JsonNode node;
    private final Set<String> compared = new LinkedHashSet<>();

    GoldenCase(JsonNode node) {
        this.node = node;
    }

    public String kind() {
        return node.path("kind").asText();
    }

    public String name() {
        return node.path("name").asText();
    }

    public double tolerance() {
        return node.path("tolerance").asDouble();
    }

    public boolean has(String input) {
        return node.path("inputs").has(input);
    }

    /** Input by name; a missing one is an error that lists what is there. */
    public JsonNode input(String name) {
        return child("inputs", name);
    }

    /** A number among the inputs. */
    public double number(String input) {
        return Golden.number(input(input));
    }

    /** An integer among the inputs. */
    public int integer(String input) {
        return Math.toIntExact(input(input).longValue());
    }

    public boolean flag(String input) {
        return input(input).booleanValue();
    }

    public String text(String input) {
        return input(input).asText();
    }

    public double[] vector(String input) {
        return Golden.vector(input(input));
    }

    public int[] ints(String input) {
        return Golden.ints(input(input));
    }

    public double[][] matrix(String input) {
        return Golden.matrix(input(input));
    }

    /** A float64 tensor of any depth. */
    public Tensor tensor(String input) {
        return Golden.tensor(input(input));
    }

    /** Expected output, for a test that must know what is asked for; reading it does not count as comparing. */
    public JsonNode expected(String output) {
        return child("outputs", output);
    }

    public boolean expects(String output) {
        return node.path("outputs").has(output);
    }

    public Set<String> outputs() {
        Set<String> names = new LinkedHashSet<>();
        node.path("outputs").fieldNames().forEachRemaining(names::add);
        return names;
    }

    /**
     * Compares an output with a number, boolean, text, tensor, array, collection or map of such; expected null stands
     * for anything not finite.
     */
    public void assertOutput(String output, Object actual) {
        compare(output, expected(output), plain(actual));
        compared.add(output);
    }

    /** Fails if an output of this case was not compared. */
    public void assertAllCompared() {
        Set<String> left = new LinkedHashSet<>(outputs());
        left.removeAll(compared);
        if (!left.isEmpty()) {
            throw new AssertionFailedError("Case " + this + " has outputs that nothing was compared with: " + left);
        }
    }

    /** Fails: this kind is unknown to the test. */
    public void failOnKind() {
        throw new AssertionFailedError("Case " + this + " is of a kind that this test does not know.");
    }

    @Override
    public String toString() {
        return kind() + "/" + name();
    }

    private JsonNode child(String part, String name) {
        JsonNode v = node.path(part).get(name);
        if (v == null) {
            List<String> names = new ArrayList<>();
            node.path(part).fieldNames().forEachRemaining(names::add);
            throw new AssertionFailedError(
                    "Case " + this + " has no '" + name + "' among its " + part + " " + names + ".");
        }
        return v;
    }

    private void compare(String where, JsonNode expected, Object actual) {
        if (expected.isArray()) {
            if (!(actual instanceof List<?> list) || list.size() != expected.size()) {
                throw differs(where, "a list of " + expected.size(), describe(actual));
            }
            for (int i = 0; i < list.size(); i++) {
                compare(where + "[" + i + "]", expected.get(i), list.get(i));
            }
        } else if (expected.isObject()) {
            if (!(actual instanceof Map<?, ?> map) || map.size() != expected.size()) {
                throw differs(where, expected.size() + " named values", describe(actual));
            }
            map.forEach((k, v) -> {
                if (!expected.has((String) k)) {
                    throw differs(where, "no entry", (String) k);
                }
                compare(where + "." + k, expected.get((String) k), v);
            });
        } else if (expected.isBoolean()) {
            // a flag may be computed as 0 or 1
            boolean b = actual instanceof Number n ? n.doubleValue() != 0 : Boolean.TRUE.equals(actual);
            if (b != expected.booleanValue()) {
                throw differs(where, expected.toString(), describe(actual));
            }
        } else if (expected.isTextual()) {
            if (!expected.textValue().equals(actual)) {
                throw differs(where, expected.textValue(), describe(actual));
            }
        } else {
            if (!(actual instanceof Number n)) {
                throw differs(where, expected.toString(), describe(actual));
            }
            double a = n.doubleValue();
            double b = Golden.number(expected);
            boolean same = Double.isNaN(b) ? !Double.isFinite(a) : Math.abs(a - b) <= tolerance() * (1 + Math.abs(b));
            if (!same) {
                throw differs(where, Double.toString(b), Double.toString(a));
            }
        }
    }

    private AssertionFailedError differs(String where, String expected, String actual) {
        return new AssertionFailedError(
                "Case " + this + ", output " + where + ": expected " + expected + " within " + tolerance() + " but got "
                        + actual + ".",
                expected,
                actual);
    }

    private static String describe(Object o) {
        return o instanceof List<?> l ? "a list of " + l.size() : String.valueOf(o);
    }

    private static Object plain(Object o) {
        if (o instanceof Tensor t) {
            double[] flat = Tensors.doubles(t);
            return nest(flat, t.shape(), 0, 0, flat.length);
        }
        if (o != null && o.getClass().isArray()) {
            List<Object> l = new ArrayList<>();
            for (int i = 0; i < Array.getLength(o); i++) {
                l.add(plain(Array.get(o, i)));
            }
            return l;
        }
        if (o instanceof Collection<?> c) {
            return c.stream().map(GoldenCase::plain).toList();
        }
        if (o instanceof Map<?, ?> m) {
            Map<Object, Object> r = new java.util.LinkedHashMap<>();
            m.forEach((k, v) -> r.put(k, plain(v)));
            return r;
        }
        return o;
    }

    private static Object nest(double[] flat, long[] shape, int depth, int from, int count) {
        if (depth == shape.length) {
            return flat[from];
        }
        List<Object> l = new ArrayList<>();
        int step = shape[depth] == 0 ? 0 : count / (int) shape[depth];
        for (int i = 0; i < shape[depth]; i++) {
            l.add(nest(flat, shape, depth + 1, from + i * step, step));
        }
        return l;
    }
}
