package dev.holdfast.metricspace;

import java.util.Arrays;
import java.util.PriorityQueue;

/** Lengths of shortest paths in an undirected graph over labels 0..n-1 (Dijkstra); a row takes O(edges log labels). */
public final class GraphMetric implements LabelMetric {
    private final int nodes;
    private final Edges edges;

    /**
     * @param edges pairs of labels
     * @param lengths of the edges, finite and > 0
     * @throws IllegalArgumentException where a label cannot be reached from another
     */
    public GraphMetric(int nodes, int[][] edges, double[] lengths) {
        if (lengths.length != edges.length) {
            throw new IllegalArgumentException(
                    edges.length + " edges have " + lengths.length + " lengths; expected one each.");
        }
        this.nodes = nodes;
        this.edges = new Edges(nodes, edges, lengths);
        double[] first = row(0);
        for (int v = 0; v < nodes; v++) {
            if (Double.isInfinite(first[v])) {
                throw new IllegalArgumentException(
                        "Label " + v + " cannot be reached from label 0, so their distance is"
                                + " infinite.\nMaybe join the parts of the graph by a long edge.");
            }
        }
    }

    /** With edges of length 1. */
    public static GraphMetric of(int nodes, int[][] edges) {
        double[] ones = new double[edges.length];
        Arrays.fill(ones, 1);
        return new GraphMetric(nodes, edges, ones);
    }

    /** A grid, labels row by row, neighbours at distance 1. */
    public static GraphMetric grid(int height, int width) {
        if (height < 1 || width < 1) {
            throw new IllegalArgumentException(
                    "A grid has sides >= 1 but " + height + " and " + width + " were given.");
        }
        int[][] e = new int[height * (width - 1) + (height - 1) * width][];
        int at = 0;
        for (int i = 0; i < height; i++) {
            for (int j = 0; j < width; j++) {
                if (j + 1 < width) {
                    e[at++] = new int[] {i * width + j, i * width + j + 1};
                }
                if (i + 1 < height) {
                    e[at++] = new int[] {i * width + j, (i + 1) * width + j};
                }
            }
        }
        return of(height * width, e);
    }

    @Override
    public int size() {
        return nodes;
    }

    private record Reached(int node, double distance) {}

    @Override
    public double[] row(int label) {
        double[] d = new double[nodes];
        Arrays.fill(d, Double.POSITIVE_INFINITY);
        d[checked(label)] = 0;
        PriorityQueue<Reached> open = new PriorityQueue<>((a, b) -> Double.compare(a.distance, b.distance));
        open.add(new Reached(label, 0));
        while (!open.isEmpty()) {
            Reached r = open.poll();
            if (r.distance > d[r.node]) {
                continue;
            }
            for (int e = edges.from(r.node); e < edges.to(r.node); e++) {
                double there = r.distance + edges.length(e);
                if (there < d[edges.end(e)]) {
                    d[edges.end(e)] = there;
                    open.add(new Reached(edges.end(e), there));
                }
            }
        }
        return d;
    }
}
