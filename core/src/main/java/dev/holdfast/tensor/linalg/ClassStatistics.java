package dev.holdfast.tensor.linalg;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Count and mean of every class and the pooled scatter around the class means, from rows that arrive in any order and
 * any batches; two collections merge, and rows can be taken out again. Float64; sums of squares are taken around means,
 * never as differences of large sums.
 *
 * <p>Chan, Golub, LeVeque: <i>Updating formulae and a pairwise algorithm for computing sample variances</i>, 1979. One
 * writer; no row is stored.
 */
public final class ClassStatistics implements Stateful {
    private final long width;
    /** [C], [C, D], [D, D]. */
    private Tensor counts;

    private Tensor means;
    private Tensor scatter;

    /** Nothing seen yet of rows of {@code width} numbers; counts, means and scatter are gathered. */
    public ClassStatistics(long width) {
        this(width, true);
    }

    /** Nothing seen yet; only counts and means are gathered, which spares the [D, D] scatter. */
    public static ClassStatistics meansOnly(long width) {
        return new ClassStatistics(width, false);
    }

    private ClassStatistics(long width, boolean scattered) {
        if (width < 1) {
            throw new IllegalArgumentException("Class statistics need a width >= 1 but got " + width + ".");
        }
        this.width = width;
        try (Scope s = Scope.open()) {
            counts = Scope.own(Tensors.zeros(ScalarType.Double, 0));
            means = Scope.own(Tensors.zeros(ScalarType.Double, 0, width));
            scatter = scattered ? Scope.own(Tensors.zeros(ScalarType.Double, width, width)) : null;
        }
    }

    public long width() {
        return width;
    }

    /** Number of columns (classes) so far. */
    public int columns() {
        return (int) counts.size(0);
    }

    /** Rows of each class, float64 [C]. */
    public Tensor counts() {
        return counts;
    }

    /** Mean of each class [C, D]; zeros for a class without rows. */
    public Tensor means() {
        return means;
    }

    /** Pooled scatter {@code sum (x - mean)(x - mean)'} [D, D]; null where only means are gathered. */
    public Tensor scatter() {
        return scatter;
    }

    /** All rows. */
    public long total() {
        return columns() == 0 ? 0 : Math.round(counts.sum().item_double());
    }

    /** Bytes of state. */
    public long bytes() {
        return 8 * (columns() + columns() * width + (scatter == null ? 0 : width * width));
    }

    /** Adds rows x [n, D], finite, of these columns; columns beyond the known ones are new. */
    public void add(Tensor x, int... column) {
        try (Scope s = Scope.open()) {
            Part part = part(x, column);
            change(part, 1);
        }
    }

    /** Takes rows out that were added before. */
    public void remove(Tensor x, int... column) {
        try (Scope s = Scope.open()) {
            Part part = part(x, column);
            if (part.counts.size(0) > columns()
                    || columns() > 0
                            && counts.sub(padded(part.counts, columns())).min().item_double() < 0) {
                throw new IllegalArgumentException(
                        "More rows of a class were to be removed than had been added; nothing was removed.");
            }
            change(part, -1);
        }
    }

    /** Adds what another collection has seen; {@code columnOf[j]} is the column here of its column j. */
    public void merge(ClassStatistics other, int... columnOf) {
        if (other.width != width || columnOf.length != other.columns()) {
            throw new IllegalArgumentException("Statistics of width " + other.width + " with " + other.columns()
                    + " classes, of which " + columnOf.length + " were placed, do not merge into width " + width + ".");
        }
        int needed = 0;
        for (int c : columnOf) {
            needed = Math.max(needed, c + 1);
        }
        try (Scope s = Scope.open()) {
            Tensor n = Tensors.zeros(ScalarType.Double, needed);
            Tensor m = Tensors.zeros(ScalarType.Double, needed, width);
            if (needed > 0) {
                n.index_copy_(0, Tensors.ids(columnOf), other.counts);
                m.index_copy_(0, Tensors.ids(columnOf), other.means);
            }
            change(new Part(n, m, other.scatter), 1);
        }
    }

    private record Part(Tensor counts, Tensor means, Tensor scatter) {}

    private Part part(Tensor x, int[] column) {
        Tensors.requireShape("rows of class statistics", x, column.length, width);
        Tensors.requireFinite("rows of class statistics", x);
        int classes = 0;
        for (int i = 0; i < column.length; i++) {
            if (column[i] < 0) {
                throw new IllegalArgumentException("Row " + i + " has column " + column[i] + "; expected >= 0.");
            }
            classes = Math.max(classes, column[i] + 1);
        }
        Tensor rows = x.detach().to(ScalarType.Double);
        Tensor hot = Tensors.oneHot(column, classes, rows);
        Tensor n = hot.sum(0);
        Tensor m = hot.t().mm(rows).div(n.clamp_min(Tensors.scalar(1)).unsqueeze(1));
        if (scatter == null) {
            return new Part(n, m, null);
        }
        Tensor rest = rows.sub(hot.mm(m));
        return new Part(n, m, rest.t().mm(rest));
    }

    private void change(Part p, int sign) {
        long classes = Math.max(columns(), p.counts.size(0));
        Tensor n = padded(counts, classes);
        Tensor mu = padded(means, classes);
        Tensor dn = padded(p.counts, classes);
        Tensor dm = padded(p.means, classes);
        Tensor after = n.add(dn, Tensors.scalar(sign));
        Tensor divisor = after.clamp_min(Tensors.scalar(1)).unsqueeze(1);
        Tensor newMeans = n.unsqueeze(1)
                .mul(mu)
                .add(dn.unsqueeze(1).mul(dm), Tensors.scalar(sign))
                .div(divisor);
        if (sign > 0) {
            // the same mean, without the rounding of large sums
            newMeans = mu.add(dm.sub(mu).mul(dn.unsqueeze(1)).div(divisor));
        }
        // a class without rows has no mean
        Tensor known = after.gt(Tensors.scalar(0)).to(ScalarType.Double).unsqueeze(1);
        if (scatter == null) {
            set(after, newMeans.mul(known), null);
            return;
        }
        // of the two parts that make up the larger one: |a||b|/(|a|+|b|) times the square of their means' distance
        Tensor gap = dm.sub(sign > 0 ? mu : newMeans);
        Tensor whole = (sign > 0 ? after : n).clamp_min(Tensors.scalar(1));
        Tensor weight = (sign > 0 ? n : after).mul(dn).div(whole).unsqueeze(1);
        Tensor newScatter = scatter.add(p.scatter.add(gap.t().mm(gap.mul(weight))), Tensors.scalar(sign));
        set(after, newMeans.mul(known), newScatter);
    }

    private void set(Tensor n, Tensor m, Tensor s) {
        if (!Tensors.finite(m) || s != null && !Tensors.finite(s)) {
            throw new IllegalArgumentException("Means or scatter are no longer finite; the rows were not taken in."
                    + "\nMaybe the features are too large: standardise them first.");
        }
        Tensor[] old = {counts, means, scatter};
        counts = Scope.own(n);
        means = Scope.own(m);
        scatter = s == null ? null : Scope.own(s);
        for (Tensor t : old) {
            if (t != null) {
                t.close();
            }
        }
    }

    private static Tensor padded(Tensor t, long rows) {
        if (t.size(0) == rows) {
            return t;
        }
        long[] shape = t.shape();
        shape[0] = rows - shape[0];
        return Tensors.cat(0, t, Tensors.zeros(ScalarType.Double, shape));
    }

    @Override
    public State state() {
        return new State().put("counts", counts).put("means", means).put("scatter", scatter);
    }

    @Override
    public void load(State saved) {
        Tensor n = saved.tensor("counts");
        Tensors.requireShape("saved counts", n, -1);
        Tensors.requireShape("saved means", saved.tensor("means"), n.size(0), width);
        if (scatter != null) {
            Tensors.requireShape("saved scatter", saved.tensor("scatter"), width, width);
        }
        try (Scope s = Scope.open()) {
            set(
                    Tensors.copy(n).to(ScalarType.Double),
                    Tensors.copy(saved.tensor("means")).to(ScalarType.Double),
                    scatter == null
                            ? null
                            : Tensors.copy(saved.tensor("scatter")).to(ScalarType.Double));
        }
    }
}
