package dev.holdfast.metricspace;

/** Undirected edges by node, checked. */
final class Edges {
    private final int[] start;
    private final int[] end;
    private final double[] length;

    Edges(int nodes, int[][] edges, double[] lengths) {
        if (nodes < 1) {
            throw new IllegalArgumentException("A label space needs at least 1 label but has " + nodes + ".");
        }
        start = new int[nodes + 1];
        for (int e = 0; e < edges.length; e++) {
            int[] ab = edges[e];
            if (ab.length != 2 || ab[0] < 0 || ab[0] >= nodes || ab[1] < 0 || ab[1] >= nodes || ab[0] == ab[1]) {
                throw new IllegalArgumentException("Edge " + e + " is " + java.util.Arrays.toString(ab)
                        + "; expected two different nodes of 0.." + (nodes - 1) + ".");
            }
            if (!(lengths[e] > 0) || Double.isInfinite(lengths[e])) {
                throw new IllegalArgumentException("Edge " + e + " (" + ab[0] + " to " + ab[1] + ") has the length "
                        + lengths[e] + "; expected finite and > 0.");
            }
            start[ab[0] + 1]++;
            start[ab[1] + 1]++;
        }
        for (int v = 0; v < nodes; v++) {
            start[v + 1] += start[v];
        }
        end = new int[2 * edges.length];
        length = new double[end.length];
        int[] next = start.clone();
        for (int e = 0; e < edges.length; e++) {
            for (int side = 0; side < 2; side++) {
                int at = next[edges[e][side]]++;
                end[at] = edges[e][1 - side];
                length[at] = lengths[e];
            }
        }
    }

    int from(int node) {
        return start[node];
    }

    int to(int node) {
        return start[node + 1];
    }

    int end(int edge) {
        return end[edge];
    }

    double length(int edge) {
        return length[edge];
    }
}
