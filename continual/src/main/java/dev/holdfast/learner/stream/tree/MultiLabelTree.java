package dev.holdfast.learner.stream.tree;

import dev.holdfast.learner.stream.part.Example;
import dev.holdfast.learner.stream.part.NumberReader;
import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.learner.stream.part.StreamContext;
import dev.holdfast.math.stream.Adwin;

/**
 * A Hoeffding tree for label sets (MLHT), and its adaptive form (MLHAT), which notices where its loss has changed and
 * replaces such a part by a subtree that grew in the background.
 *
 * <p>A leaf splits when the best test of a column is better than that of any other by the Hoeffding bound ({@link
 * SplitSearch}). Every split node watches the Hamming loss below it with an {@link Adwin} window; when it rises, an
 * alternate starts. Once both have seen 200 rows, the one whose loss is worse by more than
 * {@code sqrt(2 e (1 - e) ln(2 / 0.05) (1 / n_alternate + 1 / n))} goes. Predictions are those of the leaf and of the
 * alternates' leaves of weight above 200, each divided by its squared Hamming loss.
 *
 * <p>Esteban, Cano, Zafra, Ventura: <i>Hoeffding adaptive trees for multi-label classification on data streams</i>,
 * Knowledge-Based Systems 2024; Read et al., Machine Learning 2012. One thread learns; any number may predict meanwhile if
 * the caller locks.
 */
public final class MultiLabelTree {
    private static final double MATURE = 200;
    private static final double REPLACE_DELTA = 0.05;
    private static final double LEAST_LOSS = 1e-3;

    private final Labelling labelling;
    private final TreeConfig config;
    private Node root;

    /** Leaves with those of alternates. */
    private int leaves = 1;

    /** Loss of the leaf that learnt last, and the leaf whose prediction is known already. */
    private double lastLoss;

    private Leaf known;
    private double[] knownPrediction;
    private double[] own;
    private int replaced;

    /** @param labels the labels that it learns, ascending, among those of the stream */
    public MultiLabelTree(TreeConfig config, StreamContext context, int[] labels) {
        this(config, context, labels, null);
    }

    /** @param subspace columns that leaves look at; null for all */
    MultiLabelTree(TreeConfig config, StreamContext context, int[] labels, Subspace subspace) {
        this.labelling = new Labelling(context, config, labels.clone(), subspace);
        this.config = config;
        this.root = new Leaf(labelling);
        this.own = new double[labels.length];
    }

    /** Labels of the tree, ascending. */
    public int[] labels() {
        return labelling.labels.clone();
    }

    public int size() {
        return labelling.size();
    }

    /** Leaves of the tree, without alternates. */
    public int leaves() {
        return root.leaves(false);
    }

    /** How often a part of the tree was replaced by its alternate. */
    public int replacements() {
        return replaced;
    }

    public long parameters() {
        return root.parameters();
    }

    /** Writes P(label) of a row to the first entries of {@code p}, labels ascending. */
    public void predict(Example e, double[] p) {
        predictFrom(e, p);
    }

    /** Returns the leaf if only one has a say. */
    private Leaf predictFrom(Example e, double[] p) {
        Node n = root;
        boolean voices = false;
        while (n instanceof Branch b) {
            voices |= b.alternate != null && b.alternate.leaf(e.x).weight() > MATURE;
            n = b.child(e.x);
        }
        Leaf leaf = (Leaf) n;
        leaf.predict(e, p);
        if (!voices) {
            return leaf;
        }
        int size = size();
        double vote = vote(leaf);
        for (int l = 0; l < size; l++) {
            p[l] *= vote;
        }
        double all = vote + background(root, e, p);
        for (int l = 0; l < size; l++) {
            p[l] = Math.min(1, p[l] / all);
        }
        return null;
    }

    /** Adds the votes of mature leaves of alternates along the row's path, and returns their sum. */
    private double background(Node from, Example e, double[] p) {
        double all = 0;
        Node n = from;
        while (n instanceof Branch b) {
            if (b.alternate != null) {
                Leaf leaf = b.alternate.leaf(e.x);
                if (leaf.weight() > MATURE) {
                    double vote = vote(leaf);
                    double[] q = e.buffer(size());
                    leaf.predict(e, q);
                    for (int l = 0; l < size(); l++) {
                        p[l] += vote * q[l];
                    }
                    all += vote;
                }
                all += background(b.alternate, e, p);
            }
            n = b.child(e.x);
        }
        return all;
    }

    private static double vote(Leaf leaf) {
        double loss = Math.max(LEAST_LOSS, leaf.loss());
        return 1 / (loss * loss);
    }

    /** Share of wrong decisions of these probabilities on the row that was learnt last. */
    double hamming(double[] p) {
        return labelling.hamming(p);
    }

    /** Learns a row; {@code p} receives what {@link #predict} would have said before. */
    public void learn(Example e, double[] p) {
        known = predictFrom(e, p);
        knownPrediction = p;
        labelling.read(e);
        double weight = e.weight;
        if (config.adaptive()) {
            weight *= e.poisson > 0 ? e.poisson : config.skipZeroDraws() ? 0 : 1;
        }
        if (weight > 0) {
            root = learn(root, e, weight);
        }
        known = null;
        knownPrediction = null;
    }

    private Node learn(Node node, Example e, double weight) {
        if (node instanceof Leaf leaf) {
            return learn(leaf, e, weight);
        }
        Branch b = (Branch) node;
        if (b.by.left(e.x)) {
            b.left = learn(b.left, e, weight);
        } else {
            b.right = learn(b.right, e, weight);
        }
        return config.adaptive() ? watch(b, e, weight) : b;
    }

    private Leaf scored(Leaf leaf, Example e) {
        double[] p = knownPrediction;
        if (leaf != known) {
            p = own;
            leaf.predict(e, p);
        }
        lastLoss = labelling.hamming(p);
        leaf.scored(lastLoss);
        return leaf;
    }

    private Node learn(Leaf leaf, Example e, double weight) {
        scored(leaf, e).learn(e, weight);
        if (leaf.weight() - leaf.attempted < config.grace()) {
            return leaf;
        }
        leaf.attempted = leaf.weight();
        if (leaf.pure() || leaves >= config.maxLeaves()) {
            return leaf;
        }
        Split s = SplitSearch.of(leaf);
        if (s == null) {
            return leaf;
        }
        leaves++;
        Branch b = leaf.split(s);
        labelling.read(e);
        return b;
    }

    /** Feeds the detectors of a branch, starts, promotes or drops its alternate; returns what stands in its place. */
    private Node watch(Branch b, Example e, double weight) {
        double foreground = lastLoss;
        boolean changed = b.loss.add(foreground);
        if (b.alternate != null) {
            b.alternate = learn(b.alternate, e, weight);
            b.alternateLoss.add(lastLoss);
            lastLoss = foreground;
            if (b.loss.width() > MATURE && b.alternateLoss.width() > MATURE) {
                double mine = b.loss.mean();
                double theirs = b.alternateLoss.mean();
                double bound = Math.sqrt(2
                        * mine
                        * (1 - mine)
                        * Math.log(2 / REPLACE_DELTA)
                        * (1.0 / b.alternateLoss.width() + 1.0 / b.loss.width()));
                if (mine - theirs > bound) {
                    return replace(b);
                }
                if (theirs - mine > bound) {
                    leaves -= b.alternate.leaves(true);
                    b.prune();
                }
            }
        } else if (changed && (config.anyChange() || b.loss.rose())) {
            b.grow();
            leaves++;
        }
        return b;
    }

    private Node replace(Branch b) {
        Node promoted = b.alternate;
        if (promoted instanceof Branch other) {
            other.loss = b.alternateLoss;
        }
        b.left.close(labelling.context.store());
        b.right.close(labelling.context.store());
        leaves -= b.left.leaves(true) + b.right.leaves(true);
        replaced++;
        return promoted;
    }

    /**
     * A copy for some of its labels, ascending: the same tests, with the statistics, stored rows and models of those
     * labels. Where rows without any of them lie is not recorded, so they are taken to lie like all rows.
     */
    public MultiLabelTree project(int[] labels) {
        MultiLabelTree t = new MultiLabelTree(config, labelling.context, labels, labelling.subspace);
        int[] keep = new int[labels.length];
        for (int l = 0; l < labels.length; l++) {
            keep[l] = labelling.local[labels[l]];
            if (keep[l] < 0) {
                throw new IllegalArgumentException("Label " + labels[l] + " is not among the labels of the tree "
                        + java.util.Arrays.toString(labelling.labels) + ".");
            }
        }
        t.root.close(labelling.context.store());
        t.root = root.project(t.labelling, keep);
        t.leaves = leaves;
        return t;
    }

    /**
     * The same tree with further labels, which no row had so far; the others are predicted as before. This one is not to be
     * used afterwards.
     *
     * @param labels those of the tree, and larger ones behind them
     */
    public MultiLabelTree widen(int[] labels) {
        MultiLabelTree t = new MultiLabelTree(config, labelling.context, labels, labelling.subspace);
        t.root = root.widen(t.labelling);
        t.leaves = leaves;
        t.replaced = replaced;
        close();
        return t;
    }

    /** Lets go of all stored rows; the tree is not to be used afterwards. */
    public void close() {
        root.close(labelling.context.store());
    }

    public void save(NumberWriter w) {
        w.add(labelling.labels).add(leaves).add(replaced);
        if (labelling.subspace != null) {
            w.add(labelling.subspace.dealt());
        }
        root.save(w);
    }

    public static MultiLabelTree restore(TreeConfig config, StreamContext context, NumberReader r) {
        return restore(config, context, r, null);
    }

    static MultiLabelTree restore(TreeConfig config, StreamContext context, NumberReader r, Subspace subspace) {
        MultiLabelTree t = new MultiLabelTree(config, context, r.labels(context.labels()), subspace);
        t.leaves = r.integer(1, Integer.MAX_VALUE);
        t.replaced = r.integer(0, Integer.MAX_VALUE);
        if (subspace != null) {
            subspace.goOnAt(r.integer(1, Integer.MAX_VALUE));
        }
        t.root = Branch.restoreNode(t.labelling, r);
        return t;
    }
}
