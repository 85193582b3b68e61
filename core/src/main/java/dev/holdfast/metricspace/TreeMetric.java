package dev.holdfast.metricspace;

import dev.holdfast.data.tree.Taxonomy;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * Distances along a tree. Labels are nodes of it: all of them, or some, such as the leaves. A row takes O(nodes).
 */
public final class TreeMetric implements LabelMetric {
    /** Parent of every node, -1 at the root. */
    private final int[] parent;
    /** Length of the edge to the parent. */
    private final double[] length;
    /** Nodes, parents before children. */
    private final int[] order;

    private final int[] nodeOf;

    private TreeMetric(int[] parent, double[] length, int[] order, int[] nodeOf) {
        this.parent = parent;
        this.length = length;
        this.order = order;
        this.nodeOf = nodeOf;
    }

    /** A tree over nodes 0..n-1, all of them labels, with edges {a, b} of length 1. */
    public static TreeMetric of(int nodes, int[][] edges) {
        double[] ones = new double[edges.length];
        Arrays.fill(ones, 1);
        return of(nodes, edges, ones);
    }

    /**
     * A tree over nodes 0..n-1, all of them labels.
     *
     * @param lengths of the edges, finite and > 0
     * @throws IllegalArgumentException where the edges are no tree
     */
    public static TreeMetric of(int nodes, int[][] edges, double[] lengths) {
        if (edges.length != nodes - 1 || lengths.length != edges.length) {
            throw new IllegalArgumentException(
                    "A tree of " + nodes + " nodes has " + (nodes - 1) + " edges, each with a"
                            + " length, but there are " + edges.length + " edges and " + lengths.length + " lengths.");
        }
        Edges all = new Edges(nodes, edges, lengths);
        int[] parent = new int[nodes];
        double[] length = new double[nodes];
        int[] order = new int[nodes];
        Arrays.fill(parent, -2);
        parent[0] = -1;
        int found = 1;
        for (int i = 0; i < found; i++) {
            int v = order[i];
            for (int e = all.from(v); e < all.to(v); e++) {
                int u = all.end(e);
                if (parent[u] == -2) {
                    parent[u] = v;
                    length[u] = all.length(e);
                    order[found++] = u;
                }
            }
        }
        if (found < nodes) {
            int lost = IntStream.range(0, nodes)
                    .filter(v -> parent[v] == -2)
                    .findFirst()
                    .orElseThrow();
            throw new IllegalArgumentException(
                    "Node " + lost + " cannot be reached from node 0, so the edges are no tree.");
        }
        return new TreeMetric(parent, length, order, IntStream.range(0, nodes).toArray());
    }

    /**
     * The classes of a label tree, its edges of length 1. Where there are several top classes a node above them joins them,
     * which is no label.
     */
    public static TreeMetric of(Taxonomy tree) {
        int n = tree.size();
        int tops = (int) IntStream.range(0, n).filter(i -> tree.parent(i) < 0).count();
        int nodes = tops > 1 ? n + 1 : n;
        int[] parent = new int[nodes];
        double[] length = new double[nodes];
        Arrays.fill(length, 1);
        for (int i = 0; i < n; i++) {
            parent[i] = tree.parent(i) < 0 && tops > 1 ? n : tree.parent(i);
        }
        if (tops > 1) {
            parent[n] = -1;
        }
        return new TreeMetric(
                parent, length, ordered(parent), IntStream.range(0, n).toArray());
    }

    /** Only these nodes as labels, in this order: the leaves of a phylogenetic tree, say. */
    public TreeMetric restrictedTo(int... labels) {
        requireObserved(labels);
        return new TreeMetric(
                parent, length, order, Arrays.stream(labels).map(l -> nodeOf[l]).toArray());
    }

    private static int[] ordered(int[] parent) {
        int n = parent.length;
        int[] depth = new int[n];
        for (int v = 0; v < n; v++) {
            for (int u = v; parent[u] >= 0; u = parent[u]) {
                depth[v]++;
            }
        }
        return IntStream.range(0, n)
                .boxed()
                .sorted(java.util.Comparator.comparingInt(v -> depth[v]))
                .mapToInt(v -> v)
                .toArray();
    }

    @Override
    public int size() {
        return nodeOf.length;
    }

    /** Number of nodes, labels or not. */
    public int nodes() {
        return parent.length;
    }

    /** Whether every node is a label. */
    public boolean complete() {
        return nodeOf.length == parent.length;
    }

    /** Node of a label. */
    int node(int label) {
        return nodeOf[checked(label)];
    }

    int[] parents() {
        return parent;
    }

    double[] lengths() {
        return length;
    }

    int[] order() {
        return order;
    }

    int[] nodesOfLabels() {
        return nodeOf;
    }

    @Override
    public double[] row(int label) {
        double[] all = distances(node(label));
        double[] r = new double[nodeOf.length];
        for (int i = 0; i < r.length; i++) {
            r[i] = all[nodeOf[i]];
        }
        return r;
    }

    /** Distances from some nodes, whichever is nearest, to every node. */
    double[] distances(int... sources) {
        double[] d = new double[parent.length];
        Arrays.fill(d, Double.POSITIVE_INFINITY);
        for (int s : sources) {
            d[s] = 0;
        }
        // up: the nearest below; down: the nearest anywhere
        for (int i = order.length - 1; i > 0; i--) {
            int v = order[i];
            d[parent[v]] = Math.min(d[parent[v]], d[v] + length[v]);
        }
        for (int i = 1; i < order.length; i++) {
            int v = order[i];
            d[v] = Math.min(d[v], d[parent[v]] + length[v]);
        }
        return d;
    }

    /** Labels whose node has at most one edge. */
    public int[] leaves() {
        int[] degree = new int[parent.length];
        for (int v = 0; v < parent.length; v++) {
            if (parent[v] >= 0) {
                degree[v]++;
                degree[parent[v]]++;
            }
        }
        return IntStream.range(0, nodeOf.length)
                .filter(l -> degree[nodeOf[l]] <= 1)
                .toArray();
    }
}
