package dev.holdfast.learner.stream.part;

import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * How the fields of a schema stand side by side in one row of doubles: numeric columns as they are, nominal columns as
 * codes 0, ..., vocabulary - 1. Immutable.
 */
public final class FeatureSpace {
    /** Larger numbers would overflow when squares are summed. */
    private static final double LARGEST = 1e100;

    private final List<Schema.Field> fields;
    private final int[] vocabulary;
    private final boolean nominal;

    /** Refuses fields of texts and of sequences, which are no columns. */
    public FeatureSpace(Schema schema) {
        this.fields = schema.inputs();
        List<Integer> v = new ArrayList<>();
        for (Schema.Field f : fields) {
            switch (f.kind()) {
                case VECTOR, IMAGE, CONDITION, NOMINAL -> {
                    boolean codes = f.kind() == Schema.Field.Kind.NOMINAL;
                    if (codes && f.vocabulary() < 1) {
                        throw new IllegalArgumentException("The nominal field '" + f.name()
                                + "' must say how many values it has, but its vocabulary is 0.");
                    }
                    for (long i = 0; i < f.count(); i++) {
                        v.add(codes ? f.vocabulary() : 0);
                    }
                }
                default ->
                    throw new IllegalArgumentException("This learner reads numbers and nominal codes, but field '"
                            + f.name() + "' holds " + f.kind() + ".\nMaybe a text encoder is to be put in front.");
            }
        }
        this.vocabulary = v.stream().mapToInt(Integer::intValue).toArray();
        this.nominal = v.stream().anyMatch(n -> n > 0);
    }

    /** Columns of a row. */
    public int width() {
        return vocabulary.length;
    }

    /** Values of a nominal column; 0 for a numeric one. */
    public int vocabulary(int column) {
        return vocabulary[column];
    }

    public boolean hasNominal() {
        return nominal;
    }

    /** Checked rows; a bad one is refused by its number. */
    public double[][] rows(Inputs x) {
        double[][] rows = null;
        int at = 0;
        for (Schema.Field f : fields) {
            int width = (int) f.count();
            if (x.holds(f.name()) == Inputs.Form.TENSOR) {
                shape(f, x.tensor(f.name()).shape());
            }
            double[][] part = x.array(f.name());
            for (int i = 0; i < part.length; i++) {
                if (part[i].length != width) {
                    throw new IllegalArgumentException("Row " + i + " has " + part[i].length + " numbers in field '"
                            + f.name() + "'; expected " + width + ".");
                }
                check(part[i], at, i);
            }
            if (fields.size() == 1) {
                return part;
            }
            rows = rows == null ? new double[part.length][width()] : rows;
            for (int i = 0; i < part.length; i++) {
                System.arraycopy(part[i], 0, rows[i], at, width);
            }
            at += width;
        }
        return rows;
    }

    private static void shape(Schema.Field f, long[] rows) {
        boolean fits = rows.length == f.shape().size() + 1;
        for (int k = 0; fits && k < f.shape().size(); k++) {
            fits = rows[k + 1] == f.shape().get(k);
        }
        // one number a row may also stand in a column
        fits |= f.shape().isEmpty() && rows.length == 2 && rows[1] == 1;
        if (!fits) {
            throw new IllegalArgumentException("Field '" + f.name() + "' has rows of shape "
                    + Arrays.toString(Arrays.copyOfRange(rows, 1, rows.length)) + "; expected " + f.shape() + ".");
        }
    }

    /** Refuses a row of another width, numbers that are not finite or too large, and unknown codes. */
    public void require(double[] x, long row) {
        if (x.length != width()) {
            throw new IllegalArgumentException(
                    "Row " + row + " has " + x.length + " numbers; expected " + width() + ".");
        }
        check(x, 0, row);
    }

    private void check(double[] x, int from, long row) {
        for (int j = 0; j < x.length; j++) {
            double v = x[j];
            if (!(Math.abs(v) <= LARGEST)) {
                throw new IllegalArgumentException("Row " + row + " holds " + v + " in column " + (from + j)
                        + "; expected finite numbers up to " + LARGEST + ".\nMaybe the data need cleaning.");
            }
            int n = vocabulary[from + j];
            if (n > 0 && !(v >= 0 && v < n && v == Math.rint(v))) {
                throw new IllegalArgumentException("Row " + row + " holds " + v + " in the nominal column " + (from + j)
                        + "; expected a code from 0 to " + (n - 1) + ".");
            }
        }
    }
}
