package dev.holdfast.learner;

import dev.holdfast.data.Batch;
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
        if (schema.target() == Target.MultiLabel.class) {
            throw new IllegalArgumentException("This learner learns one class a row, but the rows have sets of labels."
                    + "\nMaybe a learner of label sets fits, such as ihomer, mlhat or binary-relevance.");
        }
        this.schema = schema;
    }

    public Schema schema() {
        return schema;
    }

    /** Checks rows with one class each, and returns their class ids. */
    public long[] labelled(Batch b) {
        if (b.size() == 0) {
            throw new IllegalArgumentException("A batch without rows teaches nothing; expected at least one row.");
        }
        inputs(b.inputs());
        weights(b.rows().weights());
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
