package dev.holdfast.learner.stream;

import dev.holdfast.learner.stream.part.Example;
import dev.holdfast.learner.stream.part.NumberReader;
import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.learner.stream.part.StreamContext;
import dev.holdfast.learner.stream.tree.MultiLabelTree;
import dev.holdfast.math.stream.Adwin;
import dev.holdfast.math.stream.SlidingWindow;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** One group of labels with its tree, its detector, and the trees that predict until a replayed one has caught up. */
final class LabelGroup {
    private final Ihomer.Config config;
    private final int[] labels;
    private final MultiLabelTree tree;
    private Adwin drift;

    /** Trees of former groups, for disjoint parts of the labels; empty once the own tree predicts. */
    private List<MultiLabelTree> elders = List.of();

    private boolean unread;
    private SlidingWindow own;
    private SlidingWindow theirs;

    private LabelGroup(Ihomer.Config config, int[] labels, MultiLabelTree tree) {
        this.config = config;
        this.labels = labels;
        this.tree = tree;
        this.drift = new Adwin(config.driftDelta());
        this.own = new SlidingWindow(config.replay());
        this.theirs = new SlidingWindow(config.replay());
    }

    static LabelGroup fresh(Ihomer.Config c, StreamContext context, int[] labels) {
        return new LabelGroup(c, labels, new MultiLabelTree(c.tree(), context, labels));
    }

    /** A part of one former group copies its tree; labels of several are replayed, and their trees help out. */
    static LabelGroup from(List<LabelGroup> former, int[] labels, Ihomer.Config c, StreamContext context) {
        LabelGroup whole = null;
        List<MultiLabelTree> helpers = new ArrayList<>();
        for (LabelGroup g : former) {
            int[] part = common(g.labels, labels);
            if (part.length == labels.length) {
                whole = g;
            }
            for (MultiLabelTree t : g.speaking()) {
                int[] mine = common(t.labels(), labels);
                if (mine.length > 0) {
                    helpers.add(t.project(mine));
                }
            }
        }
        LabelGroup g;
        if (whole != null) {
            g = new LabelGroup(c, labels, whole.tree.project(labels));
            if (whole.elders.isEmpty()) {
                helpers.forEach(MultiLabelTree::close);
                helpers = List.of();
            }
        } else {
            g = fresh(c, context, labels);
            g.unread = true;
        }
        g.elders = List.copyOf(helpers);
        return g;
    }

    /** The same group with further labels, which no row had so far. */
    LabelGroup widen(int[] to) {
        LabelGroup g = new LabelGroup(config, to, tree.widen(to));
        g.drift = drift;
        return g;
    }

    private static int[] common(int[] a, int[] b) {
        return Arrays.stream(a).filter(l -> Arrays.binarySearch(b, l) >= 0).toArray();
    }

    /** Whether the tree is to be replayed before it learns on. */
    boolean unread() {
        return unread;
    }

    /** Learns a row of the past. */
    void replay(Example e) {
        tree.learn(e, e.part(labels.length));
        unread = false;
    }

    private List<MultiLabelTree> speaking() {
        return elders.isEmpty() ? List.of(tree) : elders;
    }

    int[] labels() {
        return labels;
    }

    int leaves() {
        return tree.leaves();
    }

    long parameters() {
        return tree.parameters()
                + elders.stream().mapToLong(MultiLabelTree::parameters).sum();
    }

    void predict(Example e, double[] p) {
        if (elders.isEmpty()) {
            double[] part = e.part(labels.length);
            tree.predict(e, part);
            spread(labels, part, p);
            return;
        }
        for (MultiLabelTree t : elders) {
            double[] part = e.part(t.size());
            t.predict(e, part);
            spread(t.labels(), part, p);
        }
    }

    private static void spread(int[] to, double[] part, double[] p) {
        for (int i = 0; i < to.length; i++) {
            p[to[i]] = part[i];
        }
    }

    /** Learns a row and writes what was predicted before; true if the group's loss has risen. */
    boolean learn(Example e, double[] p) {
        double[] part = e.part(labels.length);
        tree.learn(e, part);
        spread(labels, part, p);
        double loss = hamming(p, e);
        if (!elders.isEmpty()) {
            own.add(loss);
            for (MultiLabelTree t : elders) {
                t.learn(e, part);
                spread(t.labels(), part, p);
            }
            loss = hamming(p, e);
            theirs.add(loss);
            if (own.full() && own.mean() <= theirs.mean()) {
                elders.forEach(MultiLabelTree::close);
                elders = List.of();
            }
        }
        return drift.add(loss) && drift.rose();
    }

    private double hamming(double[] p, Example e) {
        int wrong = 0;
        for (int l : labels) {
            wrong += p[l] > 0.5 ? 1 : 0;
        }
        for (int i = 0, at = 0; i < e.count; i++) {
            while (at < labels.length && labels[at] < e.labels[i]) {
                at++;
            }
            if (at < labels.length && labels[at] == e.labels[i]) {
                wrong += p[e.labels[i]] > 0.5 ? -1 : 1;
            }
        }
        return (double) wrong / labels.length;
    }

    void close() {
        tree.close();
        elders.forEach(MultiLabelTree::close);
    }

    void save(NumberWriter w) {
        w.add(labels);
        tree.save(w);
        w.add(drift.save()).add(elders.size());
        for (MultiLabelTree t : elders) {
            t.save(w);
        }
        w.add(own.values()).add(theirs.values());
    }

    static LabelGroup restore(Ihomer.Config c, StreamContext context, NumberReader r) {
        int[] labels = r.labels(context.labels());
        MultiLabelTree tree = MultiLabelTree.restore(c.tree(), context, r);
        if (labels.length == 0 || !Arrays.equals(tree.labels(), labels)) {
            throw r.damaged("a group and its tree have other labels");
        }
        LabelGroup g = new LabelGroup(c, labels, tree);
        g.drift = Adwin.restore(c.driftDelta(), r.doubles());
        int n = r.integer(0, labels.length);
        List<MultiLabelTree> elders = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            elders.add(MultiLabelTree.restore(c.tree(), context, r));
        }
        g.elders = elders;
        for (double v : r.doubles()) {
            g.own.add(v);
        }
        for (double v : r.doubles()) {
            g.theirs.add(v);
        }
        return g;
    }
}
