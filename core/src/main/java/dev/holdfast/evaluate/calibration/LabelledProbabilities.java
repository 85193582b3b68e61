package dev.holdfast.evaluate.calibration;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Predicted class probabilities beside what was true: what every measure of calibration is computed from. Holds its
 * numbers as float64 in plain arrays, rows in their order; immutable and safe from any thread.
 */
public final class LabelledProbabilities {
    /** A row's probabilities may miss 1 by so much; float32 softmax does. */
    private static final double SUM = 1e-3;

    private final int rows;
    private final int classes;
    private final double[] p;
    private final int[] label;
    private final double[] confidence;
    private final boolean[] correct;
    private int[] byConfidence;

    private LabelledProbabilities(int classes, double[] p, int[] label) {
        this.rows = label.length;
        this.classes = classes;
        this.p = p;
        this.label = label;
        confidence = new double[rows];
        correct = new boolean[rows];
        for (int i = 0; i < rows; i++) {
            int best = 0;
            for (int c = 1; c < classes; c++) {
                if (p[i * classes + c] > p[i * classes + best]) {
                    best = c;
                }
            }
            confidence[i] = p[i * classes + best];
            correct[i] = best == label[i];
        }
    }

    /**
     * Probabilities [n, C] and the column of each row's class.
     *
     * @throws IllegalArgumentException without rows, for a column that is not there, for NaN, for numbers outside [0, 1]
     *     and for rows that do not sum to 1
     */
    public static LabelledProbabilities of(Tensor probabilities, int[] column) {
        check("probabilities", probabilities, column);
        int classes = (int) probabilities.size(1);
        double[] p = Tensors.doubles(probabilities);
        for (int i = 0; i < column.length; i++) {
            double sum = 0;
            for (int c = 0; c < classes; c++) {
                double v = p[i * classes + c];
                if (!(v >= 0 && v <= 1 + SUM)) {
                    throw new IllegalArgumentException(
                            "Row " + i + " has the probability " + v + " for column " + c
                                    + "; expected a number in [0, 1].\nMaybe these are logits: LabelledProbabilities.ofLogits.");
                }
                sum += v;
            }
            if (Math.abs(sum - 1) > SUM) {
                throw new IllegalArgumentException("The probabilities of row " + i + " sum to " + sum
                        + "; expected 1.\nMaybe these are logits: LabelledProbabilities.ofLogits.");
            }
        }
        return new LabelledProbabilities(classes, p, column.clone());
    }

    /** Softmax of logits [n, C], in float64, and the column of each row's class. */
    public static LabelledProbabilities ofLogits(Tensor logits, int[] column) {
        check("logits", logits, column);
        try (Scope s = Scope.open()) {
            Tensor p = logits.detach().to(ScalarType.Double).softmax(1);
            return new LabelledProbabilities((int) logits.size(1), Tensors.doubles(p), column.clone());
        }
    }

    private static void check(String what, Tensor t, int[] column) {
        Tensors.requireShape(what, t, column.length, -1);
        if (column.length == 0 || t.size(1) < 2) {
            throw new IllegalArgumentException(
                    "Calibration is measured on at least one row of at least two classes but " + what
                            + " have the shape " + Arrays.toString(t.shape()) + ".");
        }
        for (int i = 0; i < column.length; i++) {
            if (column[i] < 0 || column[i] >= t.size(1)) {
                throw new IllegalArgumentException("Row " + i + " has the class of column " + column[i]
                        + " but there are " + t.size(1) + " columns.");
            }
        }
        Tensors.requireFinite(what, t);
    }

    /** These rows in this order; a row may come more than once. */
    public LabelledProbabilities rows(int... which) {
        double[] q = new double[which.length * classes];
        int[] l = new int[which.length];
        for (int i = 0; i < which.length; i++) {
            System.arraycopy(p, which[i] * classes, q, i * classes, classes);
            l[i] = label[which[i]];
        }
        if (which.length == 0) {
            throw new IllegalArgumentException("Calibration is measured on at least one row.");
        }
        return new LabelledProbabilities(classes, q, l);
    }

    public int size() {
        return rows;
    }

    public int classes() {
        return classes;
    }

    /** Probability of a column for a row. */
    public double p(int row, int column) {
        return p[row * classes + column];
    }

    /** Column of a row's true class. */
    public int label(int row) {
        return label[row];
    }

    /** Top probability of a row. */
    public double confidence(int row) {
        return confidence[row];
    }

    /** Whether the column of the top probability (the lowest, among equals) is the true one. */
    public boolean correct(int row) {
        return correct[row];
    }

    /** Share of correct rows. */
    public double accuracy() {
        int n = 0;
        for (boolean c : correct) {
            n += c ? 1 : 0;
        }
        return (double) n / rows;
    }

    /** Top probabilities and whether they came true. */
    Events top() {
        double[] hit = new double[rows];
        for (int i = 0; i < rows; i++) {
            hit[i] = correct[i] ? 1 : 0;
        }
        return new Events(confidence, hit);
    }

    /** Probabilities of one column and whether the row has its class. */
    Events ofClass(int column) {
        double[] q = new double[rows];
        double[] hit = new double[rows];
        for (int i = 0; i < rows; i++) {
            q[i] = p[i * classes + column];
            hit[i] = label[i] == column ? 1 : 0;
        }
        return new Events(q, hit);
    }

    /** Rows by rising confidence, equal ones in their order. */
    synchronized int[] byConfidence() {
        if (byConfidence == null) {
            byConfidence = Events.order(confidence);
        }
        return byConfidence;
    }

    /** [n, C] float64. */
    Tensor probabilities() {
        return Tensors.of(p, rows, classes);
    }

    int[] labels() {
        return label;
    }
}
