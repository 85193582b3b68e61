package dev.holdfast.math;

import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.Deque;

/**
 * Minimum of a smooth function by L-BFGS with a backtracking line search; meant for convex functions of some hundred
 * numbers.
 *
 * <p>Nocedal, Wright: <i>Numerical Optimization</i>, 2006, algorithms 7.4 and 7.5. Pure function; safe from any thread.
 */
public final class Lbfgs {
    private static final int MEMORY = 20;
    private static final double SUFFICIENT = 1e-4;
    /** Ends, too, when the value has fallen by no more than this share for some rounds. */
    private static final double STILL = 1e-13;

    private Lbfgs() {}

    /** Value at x; writes the gradient into {@code gradient}. */
    public interface Smooth {
        double at(double[] x, double[] gradient);
    }

    private record Pair(double[] s, double[] y, double rho) {}

    /**
     * The best point found.
     *
     * @param tolerance ends when no entry of the gradient is larger
     * @param rounds ends after so many steps
     */
    public static double[] minimise(Smooth f, double[] start, double tolerance, int rounds) {
        int n = start.length;
        double[] x = start.clone();
        double[] g = new double[n];
        double value = f.at(x, g);
        if (!Double.isFinite(value)) {
            throw new IllegalArgumentException("A minimum cannot be looked for from a start with value " + value + ".");
        }
        Deque<Pair> memory = new ArrayDeque<>();
        int still = 0;
        for (int round = 0; round < rounds && largest(g) > tolerance; round++) {
            double[] d = direction(g, memory);
            double slope = dot(d, g);
            if (!(slope < 0)) {
                memory.clear();
                d = negative(g);
                slope = dot(d, g);
            }
            double step = memory.isEmpty() ? Math.min(1, 1 / Math.sqrt(-slope)) : 1;
            double[] next = new double[n];
            double[] gNext = new double[n];
            double vNext = Double.NaN;
            boolean down = false;
            for (int halving = 0; halving < 60 && !down; halving++, step /= 2) {
                for (int i = 0; i < n; i++) {
                    next[i] = x[i] + step * d[i];
                }
                vNext = f.at(next, gNext);
                down = vNext <= value + SUFFICIENT * step * slope;
            }
            if (!down || Arrays.equals(next, x)) {
                break;
            }
            double[] s = minus(next, x);
            double[] y = minus(gNext, g);
            double sy = dot(s, y);
            if (sy > 1e-300) {
                memory.addLast(new Pair(s, y, 1 / sy));
                if (memory.size() > MEMORY) {
                    memory.removeFirst();
                }
            }
            still = value - vNext <= STILL * Math.abs(value) ? still + 1 : 0;
            x = next;
            g = gNext;
            value = vNext;
            if (still >= MEMORY) {
                break;
            }
        }
        return x;
    }

    /** Minus the inverse Hessian as remembered, times g. */
    private static double[] direction(double[] g, Deque<Pair> memory) {
        double[] q = negative(g);
        double[] alpha = new double[memory.size()];
        int i = memory.size();
        for (var pairs = memory.descendingIterator(); pairs.hasNext(); ) {
            Pair p = pairs.next();
            alpha[--i] = p.rho * dot(p.s, q);
            add(q, -alpha[i], p.y);
        }
        if (!memory.isEmpty()) {
            Pair last = memory.getLast();
            double scale = 1 / (last.rho * dot(last.y, last.y));
            for (int j = 0; j < q.length; j++) {
                q[j] *= scale;
            }
        }
        for (Pair p : memory) {
            add(q, alpha[i++] - p.rho * dot(p.y, q), p.s);
        }
        return q;
    }

    private static double[] negative(double[] a) {
        return Arrays.stream(a).map(v -> -v).toArray();
    }

    private static double[] minus(double[] a, double[] b) {
        double[] r = a.clone();
        add(r, -1, b);
        return r;
    }

    private static void add(double[] to, double a, double[] d) {
        for (int i = 0; i < to.length; i++) {
            to[i] += a * d[i];
        }
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    private static double largest(double[] g) {
        return Arrays.stream(g).map(Math::abs).max().orElse(0);
    }
}
