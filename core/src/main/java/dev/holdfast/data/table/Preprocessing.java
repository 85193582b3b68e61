package dev.holdfast.data.table;

import com.fasterxml.jackson.annotation.JsonIgnore;
import com.fasterxml.jackson.annotation.JsonSubTypes;
import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.DataException;
import dev.holdfast.data.FeatureExtractor;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.DataOptions.Encoding;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * How the raw rows of a table become numbers: fitted once on the training rows ({@link PreprocessingFit}), kept with the
 * model, and applied unchanged to every row that comes later. Immutable, safe from any thread, and written to JSON
 * exactly.
 *
 * @param version version of this record's JSON; {@link #VERSION}
 * @param columns the feature columns in order
 * @param labels columns of the target: one of classes, or one a label of a multi-label set
 * @param multiLabel whether the labels are 0/1 columns, one a label
 * @param classes names of the classes by id (single label), or of the labels (multi-label)
 * @param missing texts that stand for a missing value
 */
public record Preprocessing(
        int version,
        List<Column> columns,
        List<String> labels,
        boolean multiLabel,
        List<String> classes,
        List<String> missing) {
    /** Version that this code writes; older ones are read, newer ones are refused. */
    public static final int VERSION = 1;

    private static final ObjectMapper JSON =
            new ObjectMapper().enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES);

    /** One column of the raw table and what is made of it. */
    @JsonTypeInfo(use = JsonTypeInfo.Id.NAME, property = "kind")
    @JsonSubTypes({
        @JsonSubTypes.Type(value = Numeric.class, name = "numeric"),
        @JsonSubTypes.Type(value = Categorical.class, name = "categorical"),
        @JsonSubTypes.Type(value = Text.class, name = "text")
    })
    public sealed interface Column {
        String name();

        /** Numbers that a row gets from this column. */
        int width();
    }

    /**
     * A number v becomes (v - shift) / scale; a missing one becomes (fill - shift) / scale.
     *
     * @param fill mean of the training rows
     * @param shift mean of the training rows, or 0 where it is not standardised
     * @param scale standard deviation of the training rows (divided by n), or 1 where it is 0 or not standardised
     * @param indicator a second number says whether the value was missing
     */
    public record Numeric(String name, double fill, double shift, double scale, boolean indicator) implements Column {
        public Numeric {
            if (!Double.isFinite(fill) || !Double.isFinite(shift) || !Double.isFinite(scale) || scale <= 0) {
                throw new IllegalArgumentException("Column '" + name + "' has fill " + fill + ", shift " + shift
                        + ", scale " + scale + "; expected finite numbers and scale > 0.");
            }
        }

        @Override
        public int width() {
            return indicator ? 2 : 1;
        }
    }

    /**
     * A category becomes one 0/1 number a category (ONE_HOT; two categories share one number, 1 for the second), or its
     * place in the list, shifted and scaled like a number (ORDINAL). A missing one counts as {@code fill}, and so does one
     * that the training rows do not have.
     *
     * @param categories of the training rows, in order
     * @param fill the most frequent one of the training rows
     * @param indicator a last number says whether the value was missing or unknown
     */
    public record Categorical(
            String name,
            Encoding encoding,
            List<String> categories,
            String fill,
            double shift,
            double scale,
            boolean indicator)
            implements Column {
        public Categorical {
            categories = List.copyOf(categories);
            if (!categories.contains(fill) || scale <= 0) {
                throw new IllegalArgumentException("Column '" + name + "' fills in '" + fill + "', scale " + scale
                        + "; expected one of " + categories + " and scale > 0.");
            }
        }

        @Override
        public int width() {
            return codes() + (indicator ? 1 : 0);
        }

        /** Numbers without the indicator. */
        int codes() {
            return encoding == Encoding.ORDINAL || categories.size() <= 2 ? 1 : categories.size();
        }
    }

    /**
     * A text becomes the vector of a frozen encoder; a missing one counts as the empty text.
     *
     * @param encoder fingerprint of the encoder
     * @param width numbers that it gives
     */
    public record Text(String name, String encoder, int width) implements Column {}

    public Preprocessing {
        columns = List.copyOf(columns);
        labels = List.copyOf(labels);
        classes = List.copyOf(classes);
        missing = List.copyOf(missing);
        if (version < 1 || version > VERSION) {
            throw new IllegalArgumentException("The preprocessing has version " + version + "; this program reads 1 to "
                    + VERSION + ".\nMaybe it was written by a newer release.");
        }
        if (columns.isEmpty() || labels.isEmpty()) {
            throw new IllegalArgumentException("A preprocessing needs features and a label but has " + columns.size()
                    + " and " + labels.size() + ".");
        }
    }

    /** Numbers of a row. */
    @JsonIgnore
    public int width() {
        return columns.stream().mapToInt(Column::width).sum();
    }

    /** Schema of the rows that come out: one field "x" [width]. */
    @JsonIgnore
    public Schema schema() {
        Schema.Field x = new Schema.Field(Inputs.X, Schema.Field.Kind.VECTOR, List.of((long) width()), 0);
        return Schema.of(x, multiLabel ? Target.MultiLabel.class : Target.ClassIds.class, ClassIndex.named(classes));
    }

    /** Name of every number of a row: {@code width}, {@code colour=red}, {@code width is missing}, {@code gloss[7]}. */
    @JsonIgnore
    public List<String> featureNames() {
        List<String> n = new ArrayList<>();
        for (Column c : columns) {
            if (c instanceof Categorical k && k.codes() > 1) {
                k.categories.forEach(v -> n.add(k.name + "=" + v));
            } else if (c instanceof Categorical k && k.encoding == Encoding.ONE_HOT) {
                n.add(k.name + "=" + k.categories.get(k.categories.size() - 1));
            } else if (c instanceof Text t) {
                for (int i = 0; i < t.width; i++) {
                    n.add(t.name + "[" + i + "]");
                }
            } else {
                n.add(c.name());
            }
            if (c instanceof Numeric k && k.indicator || c instanceof Categorical g && g.indicator) {
                n.add(c.name() + " is missing");
            }
        }
        return n;
    }

    /** The same with more classes at the end, or with more label columns; ids of the old ones stay. */
    public Preprocessing plusClasses(List<String> more) {
        List<String> all = new ArrayList<>(classes);
        more.stream().filter(c -> !all.contains(c)).forEach(all::add);
        return new Preprocessing(version, columns, multiLabel ? all : labels, multiLabel, all, missing);
    }

    /** What has to be read of a table: the features and, on demand, the labels. */
    List<Table.Ask> asks(boolean withLabels) {
        List<Table.Ask> a = new ArrayList<>();
        columns.forEach(c -> a.add(new Table.Ask(c.name(), c instanceof Numeric)));
        if (withLabels) {
            labels.forEach(l -> a.add(new Table.Ask(l, false)));
        }
        return a;
    }

    /** Whether a text encoder is needed. */
    @JsonIgnore
    public boolean hasText() {
        return columns.stream().anyMatch(Text.class::isInstance);
    }

    /**
     * Numbers of raw rows, float32 [n, width], in the caller's scope.
     *
     * @param encoder the encoder of the text columns; null if there are none; another one than fitted with is refused
     */
    public Inputs inputs(Cells rows, FeatureExtractor encoder) {
        int width = width();
        int plain = columns.stream()
                .filter(c -> !(c instanceof Text))
                .mapToInt(Column::width)
                .sum();
        float[] x = new float[Math.multiplyExact(rows.size(), plain)];
        int at = 0;
        for (Column c : columns) {
            if (c instanceof Numeric n) {
                numeric(n, rows.numbers(n.name), x, at, plain);
                at += n.width();
            } else if (c instanceof Categorical k) {
                categorical(k, rows.texts(k.name), x, at, plain);
                at += k.width();
            }
        }
        try (Scope s = Scope.open()) {
            Tensor flat = Tensors.of(x, rows.size(), plain);
            if (plain == width) {
                return Inputs.of(s.keep(flat));
            }
            // the plain numbers of neighbouring columns stay together, the vectors of texts go between them
            List<Tensor> parts = new ArrayList<>();
            int from = 0;
            for (Column c : columns) {
                if (c instanceof Text t) {
                    parts.add(encode(t, rows.texts(t.name), encoder));
                } else {
                    parts.add(Tensors.slice(flat, 1, from, from + c.width()));
                    from += c.width();
                }
            }
            return Inputs.of(s.keep(Tensors.cat(1, parts.toArray(Tensor[]::new))));
        }
    }

    private static void numeric(Numeric n, double[] v, float[] x, int at, int stride) {
        for (int i = 0; i < v.length; i++) {
            boolean gone = Double.isNaN(v[i]);
            x[i * stride + at] = (float) (((gone ? n.fill : v[i]) - n.shift) / n.scale);
            if (n.indicator) {
                x[i * stride + at + 1] = gone ? 1 : 0;
            }
        }
    }

    private static void categorical(Categorical k, String[] v, float[] x, int at, int stride) {
        Map<String, Integer> place = new HashMap<>();
        for (int i = 0; i < k.categories.size(); i++) {
            place.put(k.categories.get(i), i);
        }
        int fill = place.get(k.fill);
        int codes = k.codes();
        for (int i = 0; i < v.length; i++) {
            Integer known = v[i] == null ? null : place.get(v[i]);
            int code = known == null ? fill : known;
            if (codes > 1) {
                x[i * stride + at + code] = 1;
            } else {
                x[i * stride + at] = k.encoding == Encoding.ONE_HOT ? code : (float) ((code - k.shift) / k.scale);
            }
            if (k.indicator) {
                x[i * stride + at + codes] = known == null ? 1 : 0;
            }
        }
    }

    private static Tensor encode(Text t, String[] v, FeatureExtractor encoder) {
        if (encoder == null || !encoder.fingerprint().equals(t.encoder)) {
            throw new IllegalArgumentException("Column '" + t.name + "' was read with the text encoder " + t.encoder
                    + " but " + (encoder == null ? "none" : encoder.fingerprint()) + " is here."
                    + "\nMaybe the model was made by another release.");
        }
        return encoder.features(
                Inputs.of(Arrays.stream(v).map(s -> s == null ? "" : s).toList()));
    }

    /**
     * Targets of raw rows: class ids, or 0/1 labels [n, L]; a missing or unknown class is refused with its place.
     *
     * @param table where the rows come from, for messages
     */
    public Target target(Cells rows, Table table) {
        if (multiLabel) {
            float[] y = new float[Math.multiplyExact(rows.size(), labels.size())];
            for (int l = 0; l < labels.size(); l++) {
                String[] v = rows.texts(labels.get(l));
                for (int i = 0; i < v.length; i++) {
                    y[i * labels.size() + l] = bit(v[i], table, rows.rowOf(i), labels.get(l));
                }
            }
            return new Target.MultiLabel(Tensors.of(y, rows.size(), labels.size()), null);
        }
        Map<String, Integer> id = new HashMap<>();
        for (int i = 0; i < classes.size(); i++) {
            id.put(classes.get(i), i);
        }
        String[] v = rows.texts(labels.get(0));
        long[] y = new long[v.length];
        for (int i = 0; i < v.length; i++) {
            Integer c = v[i] == null ? null : id.get(v[i]);
            if (c == null) {
                throw DataException.at(
                        table.where(rows.rowOf(i), labels.get(0)),
                        v[i] == null ? "The row has no label." : "The class '" + v[i] + "' is not known.",
                        "one of " + shortened(classes),
                        v[i] == null ? "Take unlabelled rows out, or give them a label." : null);
            }
            y[i] = c;
        }
        return Target.ClassIds.of(y);
    }

    private static float bit(String v, Table table, long row, String column) {
        if ("1".equals(v) || "true".equalsIgnoreCase(v) || "1.0".equals(v)) {
            return 1;
        }
        if ("0".equals(v) || "false".equalsIgnoreCase(v) || "0.0".equals(v)) {
            return 0;
        }
        throw DataException.at(table.where(row, column), "The label is '" + v + "'.", "0 or 1", null);
    }

    static String shortened(List<String> names) {
        return names.size() <= 30
                ? names.toString()
                : names.subList(0, 30).toString().replace("]", ", ... (" + names.size() + " in all)]");
    }

    /** As JSON; {@link #fromJson} gives an equal record back. */
    public String toJson() {
        try {
            return JSON.writerWithDefaultPrettyPrinter().writeValueAsString(this);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Reads what {@link #toJson} wrote; anything else is refused. */
    public static Preprocessing fromJson(String json) {
        try {
            return JSON.readValue(json, Preprocessing.class);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(
                    "The saved preprocessing cannot be read: " + e.getOriginalMessage()
                            + "\nMaybe the file is damaged or was written by a newer release.",
                    e);
        }
    }
}
