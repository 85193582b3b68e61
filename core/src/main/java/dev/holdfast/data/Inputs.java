package dev.holdfast.data;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * n rows of one or several fields, each held as it was given (tensor, array of doubles, texts) and shown in the other
 * form on demand: learners that walk rows never touch native memory, learners that multiply matrices never loop.
 *
 * <p>A field of bytes (uint8) is read by {@link #x} as fractions of 255. Immutable; tensors belong to whoever made them.
 */
@Frozen
public final class Inputs {
    /** How a field is held. */
    public enum Form {
        TENSOR,
        ARRAY,
        TEXT
    }

    /** Name of the field that {@link #x} reads when there are several. */
    public static final String X = "x";

    private final int size;
    private final Map<String, Object> fields;

    private Inputs(int size, Map<String, Object> fields) {
        this.size = size;
        this.fields = fields;
    }

    /** One field "x" [n, ...]. */
    public static Inputs of(Tensor x) {
        return of(Map.of(X, x));
    }

    /** One field "x" [n, d] as Java numbers. */
    public static Inputs of(double[][] x) {
        return of(Map.of(X, x));
    }

    /** One field "x" of texts. */
    public static Inputs of(List<String> texts) {
        return of(Map.of(X, texts));
    }

    /** Several fields; each value is a Tensor [n, ...], a double[n][d] or a List of n strings. */
    public static Inputs of(Map<String, ?> fields) {
        Map<String, Object> copy = new LinkedHashMap<>();
        int n = -1;
        for (Map.Entry<String, ?> e : fields.entrySet()) {
            int rows = rowsOf(e.getKey(), e.getValue());
            if (n >= 0 && rows != n) {
                throw new IllegalArgumentException(
                        "Field '" + e.getKey() + "' has " + rows + " rows but the fields before it have " + n + ".");
            }
            n = rows;
            copy.put(e.getKey(), e.getValue());
        }
        if (n < 0) {
            throw new IllegalArgumentException("Inputs need at least one field.");
        }
        return new Inputs(n, Collections.unmodifiableMap(copy));
    }

    /** The same rows with one field replaced, or one more; the other fields stay as they are held. */
    public Inputs with(String field, Tensor t) {
        Map<String, Object> all = new LinkedHashMap<>(fields);
        all.put(field, t);
        return of(all);
    }

    /** Number of rows. */
    public int size() {
        return size;
    }

    public Set<String> fields() {
        return fields.keySet();
    }

    /** How a field is held. */
    public Form holds(String field) {
        Object o = get(field);
        return o instanceof Tensor ? Form.TENSOR : o instanceof double[][] ? Form.ARRAY : Form.TEXT;
    }

    /** The field "x", or the only field, as floating numbers [n, ...]; bytes become fractions of 255. */
    public Tensor x() {
        Tensor t = tensor(
                fields.containsKey(X) || fields.size() > 1
                        ? X
                        : fields.keySet().iterator().next());
        return switch (t.scalar_type().intern()) {
            case Float, Double -> t;
            case Byte -> t.to(ScalarType.Float).mul_(Tensors.scalar(1 / 255.0));
            default -> t.to(ScalarType.Float);
        };
    }

    /** A field as it is held, as a tensor; doubles become float64. */
    public Tensor tensor(String field) {
        Object o = get(field);
        if (o instanceof Tensor t) {
            return t;
        }
        if (o instanceof double[][] a) {
            return Tensors.of(a);
        }
        throw new IllegalArgumentException("Field '" + field + "' holds texts, not numbers."
                + "\nMaybe a text encoder is to be put in front (a feature extractor).");
    }

    /** A field [n, ...] as n rows of doubles, flattened. */
    public double[][] array(String field) {
        Object o = get(field);
        if (o instanceof double[][] a) {
            return a;
        }
        try (Scope s = Scope.open()) {
            Tensor t = tensor(field);
            if (t.scalar_type().intern() == ScalarType.Byte) {
                t = t.to(ScalarType.Float).mul_(Tensors.scalar(1 / 255.0));
            }
            return Tensors.rows(t.reshape(size, size == 0 ? 0 : t.numel() / size));
        }
    }

    /** A field of texts. */
    @SuppressWarnings("unchecked")
    public List<String> text(String field) {
        if (get(field) instanceof List<?> l) {
            return (List<String>) l;
        }
        throw new IllegalArgumentException("Field '" + field + "' holds numbers, not texts.");
    }

    /** The rows i, in that order; tensors are copied into the caller's scope. */
    public Inputs rows(int... i) {
        Map<String, Object> r = new LinkedHashMap<>();
        Tensor at = null;
        for (Map.Entry<String, Object> e : fields.entrySet()) {
            Object o = e.getValue();
            if (o instanceof Tensor t) {
                at = at == null ? Tensors.ids(i) : at;
                r.put(e.getKey(), t.index_select(0, at));
            } else if (o instanceof double[][] a) {
                double[][] s = new double[i.length][];
                for (int k = 0; k < i.length; k++) {
                    s[k] = a[i[k]];
                }
                r.put(e.getKey(), s);
            } else {
                List<?> l = (List<?>) o;
                r.put(e.getKey(), Arrays.stream(i).mapToObj(l::get).toList());
            }
        }
        return new Inputs(i.length, Collections.unmodifiableMap(r));
    }

    /** Rows of all parts one after the other; the parts must have the same fields. */
    public static Inputs concat(Inputs... parts) {
        Map<String, Object> r = new LinkedHashMap<>();
        int n = 0;
        for (Inputs p : parts) {
            n += p.size;
            if (!p.fields.keySet().equals(parts[0].fields.keySet())) {
                throw new IllegalArgumentException("Rows with fields " + p.fields.keySet()
                        + " cannot follow rows with fields " + parts[0].fields.keySet() + ".");
            }
        }
        for (Map.Entry<String, Object> e : parts[0].fields.entrySet()) {
            String f = e.getKey();
            if (e.getValue() instanceof Tensor) {
                Tensor[] t = new Tensor[parts.length];
                for (int k = 0; k < t.length; k++) {
                    t[k] = parts[k].tensor(f);
                }
                r.put(f, Tensors.cat(0, t));
            } else if (e.getValue() instanceof double[][]) {
                r.put(
                        f,
                        Arrays.stream(parts)
                                .flatMap(p -> Arrays.stream(p.array(f)))
                                .toArray(double[][]::new));
            } else {
                r.put(f, Arrays.stream(parts).flatMap(p -> p.text(f).stream()).toList());
            }
        }
        return new Inputs(n, Collections.unmodifiableMap(r));
    }

    private Object get(String field) {
        Object o = fields.get(field);
        if (o == null) {
            throw new IllegalArgumentException("There is no field '" + field + "'; there are " + fields.keySet() + ".");
        }
        return o;
    }

    private static int rowsOf(String name, Object o) {
        if (o instanceof Tensor t) {
            if (t.dim() == 0) {
                throw new IllegalArgumentException("Field '" + name + "' is a single number; expected rows.");
            }
            return Math.toIntExact(t.size(0));
        }
        if (o instanceof double[][] a) {
            return a.length;
        }
        if (o instanceof List<?> l) {
            return l.size();
        }
        throw new IllegalArgumentException("Field '" + name + "' is a "
                + (o == null ? "null" : o.getClass().getSimpleName())
                + "; expected a Tensor, a double[][] or a List of strings.");
    }
}
