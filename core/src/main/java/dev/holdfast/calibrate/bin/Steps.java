package dev.holdfast.calibrate.bin;

import java.util.Arrays;

/**
 * A function that is constant between edges: value i holds on (edge i-1, edge i].
 *
 * @param edges rising, one fewer than values
 */
record Steps(double[] edges, double[] values) {
    /** The function that says of every bin how often it came true; an empty bin says its middle. */
    static Steps frequencies(OneVsRest x, double[] edges) {
        double[] values = new double[edges.length + 1];
        for (int b = 0, from = 0; b < values.length; b++) {
            int to = b == edges.length ? x.size() : x.above(edges[b]);
            values[b] = to == from
                    ? ((b == 0 ? 0 : edges[b - 1]) + (b == edges.length ? 1 : edges[b])) / 2
                    : Arrays.stream(x.hit(), from, to).sum() / (to - from);
            from = to;
        }
        return new Steps(edges, values);
    }

    /** Edges of bins of equal mass: halfway between the rows that they part; equal ones only once. */
    static double[] equalMass(OneVsRest x, int bins) {
        double[] edges = new double[Math.max(0, bins - 1)];
        int used = 0;
        for (int b = 1; b < bins; b++) {
            int at = (int) ((long) b * x.size() / bins);
            if (at > 0 && at < x.size() && x.p()[at] > x.p()[at - 1]) {
                double edge = (x.p()[at - 1] + x.p()[at]) / 2;
                if (used == 0 || edge > edges[used - 1]) {
                    edges[used++] = edge;
                }
            }
        }
        return Arrays.copyOf(edges, used);
    }

    double at(double p) {
        int i = Arrays.binarySearch(edges, p);
        return values[i >= 0 ? i : -i - 1];
    }
}
