package dev.holdfast.tensor.linalg;

import dev.holdfast.tensor.NativeLimits;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Ridge regression that learns batch by batch and always equals the joint solution {@code W = (H'H + gamma I)^-1 H'Y} of
 * all rows so far, in any order and any batches. New target columns may appear at any time; earlier rows count as zero
 * in them. Everything is float64.
 *
 * <p>RECURSIVE keeps {@code R = (H'H + gamma I)^-1} [M, M] and W [M, C]; a batch of b rows costs b M^2. GRAM keeps the
 * sums {@code A = H'H + gamma I} and {@code B = H'Y} and solves on demand; better conditioned for small gamma.
 *
 * <p>Zhuang et al.: <i>G-ACIL: Analytic Learning for Exemplar-Free Generalized Class Incremental Learning</i>, arXiv
 * 2403.15706, theorem of the recursive form; <i>ACIL</i>, arXiv 2205.14922. One writer; no row is stored.
 */
public final class RecursiveRidge implements Stateful {
    /** What is kept. */
    public enum Form {
        RECURSIVE,
        GRAM
    }

    /** Rows that one Cholesky factor covers; larger batches are taken in pieces, with the same result. */
    private static final long PIECE = 1024;

    /** R is made symmetric again whenever this many rows have come or gone. */
    private static final long SYMMETRISE = 512;

    private final long width;
    private final double gamma;
    private final Form form;
    /** R or A. */
    private Tensor square;
    /** W or B. */
    private Tensor columns;

    private Tensor solved;
    private long rows;

    /**
     * Nothing learnt yet.
     *
     * @param width M, numbers a row
     * @param gamma > 0
     * @throws IllegalArgumentException also if the state cannot fit into memory; nothing is allocated then
     */
    public RecursiveRidge(long width, double gamma, Form form) {
        if (width < 1) {
            throw new IllegalArgumentException("A ridge regression needs a width >= 1 but got " + width + ".");
        }
        Ridge.requireGamma(gamma);
        long bytes;
        try {
            bytes = Math.multiplyExact(8, Math.multiplyExact(width, width));
        } catch (ArithmeticException e) {
            bytes = Long.MAX_VALUE / 4;
        }
        // an update holds the old matrix, the new one and a transpose
        NativeLimits.requireRoom("A ridge regression of width " + width, 3 * Math.min(bytes, Long.MAX_VALUE / 4));
        this.width = width;
        this.gamma = gamma;
        this.form = form;
        try (Scope s = Scope.open()) {
            Tensor eye = Ridge.identity(width, Tensors.empty(ScalarType.Double, 0));
            square = Scope.own(eye.mul_(Tensors.scalar(form == Form.GRAM ? gamma : 1 / gamma)));
            columns = Scope.own(Tensors.zeros(ScalarType.Double, width, 0));
        }
    }

    public long width() {
        return width;
    }

    public double gamma() {
        return gamma;
    }

    public Form form() {
        return form;
    }

    /** Number of target columns so far. */
    public int columns() {
        return (int) columns.size(1);
    }

    /** Number of rows learnt and not forgotten. */
    public long rows() {
        return rows;
    }

    /** Bytes of state: 8 (M^2 + M C). */
    public long bytes() {
        return 8 * (width * width + width * columns());
    }

    /**
     * Learns rows.
     *
     * @param h [n, M], finite; no rows is no change
     * @param y [n, C'], finite, with C' at least {@link #columns()}: further columns are new
     */
    public void learn(Tensor h, Tensor y) {
        change(h, y, 1, null);
    }

    /**
     * Learns rows in some columns only; the others keep their weights, so that W is no longer the joint solution. For
     * ablations; RECURSIVE form only.
     *
     * @param moving the columns that are learnt
     */
    public void learn(Tensor h, Tensor y, int[] moving) {
        if (form != Form.RECURSIVE) {
            throw new IllegalStateException(
                    "Only the RECURSIVE form can learn in some columns only; this one keeps sums.");
        }
        if (Arrays.stream(moving).anyMatch(c -> c < 0 || c >= y.size(1))) {
            throw new IllegalArgumentException(
                    "The targets have " + y.size(1) + " columns but " + Arrays.toString(moving) + " were asked for.");
        }
        try (Scope s = Scope.open()) {
            Tensor mask = Tensors.zeros(ScalarType.Double, y.size(1));
            for (int c : moving) {
                mask.select(0, c).fill_(Tensors.scalar(1));
            }
            change(h, y, 1, mask);
        }
    }

    /** Takes rows out again that were learnt before, with the targets they were learnt with (missing columns zero). */
    public void forget(Tensor h, Tensor y) {
        if (h.dim() == 2 && h.size(0) > rows) {
            throw new IllegalArgumentException(
                    h.size(0) + " rows cannot be forgotten: only " + rows + " have been learnt.");
        }
        change(h, y, -1, null);
    }

    /** @param mask 1 for columns that move [C'], or null for all */
    private void change(Tensor h, Tensor y, int sign, Tensor mask) {
        Tensors.requireShape("rows of the ridge regression", h, -1, width);
        Tensors.requireShape("targets of the ridge regression", y, h.size(0), -1);
        if (y.size(1) < columns()) {
            throw new IllegalArgumentException("The targets have " + y.size(1) + " columns but " + columns()
                    + " are known.\nMaybe known classes that are absent from the batch need columns of zeros.");
        }
        Tensors.requireFinite("rows of the ridge regression", h);
        Tensors.requireFinite("targets of the ridge regression", y);
        long n = h.size(0);
        try (Scope s = Scope.open()) {
            Tensor x = h.detach().to(ScalarType.Double);
            Tensor t = y.detach().to(ScalarType.Double);
            Tensor newColumns = grown(t.size(1));
            if (form == Form.GRAM) {
                Tensor[] r = sums(square, newColumns, x, t, sign);
                requireSolvable(r[0]);
                commit(r[0], r[1], rows + sign * n);
                return;
            }
            if (n > PIECE) {
                // a failure half-way must leave nothing behind, so the pieces work on a copy
                Tensor before = square;
                square = square.clone();
                try {
                    for (long from = 0; from < n; from += PIECE) {
                        long to = Math.min(n, from + PIECE);
                        newColumns = recursion(
                                newColumns, Tensors.slice(x, from, to), Tensors.slice(t, from, to), sign, mask);
                    }
                } catch (RuntimeException e) {
                    square = before;
                    throw e;
                }
                Tensor after = square;
                square = before;
                commit(after, newColumns, rows + sign * n);
            } else {
                commit(square, recursion(newColumns, x, t, sign, mask), rows + sign * n);
            }
        }
    }

    /**
     * K = (I + HRH')^-1; R <- R - RH'KHR in place; returns W + RH'(Y - HW) with the new R; signs turned round to forget.
     *
     * <p>With K^-1 = LL' and V = L^-1 HR: RH'KHR = V'V, and the new R times H' is RH'K = V'L^-1, so W costs no product
     * with R. All that can fail comes before R moves.
     */
    private Tensor recursion(Tensor w, Tensor h, Tensor y, int sign, Tensor mask) {
        Tensor hr = h.mm(square);
        Tensor k = hr.mm(h.t()).mul_(Tensors.scalar(sign));
        k.diagonal().add_(Tensors.scalar(1));
        k = k.add(k.t()).mul_(Tensors.scalar(0.5));
        Tensor factor = LinearAlgebra.cholesky(
                sign > 0 ? "I + HRH'" : "I - HRH'",
                k,
                sign > 0
                        ? Ridge.advice(gamma)
                        : "Maybe some of these rows were never learnt, or not with these numbers.");
        Tensor v = torch.linalg_solve_triangular(factor, hr, false);
        Tensor error = torch.linalg_solve_triangular(factor, y.sub(h.mm(w)), false);
        if (mask != null) {
            error = error.mul(mask);
        }
        Tensor fresh = w.add(v.t().mm(error), Tensors.scalar(sign));
        requireFinite(fresh, v);
        square.addmm_(v.t(), v, Tensors.scalar(1), Tensors.scalar(-sign));
        if (rows / SYMMETRISE != (rows + h.size(0)) / SYMMETRISE) {
            // rounding errors of the products do not quite mirror each other; the copy first, since t() is a view
            square.add_(square.t().clone()).mul_(Tensors.scalar(0.5));
        }
        return fresh;
    }

    /** Rows so large that gamma is lost beside their squares may leave nothing to solve: better found out now. */
    private void requireSolvable(Tensor gram) {
        double largest = gram.diagonal().max().item_double();
        if (largest > gamma / Math.ulp(1.0)) {
            LinearAlgebra.cholesky("H'H + gamma I", gram, Ridge.advice(gamma));
        }
    }

    private static Tensor[] sums(Tensor a, Tensor b, Tensor h, Tensor y, int sign) {
        return new Tensor[] {
            a.addmm(h.t(), h, Tensors.scalar(1), Tensors.scalar(sign)),
            b.addmm(h.t(), y, Tensors.scalar(1), Tensors.scalar(sign))
        };
    }

    private Tensor grown(long wanted) {
        long more = wanted - columns();
        return more == 0 ? columns : Tensors.cat(1, columns, Tensors.zeros(ScalarType.Double, width, more));
    }

    /**
     * Adds what another regression has learnt: the result equals learning both sets of rows. Exact sums in GRAM form; in
     * RECURSIVE form both matrices are inverted once.
     *
     * @param columnOf column here of each column of the other; further columns than known here are new
     */
    public void merge(RecursiveRidge other, int... columnOf) {
        if (other.width != width || other.gamma != gamma) {
            throw new IllegalArgumentException("Only regressions of equal width and gamma merge exactly; here they are "
                    + width + ", " + gamma + " and there " + other.width + ", " + other.gamma + ".");
        }
        if (columnOf.length != other.columns()) {
            throw new IllegalArgumentException("The other regression has " + other.columns() + " columns but "
                    + columnOf.length + " were placed.");
        }
        int needed = columns();
        for (int c : columnOf) {
            needed = Math.max(needed, c + 1);
        }
        if (Arrays.stream(columnOf).distinct().count() != columnOf.length
                || Arrays.stream(columnOf).anyMatch(c -> c < 0)) {
            throw new IllegalArgumentException(
                    "Every column of the other regression needs a place of its own, but they are "
                            + Arrays.toString(columnOf) + ".");
        }
        try (Scope s = Scope.open()) {
            Tensor a = gram().add(other.gram());
            a.diagonal().sub_(Tensors.scalar(gamma));
            Tensor b = Tensors.zeros(ScalarType.Double, width, needed);
            Tensors.slice(b, 1, 0, columns()).copy_(moments());
            if (columnOf.length > 0) {
                b.index_add_(1, Tensors.ids(columnOf), other.moments());
            }
            if (form == Form.GRAM) {
                commit(a, b, rows + other.rows);
            } else {
                Tensor factor = LinearAlgebra.cholesky("H'H + gamma I", a, Ridge.advice(gamma));
                commit(inverse(factor), LinearAlgebra.choleskySolve(b, factor), rows + other.rows);
            }
        }
    }

    private Tensor inverse(Tensor factor) {
        Tensor r = LinearAlgebra.choleskySolve(Ridge.identity(width, factor), factor);
        return r.add(r.t()).mul_(Tensors.scalar(0.5));
    }

    private void commit(Tensor newSquare, Tensor newColumns, long newRows) {
        if (form == Form.GRAM || newSquare != square) {
            requireFinite(newColumns, newSquare);
        }
        Tensor oldSquare = square;
        Tensor oldColumns = columns;
        square = newSquare == oldSquare ? oldSquare : Scope.own(newSquare);
        columns = newColumns == oldColumns ? oldColumns : Scope.own(newColumns);
        if (oldSquare != square) {
            oldSquare.close();
        }
        if (oldColumns != columns) {
            oldColumns.close();
        }
        rows = newRows;
        dropSolved();
    }

    private void requireFinite(Tensor newColumns, Tensor more) {
        if (!Tensors.finite(newColumns) || !Tensors.finite(more)) {
            throw new IllegalArgumentException("The weights of the ridge regression are no longer finite; the batch was"
                    + " not learnt.\n" + Ridge.advice(gamma));
        }
    }

    private void dropSolved() {
        if (solved != null) {
            solved.close();
            solved = null;
        }
    }

    /** W [M, C]; lives until the next change. */
    public Tensor weight() {
        if (form == Form.RECURSIVE) {
            return columns;
        }
        if (solved == null) {
            try (Scope s = Scope.open()) {
                Tensor factor = LinearAlgebra.cholesky("H'H + gamma I", square, Ridge.advice(gamma));
                solved = Scope.own(LinearAlgebra.choleskySolve(columns, factor));
            }
        }
        return solved;
    }

    /** R = (H'H + gamma I)^-1 [M, M]. */
    public Tensor covariance() {
        return form == Form.RECURSIVE
                ? square
                : inverse(LinearAlgebra.cholesky("H'H + gamma I", square, Ridge.advice(gamma)));
    }

    /** A = H'H + gamma I [M, M]. */
    public Tensor gram() {
        return form == Form.GRAM ? square : inverse(LinearAlgebra.cholesky("R", square, Ridge.advice(gamma)));
    }

    /** B = H'Y [M, C]. */
    public Tensor moments() {
        return form == Form.GRAM ? columns : gram().mm(columns);
    }

    @Override
    public State state() {
        return new State()
                .put("form", form.name())
                .put("gamma", gamma)
                .put("rows", rows)
                .put("square", square)
                .put("columns", columns);
    }

    @Override
    public void load(State saved) {
        if (!saved.value("form").equals(form.name()) || saved.number("gamma") != gamma) {
            throw new IllegalArgumentException("The saved ridge regression is " + saved.value("form") + " with gamma "
                    + saved.value("gamma") + " but this one is " + form + " with gamma " + gamma + ".");
        }
        Tensors.requireShape("saved square", saved.tensor("square"), width, width);
        Tensors.requireShape("saved columns", saved.tensor("columns"), width, -1);
        long n = saved.integer("rows");
        try (Scope s = Scope.open()) {
            commit(
                    saved.tensor("square").to(ScalarType.Double).clone(),
                    saved.tensor("columns").to(ScalarType.Double).clone(),
                    n);
        }
    }
}
