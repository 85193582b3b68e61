package dev.holdfast.estimate;

import dev.holdfast.config.Doc;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.ClassStatistics;
import dev.holdfast.tensor.linalg.LinearAlgebra;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Streaming linear discriminant analysis: class means and one covariance, score = mu' L x - mu' L mu / 2 with L =
 * pinv((1 - eps) S + eps I).
 *
 * <p>Hayes, Kanan, <i>Lifelong Machine Learning with Deep Streaming Linear Discriminant Analysis</i>, arXiv 1909.01520,
 * eq. 1-3.
 */
public final class StreamingLda implements StatisticHead {
    /** How the covariance is gathered. */
    public enum Covariance {
        /** Scatter around class means, divided by the rows: free of order, mergeable, and exact to take back. */
        POOLED,
        /**
         * The published recursion S <- (n S + n/(n+1) d d') / (n+1) with d = x - (class mean before x, zero for a new
         * class); depends on the order of rows.
         */
        STREAMING
    }

    /**
     * @param shrinkage eps in (0, 1]
     * @param covariance how the covariance is gathered
     */
    public record Config(
            @Doc("share of the identity in the covariance, in (0, 1]") double shrinkage,
            @Doc("POOLED is free of order; STREAMING is the published recursion") Covariance covariance) {
        public Config {
            if (!(shrinkage > 0 && shrinkage <= 1)) {
                throw new IllegalArgumentException("Shrinkage must be in (0, 1] but is " + shrinkage + ".");
            }
        }
    }

    private final Config config;
    private final ClassStatistics statistics;
    private final Columns columns = new Columns();

    /** n S of the streaming recursion [D, D]; null when pooled. */
    private final Tensor streamed;

    private double rows;
    private Tensor weight;
    private Tensor bias;

    /** @param width D */
    public StreamingLda(Config config, long width) {
        this.config = config;
        this.statistics = new ClassStatistics(width);
        this.streamed = config.covariance == Covariance.STREAMING
                ? Scope.own(Tensors.zeros(ScalarType.Double, width, width))
                : null;
    }

    @Override
    public void update(Tensor features, ClassIndex known, long... classIds) {
        Tensors.requireShape("rows of the discriminant analysis", features, classIds.length, statistics.width());
        Tensors.requireFinite("rows of the discriminant analysis", features);
        columns.with(() -> {
            int[] column = columns.admit(known, classIds);
            // worked out against the means before the rows, taken in once nothing can fail any more
            Tensor more = streamed == null ? null : stream(features, column);
            statistics.add(features, column);
            if (more != null) {
                streamed.add_(more);
            }
        });
        rows += classIds.length;
        drop();
    }

    /** Sum of the weighted outer products of a batch [D, D]: rows of a class see the mean before them. */
    private Tensor stream(Tensor x, int[] column) {
        try (Scope s = Scope.open()) {
            double[] weights = new double[column.length];
            for (int i = 0; i < weights.length; i++) {
                double n = rows + i;
                weights[i] = n / (n + 1);
            }
            TreeMap<Integer, List<Integer>> of = new TreeMap<>();
            for (int i = 0; i < column.length; i++) {
                of.computeIfAbsent(column[i], c -> new ArrayList<>()).add(i);
            }
            int known = statistics.columns();
            double[] counts = Tensors.doubles(statistics.counts());
            List<Tensor> deltas = new ArrayList<>();
            List<Double> weight = new ArrayList<>();
            of.forEach((c, at) -> {
                Tensor xc =
                        Tensors.rows(x, at.stream().mapToInt(Integer::intValue).toArray());
                double before = c < known ? counts[c] : 0;
                Tensor sums = xc.cumsum(0).sub_(xc);
                if (before > 0) {
                    sums.add_(statistics.means().select(0, c).mul(Tensors.scalar(before)));
                }
                double[] n = new double[at.size()];
                for (int i = 0; i < n.length; i++) {
                    n[i] = Math.max(1, before + i);
                    weight.add(weights[at.get(i)]);
                }
                deltas.add(xc.sub(sums.div_(Tensors.of(n, n.length, 1))));
            });
            Tensor d = Tensors.cat(0, deltas.toArray(new Tensor[0]));
            Tensor w =
                    Tensors.of(weight.stream().mapToDouble(Double::doubleValue).toArray(), weight.size(), 1);
            Tensor products = d.mul(w).t().mm(d);
            Tensors.requireFinite("The covariance of these rows", products);
            return s.keep(products);
        }
    }

    @Override
    public void remove(Tensor features, long... classIds) {
        requirePooled("forget");
        statistics.remove(features, columns.index().columnsOf(classIds));
        rows -= classIds.length;
        drop();
    }

    @Override
    public void merge(StatisticHead other) {
        StreamingLda o = sameKind(this, other);
        requirePooled("merge");
        o.requirePooled("merge");
        if (!o.config.equals(config)) {
            throw new IllegalArgumentException(
                    "Heads with different settings cannot be merged: " + config + " and " + o.config + ".");
        }
        columns.with(() -> statistics.merge(o.statistics, columns.place(o.columns())));
        rows += o.rows;
        drop();
    }

    private void requirePooled(String what) {
        if (config.covariance != Covariance.POOLED) {
            throw new IllegalArgumentException("The streaming covariance depends on the order of rows and cannot "
                    + what + ".\nMaybe covariance=POOLED is meant.");
        }
    }

    static <H extends StatisticHead> H sameKind(H head, StatisticHead other) {
        if (other.getClass() != head.getClass()) {
            throw new IllegalArgumentException("A " + head.getClass().getSimpleName() + " cannot take over a "
                    + other.getClass().getSimpleName() + ".");
        }
        @SuppressWarnings("unchecked")
        H same = (H) other;
        return same;
    }

    /** S [D, D]. */
    public Tensor covariance() {
        return (streamed != null ? streamed : statistics.scatter()).div(Tensors.scalar(Math.max(1, rows)));
    }

    /** Class means [C, D]. */
    public Tensor means() {
        return statistics.means();
    }

    @Override
    public Tensor scores(Tensor features) {
        solve();
        return Columns.withoutEmpty(features.matmul(weight.t()).add_(bias), statistics);
    }

    /** Computes the linear classifier if rows have come since. */
    private synchronized void solve() {
        if (weight != null) {
            return;
        }
        try (Scope s = Scope.open()) {
            Tensor s1 = covariance().mul_(Tensors.scalar(1 - config.shrinkage));
            s1.diagonal(0, 0, 1).add_(Tensors.scalar(config.shrinkage));
            Tensor mu = statistics.means();
            Tensor w = times(mu, s1);
            bias = Scope.own(w.mul(mu).sum(1).mul_(Tensors.scalar(-0.5)));
            weight = Scope.own(w);
        }
    }

    /** mu S^-1. With shrinkage S is positive definite, which takes a tenth of the time of a pseudo-inverse. */
    private Tensor times(Tensor mu, Tensor s) {
        return (config.shrinkage > 0 ? LinearAlgebra.choleskyIfPositive(s) : Optional.<Tensor>empty())
                .map(factor -> LinearAlgebra.choleskySolve(mu.t(), factor).t())
                .orElseGet(() -> mu.matmul(LinearAlgebra.pinv(s, 1e-15)));
    }

    private void drop() {
        if (weight != null) {
            weight.close();
            bias.close();
            weight = null;
        }
    }

    @Override
    public ClassIndex columns() {
        return columns.index();
    }

    @Override
    public long parameters() {
        return statistics.means().numel() + statistics.width() * statistics.width();
    }

    @Override
    public long bytes() {
        return statistics.bytes() + (streamed == null ? 0 : streamed.nbytes());
    }

    @Override
    public State state() {
        State s = new State().put("rows", rows).put("statistics", statistics).put("columns", columns.state());
        return s.put("streamed", streamed);
    }

    @Override
    public void load(State saved) {
        if (saved.has("streamed") != (streamed != null)) {
            throw new IllegalArgumentException("The saved covariance is "
                    + (streamed == null ? Covariance.STREAMING : Covariance.POOLED) + " but this one is "
                    + config.covariance + ".");
        }
        if (streamed != null) {
            Tensors.requireShape("saved covariance", saved.tensor("streamed"), streamed.shape());
        }
        double newRows = saved.number("rows");
        State s = saved.child("statistics");
        ClassIndex index =
                Columns.read(saved.child("columns"), s.tensor("counts").numel());
        statistics.load(s);
        columns.set(index);
        if (streamed != null) {
            streamed.copy_(saved.tensor("streamed"));
        }
        rows = newRows;
        drop();
    }
}
