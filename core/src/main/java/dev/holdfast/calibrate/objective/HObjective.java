package dev.holdfast.calibrate.objective;

import dev.holdfast.config.Doc;
import dev.holdfast.math.KMeans1d;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.BoolOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * The objective of h-calibration: among events ("row n has class k") that are predicted with nearly equal probability,
 * the mean prediction must be within epsilon of the frequency.
 *
 * <p>All n*C events are sorted by their probability; over windows of M + 1 neighbours the mean of p - o (o = 1 where the
 * event came true) is taken, and what it exceeds epsilon by is averaged. The order is not differentiated, the values are.
 * With {@code leaveClassOut} the average is taken C times, over the rows that do not have class c, and then over c.
 *
 * <p>Huang et al.: <i>h-calibration: Rethinking Classifier Recalibration with Probabilistic Error-Bounded Objective</i>,
 * arXiv 2506.17968. Pure functions; safe from any thread.
 */
public final class HObjective {
    /** Smaller probabilities are sorted as equals. */
    private static final double LEAST = 1e-20;

    private HObjective() {}

    /** How the events' errors become one number. */
    public enum Weighting {
        /** Mean over k-means clusters of the sorted probabilities of the mean in each; empty ones count as 0. */
        CLUSTERED,
        /** Plain mean over the events. */
        UNWEIGHTED,
        /** Mean over bins of equal width of the mean in each; empty ones count as 0. */
        EQUAL_WIDTH
    }

    /** Options with the paper's values in {@link #DEFAULTS}. */
    public record Config(
            @Doc("neighbours of an event that it is averaged with; even") int window,
            @Doc("gap of prediction and frequency that is no error, >= 0") double epsilon,
            @Doc("how errors are averaged") Weighting weighting,
            @Doc("clusters or bins of that average") int clusters,
            @Doc("average over the rows without class c, for every c; costs C passes") boolean leaveClassOut,
            @Doc("factor of the whole, > 0; matters beside an optimizer's epsilon only") double scale) {
        public static final Config DEFAULTS = new Config(200, 1e-20, Weighting.CLUSTERED, 15, true, 1e5);

        public Config {
            if (window < 0 || window % 2 != 0) {
                throw new IllegalArgumentException("The window of h-calibration must be even and >= 0 but is " + window
                        + ": an event stands in its middle.");
            }
            if (!(epsilon >= 0)
                    || Double.isInfinite(epsilon)
                    || clusters < 1
                    || !(scale > 0)
                    || Double.isInfinite(scale)) {
                throw new IllegalArgumentException("h-calibration needs a finite epsilon >= 0, clusters >= 1 and a"
                        + " finite scale > 0 but has " + epsilon + ", " + clusters + " and " + scale + ".");
            }
        }
    }

    /**
     * Value and gradient.
     *
     * @param gradient of the value with respect to p [n*C], row-major
     * @param cluster of every sorted event, for each left-out class (one entry without leaving out); null unless
     *     clustered
     */
    public record Value(double loss, double[] gradient, int[][] cluster) {}

    /**
     * The objective as a scalar with a graph to p.
     *
     * @param p probabilities [n, C]
     * @param label column of each row's class
     */
    public static Tensor loss(Config c, Tensor p, int[] label) {
        Value v = value(c, p, label);
        Tensor slope = Tensors.of(v.gradient, p.shape()).to(p.scalar_type());
        Tensor linear = p.mul(slope).sum();
        // piecewise linear in p: this is the value, and its gradient is the slope
        return linear.sub(linear.detach()).add(Tensors.scalar(v.loss));
    }

    /** The objective without a graph. */
    public static Value value(Config c, Tensor p, int[] label) {
        Tensors.requireShape("probabilities", p, label.length, -1);
        if (label.length == 0) {
            throw new IllegalArgumentException("There are no rows to calibrate on.");
        }
        Tensors.requireFinite("The calibrated probabilities", p);
        int classes = (int) p.size(1);
        double[] value;
        int[] order;
        try (Scope s = Scope.open()) {
            Tensor flat = p.detach().to(ScalarType.Double).reshape(-1);
            order = Tensors.ints(flat.add(Tensors.scalar(LEAST))
                    .sort(new BoolOptional(true), 0, false)
                    .get1());
            value = Tensors.doubles(flat);
        }
        Pass pass = new Pass(c, value, order, label, classes);
        int parts = c.leaveClassOut ? classes : 1;
        int[][] clusters = c.weighting == Weighting.CLUSTERED ? new int[parts][] : null;
        double loss = 0;
        for (int part = 0; part < parts; part++) {
            loss += pass.add(c.leaveClassOut ? part : -1, c.scale / parts);
            if (clusters != null) {
                clusters[part] = pass.clusters();
            }
        }
        return new Value(loss, pass.gradient, clusters);
    }

    /** Sorted events; arrays, because a window mean by prefix sums is one pass over memory. */
    private static final class Pass {
        private final Config c;
        private final double[] value;
        private final int[] order;
        private final int[] label;
        private final int classes;
        private final double[] gradient;
        /** Sorted probabilities and positions of the events that take part. */
        private final double[] p;

        private final int[] at;
        private final double[] sum;
        private final double[] slope;
        private KMeans1d.Clusters clustered;
        private int size;

        Pass(Config c, double[] value, int[] order, int[] label, int classes) {
            this.c = c;
            this.value = value;
            this.order = order;
            this.label = label;
            this.classes = classes;
            gradient = new double[value.length];
            p = new double[value.length];
            at = new int[value.length];
            sum = new double[value.length + 1];
            slope = new double[value.length];
        }

        /** Adds {@code factor} times the objective over the rows without a class (all rows: -1) and its gradient. */
        double add(int without, double factor) {
            take(without);
            if (size == 0) {
                return 0;
            }
            int half = c.window / 2;
            double width = c.window + 1.0;
            int[] from = parts();
            int parts = from.length - 1;
            double loss = 0;
            for (int k = 0; k < parts; k++) {
                int count = from[k + 1] - from[k];
                double weight = c.weighting == Weighting.UNWEIGHTED ? 1.0 / count : 1 / (parts * (count + 1e-5));
                for (int j = from[k]; j < from[k + 1]; j++) {
                    double g = (sum[Math.min(size, j + half + 1)] - sum[Math.max(0, j - half)]) / width;
                    double over = Math.abs(g) - c.epsilon;
                    loss += over > 0 ? weight * over : 0;
                    slope[j] = over > 0 ? weight * Math.signum(g) : 0;
                }
            }
            // an event is in the windows of those that are in its own
            double[] slopes = sum;
            for (int j = 0; j < size; j++) {
                slopes[j + 1] = slopes[j] + slope[j];
            }
            for (int j = 0; j < size; j++) {
                double g = slopes[Math.min(size, j + half + 1)] - slopes[Math.max(0, j - half)];
                gradient[at[j]] += factor * g / width;
            }
            return factor * loss;
        }

        /** Events of the rows that take part; of all rows, where every row would be left out or none has the class. */
        private void take(int without) {
            size = 0;
            sum[0] = 0;
            for (int e : order) {
                int row = e / classes;
                if (label[row] == without) {
                    continue;
                }
                p[size] = value[e] + LEAST;
                at[size] = e;
                sum[size + 1] = sum[size] + value[e] - (label[row] == e - row * classes ? 1 : 0);
                size++;
            }
        }

        /** Where the parts that are averaged alone begin. */
        private int[] parts() {
            switch (c.weighting) {
                case UNWEIGHTED -> {
                    return new int[] {0, size};
                }
                case CLUSTERED -> {
                    clustered = KMeans1d.ofSorted(p, size, c.clusters);
                    return clustered.from();
                }
                default -> {
                    int[] from = new int[c.clusters + 1];
                    from[c.clusters] = size;
                    int j = 0;
                    for (int b = 1; b < c.clusters; b++) {
                        while (j < size && p[j] <= (double) b / c.clusters) {
                            j++;
                        }
                        from[b] = j;
                    }
                    return from;
                }
            }
        }

        int[] clusters() {
            return size == 0 ? new int[0] : clustered.assign();
        }
    }
}
