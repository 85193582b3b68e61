package dev.holdfast.estimate;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.ClassStatistics;
import java.util.Arrays;
import java.util.function.IntFunction;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One prototype a class, the mean of its raw features: those of the base classes, which never move, then those of
 * classes that arrived later with a few rows each, {@linkplain PrototypeCalibration calibrated} by the base ones alone. A
 * class that is announced again goes on with the mean of all its rows. Float64; no row is kept.
 *
 * <p>Columns count from 0, base classes first. One writer; not for use from two threads.
 */
public final class PrototypeBank implements Stateful {
    private static final double EPS = 1e-12;

    private final PrototypeCalibration calibration;
    private Tensor base;
    private ClassStatistics later;

    /**
     * A bank of base prototypes.
     *
     * @param base means of raw features [B, D], B >= 1
     * @param name of the class of a column, for messages
     * @throws IllegalArgumentException if a prototype has length 0, so that it has no direction
     */
    public PrototypeBank(Tensor base, PrototypeCalibration calibration, IntFunction<String> name) {
        Tensors.requireShape("base prototypes", base, -1, -1);
        if (base.size(0) == 0) {
            throw new IllegalArgumentException("A bank of prototypes needs at least one base class.");
        }
        Tensors.requireFinite("base prototypes", base);
        requireDirections(base, 0, name);
        this.calibration = calibration;
        try (Scope s = Scope.open()) {
            this.base = Scope.own(Tensors.copy(base).to(ScalarType.Double));
        }
        this.later = ClassStatistics.meansOnly(base.size(1));
    }

    /** Rows of length 1; a row of zeros stays. */
    static Tensor unit(Tensor rows) {
        Tensor norm = rows.mul(rows)
                .sum(new long[] {-1}, true, new ScalarTypeOptional())
                .sqrt();
        return rows.div(norm.clamp_min(Tensors.scalar(EPS)));
    }

    /** D. */
    public long width() {
        return base.size(1);
    }

    /** Number of base classes. */
    public int baseColumns() {
        return (int) base.size(0);
    }

    /** Number of all classes. */
    public int columns() {
        return baseColumns() + later.columns();
    }

    /** Base prototypes [B, D], read-only. */
    public Tensor base() {
        return base;
    }

    /** Plain means of the later classes [C - B, D], read-only. */
    public Tensor later() {
        return later.means();
    }

    /**
     * Takes in labelled rows. Rows of base classes change nothing.
     *
     * @param features [n, D], finite
     * @param column of each row; columns from {@link #columns} on are new and must leave no gap
     * @param name of the class of a column, for messages
     * @return how many rows were taken
     * @throws IllegalArgumentException if a prototype would have length 0; nothing is changed
     */
    public int announce(Tensor features, int[] column, IntFunction<String> name) {
        Tensors.requireShape("features", features, column.length, width());
        Tensors.requireFinite("features", features);
        int[] rows = java.util.stream.IntStream.range(0, column.length)
                .filter(i -> column[i] >= baseColumns())
                .toArray();
        if (rows.length == 0) {
            return 0;
        }
        int[] at = Arrays.stream(rows).map(i -> column[i] - baseColumns()).toArray();
        requireNoGap(at, name);
        try (Scope s = Scope.open()) {
            ClassStatistics after = ClassStatistics.meansOnly(width());
            after.load(later.state());
            after.add(Tensors.rows(features, rows), at);
            requireDirections(after.means(), baseColumns(), name);
            later = after;
        }
        return rows.length;
    }

    private void requireNoGap(int[] at, IntFunction<String> name) {
        int[] fresh = Arrays.stream(at)
                .filter(c -> c >= later.columns())
                .distinct()
                .sorted()
                .toArray();
        for (int i = 0; i < fresh.length; i++) {
            if (fresh[i] != later.columns() + i) {
                throw new IllegalArgumentException("Class " + name.apply(baseColumns() + fresh[i])
                        + " would get column " + (baseColumns() + fresh[i]) + " but the next free one is "
                        + (columns() + i) + ".");
            }
        }
    }

    /** Forgets the rows of the later classes: before they are announced anew with features that moved. */
    public void clearLater() {
        later = ClassStatistics.meansOnly(width());
    }

    /** Weights of a cosine classifier [C, D], float64: base prototypes as they are, the later ones calibrated. */
    public Tensor weights() {
        return later.columns() == 0
                ? Tensors.copy(base)
                : Tensors.cat(0, base, calibration.calibrate(base, later.means()));
    }

    /** Bytes of state. */
    public long bytes() {
        return base.nbytes() + later.bytes();
    }

    private static void requireDirections(Tensor rows, int firstColumn, IntFunction<String> name) {
        double[] norms = Tensors.doubles(rows.detach()
                .mul(rows.detach())
                .sum(new long[] {-1}, false, new ScalarTypeOptional(ScalarType.Double))
                .sqrt());
        for (int c = 0; c < norms.length; c++) {
            if (!(norms[c] > EPS)) {
                throw new IllegalArgumentException("The prototype of class " + name.apply(firstColumn + c)
                        + " has length " + norms[c] + ", so it points nowhere."
                        + "\nMaybe the rows of this class are empty, or the features died (all zero).");
            }
        }
    }

    @Override
    public State state() {
        return new State().put("base", base).put("later", later);
    }

    /** Takes over a saved bank of the same width. */
    @Override
    public void load(State saved) {
        Tensors.requireShape("saved base prototypes", saved.tensor("base"), -1, width());
        ClassStatistics newLater = ClassStatistics.meansOnly(width());
        newLater.load(saved.child("later"));
        try (Scope s = Scope.open()) {
            base = Scope.own(Tensors.copy(saved.tensor("base")).to(ScalarType.Double));
        }
        later = newLater;
    }
}
