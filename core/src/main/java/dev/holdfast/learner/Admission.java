package dev.holdfast.learner;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * The door of every learner: rows that do not fit the schema, are not finite, or have unknown classes are refused before
 * anything has moved.
 */
public final class Admission {
    private final Schema schema;

    /** Refuses a schema whose rows have label sets. */
    public Admission(Schema schema) {
        this(schema, false);
    }

    /** @param sets whether rows may have label sets, where the schema says so */
    public Admission(Schema schema, boolean sets) {
        if (schema.target() == Target.MultiLabel.class && !sets) {
            throw new IllegalArgumentException("This learner learns one class a row, but the rows have sets of labels."
                    + "\nMaybe a learner of label sets fits, such as comic, ihomer, mlhat or binary-relevance.");
        }
        this.schema = schema;
    }

    public Schema schema() {
        return schema;
    }

    /**
     * Checks rows with labels, and returns the class ids that they tell of: of rows with one class each theirs, of label sets
     * all that are declared, for a set also says which labels are absent.
     */
    public long[] labelled(Batch b) {
        if (b.size() == 0) {
            throw new IllegalArgumentException("A batch without rows teaches nothing; expected at least one row.");
        }
        inputs(b.inputs());
        weights(b.rows().weights());
        if (schema.target() == Target.MultiLabel.class) {
            return sets(b);
        }
        if (!(b.target() instanceof Target.ClassIds)) {
            throw new IllegalArgumentException("Expected rows with one class each but the target is "
                    + b.target().getClass().getSimpleName() + ".");
        }
        long[] y = b.classIds();
        for (int i = 0; i < y.length; i++) {
            if (y[i] < 0 || y[i] > Integer.MAX_VALUE || schema.classes().columnOf((int) y[i]) < 0) {
                throw new IllegalArgumentException(
                        "Row " + i + " (id " + b.rows().ids()[i] + ") has class " + y[i]
                                + ", which is not among the " + schema.classes().size()
                                + " declared classes.\nMaybe the class must be declared in the schema first.");
            }
        }
        return y;
    }

    private long[] sets(Batch b) {
        if (!(b.target() instanceof Target.MultiLabel m)) {
            throw new IllegalArgumentException("Expected rows with label sets but the target is "
                    + b.target().getClass().getSimpleName() + ".");
        }
        int labels = schema.classes().size();
        Tensors.requireShape("label sets", m.y(), b.size(), labels);
        requireBits(b, m.y(), "has", labels);
        if (m.known() != null) {
            requireBits(b, m.known(), "says as known", labels);
        }
        return schema.classes().columns().stream()
                .mapToLong(ClassIndex.Column::classId)
                .toArray();
    }

    private static void requireBits(Batch b, Tensor bits, String verb, int labels) {
        double[] y = Tensors.doubles(bits);
        for (int k = 0; k < y.length; k++) {
            if (y[k] != 0 && y[k] != 1) {
                throw new IllegalArgumentException("Row " + k / labels + " (id "
                        + b.rows().ids()[k / labels] + ") " + verb + " " + y[k] + " for label " + k % labels
                        + "; expected 0 or 1.");
            }
        }
    }

    private static void weights(Tensor w) {
        if (w == null) {
            return;
        }
        Tensors.requireFinite("The weights of the rows", w);
        double[] weights = Tensors.doubles(w);
        for (int i = 0; i < weights.length; i++) {
            if (weights[i] < 0) {
                throw new IllegalArgumentException(
                        "Row " + i + " has weight " + weights[i] + "; expected a weight >= 0.");
            }
        }
    }

    /** Checks rows to predict. */
    public void inputs(Inputs x) {
        for (Schema.Field f : schema.inputs()) {
            if (f.kind() == Schema.Field.Kind.TEXT) {
                continue;
            }
            Tensor t = x.tensor(f.name());
            boolean fits = t.dim() == f.shape().size() + 1;
            for (int i = 0; fits && i < f.shape().size(); i++) {
                fits = t.size(i + 1) == f.shape().get(i);
            }
            if (!fits) {
                long[] row = Arrays.copyOfRange(t.shape(), Math.min(1, (int) t.dim()), (int) t.dim());
                throw new IllegalArgumentException("Field '" + f.name() + "' has rows of shape " + Arrays.toString(row)
                        + "; expected " + f.shape() + ".");
            }
            if (t.is_floating_point()) {
                Tensors.requireFinite("Field '" + f.name() + "'", t);
            }
        }
    }
}
