package dev.holdfast.evaluate.metric;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Worst-case metrics of accuracy over time: what evaluations after each task cannot see, a collapse right after a switch
 * that is made good before the next. A(E_i, f_n) = accuracy on task i after update n; task k is being learnt, k tasks
 * have been seen so far, |T_i| is the last update of task i. Undefined numbers are NaN, never 0.
 *
 * <p>De Lange, van de Ven, Tuytelaars, <i>Continual evaluation for lifelong learning: Identifying the stability gap</i>,
 * arXiv 2205.13452, section 3; LCA: Chaudhry et al., arXiv 1812.00420, section 3.
 *
 * <p>Pure functions of the curves; safe from any thread. {@link RunningStabilityGap} gives the same numbers while a
 * learner learns.
 *
 * @param accuracy ACC = mean over seen tasks i of A(E_i, f_t) at the last evaluation t
 * @param forgetting FORG = mean over i < k of A(E_i, f_|T_i|) - A(E_i, f_t): against the end of each task
 * @param minAccuracies min over |T_i| < n <= t of A(E_i, f_n), for each task; NaN for the one being learnt. Updates of
 *     the task's own learning, its last one included, do not count
 * @param minAccuracy min-ACC = the mean of these over i < k
 * @param worstCaseAccuracy WC-ACC = A(E_k, f_t) / k + (1 - 1/k) min-ACC; A(E_1, f_t) for k = 1
 * @param windows WF and WP, one for each window asked for
 * @param learningCurveArea LCA = mean over tasks of the mean of the first beta accuracies while the task is learnt (of
 *     all, where there are fewer)
 */
public record StabilityGap(
        double accuracy,
        double forgetting,
        double[] minAccuracies,
        double minAccuracy,
        double worstCaseAccuracy,
        List<Windowed> windows,
        double learningCurveArea) {

    /** The paper's shorter window. */
    public static final int SHORT = 10;
    /** The paper's longer window. */
    public static final int LONG = 100;
    /** Accuracies that LCA is the mean of. */
    public static final int BETA = 10;

    /**
     * The largest change between two evaluations of one window: W consecutive evaluations since the task was first seen,
     * over no more updates than W evaluations at the curve's spacing take.
     *
     * @param window W
     * @param drops max over windows and n < m of A(E_i, f_n) - A(E_i, f_m), for each task, never below 0
     * @param forgetting WF^W = mean of the drops over seen tasks
     * @param rises the same with A(E_i, f_m) - A(E_i, f_n)
     * @param plasticity WP^W = mean of the rises
     */
    public record Windowed(int window, double[] drops, double forgetting, double[] rises, double plasticity) {}

    /** With windows of 10 and 100 evaluations and beta 10, as in the paper. */
    public static StabilityGap of(AccuracyCurves c) {
        return of(c, List.of(SHORT, LONG), BETA);
    }

    /** All metrics at the last evaluation. */
    public static StabilityGap of(AccuracyCurves c, List<Integer> windows, int beta) {
        checkBeta(beta);
        int tasks = c.tasks();
        int t = c.size() - 1;
        double[] now = Arrays.copyOf(c.accuracy()[t], tasks);
        double[] least = minAccuracies(c, t);
        double lost = 0;
        for (int i = 0; i < tasks - 1; i++) {
            lost += c.accuracy()[c.last(i)][i] - now[i];
        }
        List<Windowed> each = new ArrayList<>();
        for (int w : windows) {
            double[] drops = new double[tasks];
            double[] rises = new double[tasks];
            for (int i = 0; i < tasks; i++) {
                drops[i] = largestDrop(c, i, w);
                rises[i] = largestRise(c, i, w);
            }
            each.add(new Windowed(w, drops, mean(drops, tasks), rises, mean(rises, tasks)));
        }
        double min = mean(least, tasks - 1);
        return new StabilityGap(
                mean(now, tasks),
                tasks == 1 ? Double.NaN : lost / (tasks - 1),
                least,
                min,
                worstCase(now[tasks - 1], min, tasks),
                List.copyOf(each),
                learningCurveArea(c, beta));
    }

    /** The metrics of one window; it must be among those asked for. */
    public Windowed window(int w) {
        return windows.stream()
                .filter(x -> x.window == w)
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("There is no window of " + w + "; there are "
                        + windows.stream().map(Windowed::window).toList() + "."));
    }

    /** WC-ACC at every evaluation. */
    public static double[] worstCaseAccuracies(AccuracyCurves c) {
        double[] wc = new double[c.size()];
        double[] least = new double[c.accuracy()[0].length];
        Arrays.fill(least, Double.POSITIVE_INFINITY);
        for (int n = 0; n < wc.length; n++) {
            int k = c.task()[n];
            double sum = 0;
            for (int i = 0; i < k; i++) {
                least[i] = Math.min(least[i], c.accuracy()[n][i]);
                sum += least[i];
            }
            wc[n] = worstCase(c.accuracy()[n][k], sum / k, k + 1);
        }
        return wc;
    }

    /** Largest drop of a task's accuracy inside any window. */
    public static double largestDrop(AccuracyCurves c, int task, int window) {
        return largest(c, task, window, 1);
    }

    /** Largest rise of a task's accuracy inside any window. */
    public static double largestRise(AccuracyCurves c, int task, int window) {
        return largest(c, task, window, -1);
    }

    private static double largest(AccuracyCurves c, int task, int window, int sign) {
        checkWindow(window);
        long reach = (window - 1) * c.spacing();
        double largest = 0;
        for (int m = c.first(task); m < c.size(); m++) {
            int from = Math.max(c.first(task), m - window + 1);
            for (int n = from; n < m; n++) {
                if (c.step()[m] - c.step()[n] <= reach) {
                    largest = Math.max(largest, sign * (c.accuracy()[n][task] - c.accuracy()[m][task]));
                }
            }
        }
        return largest;
    }

    private static double[] minAccuracies(AccuracyCurves c, int t) {
        double[] least = new double[c.tasks()];
        Arrays.fill(least, Double.NaN);
        for (int i = 0; i < least.length - 1; i++) {
            double m = Double.POSITIVE_INFINITY;
            for (int n = 0; n <= t; n++) {
                if (c.task()[n] > i) {
                    m = Math.min(m, c.accuracy()[n][i]);
                }
            }
            least[i] = m;
        }
        return least;
    }

    private static double learningCurveArea(AccuracyCurves c, int beta) {
        double[] area = new double[c.tasks()];
        int[] points = new int[c.tasks()];
        for (int n = 0; n < c.size(); n++) {
            int k = c.task()[n];
            if (points[k] < beta) {
                area[k] += c.accuracy()[n][k];
                points[k]++;
            }
        }
        return meanOfMeans(area, points);
    }

    static double meanOfMeans(double[] sum, int[] points) {
        double all = 0;
        int tasks = 0;
        for (int k = 0; k < sum.length; k++) {
            if (points[k] > 0) {
                all += sum[k] / points[k];
                tasks++;
            }
        }
        return all / tasks;
    }

    static double worstCase(double newest, double min, int tasks) {
        return tasks == 1 ? newest : newest / tasks + (1 - 1.0 / tasks) * min;
    }

    /** NaN of none. */
    static double mean(double[] a, int count) {
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += a[i];
        }
        return count == 0 ? Double.NaN : sum / count;
    }

    static void checkWindow(int window) {
        if (window < 2) {
            throw new IllegalArgumentException(
                    "A window must hold at least 2 evaluations, for there to be a change, but holds " + window + ".");
        }
    }

    static void checkBeta(int beta) {
        if (beta < 1) {
            throw new IllegalArgumentException("LCA is a mean of beta >= 1 accuracies but beta is " + beta + ".");
        }
    }
}
