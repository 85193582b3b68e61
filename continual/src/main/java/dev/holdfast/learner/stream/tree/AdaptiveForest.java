package dev.holdfast.learner.stream.tree;

import dev.holdfast.config.Doc;
import dev.holdfast.learner.stream.part.Example;
import dev.holdfast.learner.stream.part.NumberReader;
import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.learner.stream.part.StreamContext;
import dev.holdfast.math.stream.Adwin;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * An adaptive random forest for label sets: Hoeffding trees that see every row as often as a Poisson draw says, each of
 * whose leaves looks at a random few columns. Each tree has two {@link Adwin} detectors of its loss: at a warning a tree
 * begins to grow in the background, at a drift it takes the tree's place. Trees vote with their accuracy over the
 * detector's window as weight.
 *
 * <p>Gomes, Bifet, Read et al.: <i>Adaptive random forests for evolving data stream classification</i>, Machine Learning
 * 2017, algorithm 2. One thread learns; any number may predict meanwhile if the caller locks.
 */
public final class AdaptiveForest {
    private static final double LEAST_VOTE = 1e-3;

    /** The defaults are those of the paper's ARF-fast, with leaves that name the label set seen most often. */
    public record Config(
            @Doc("trees of a forest") int members,
            @Doc("mean of the Poisson draws that say how often a tree sees a row") double lambda,
            @Doc("random columns that a leaf looks at; 0 for the root of all columns, plus 1") int columns,
            @Doc("confidence of the detector that starts a background tree") double warningDelta,
            @Doc("confidence of the detector that replaces a tree") double driftDelta,
            @Doc("the trees, which have no drift detection of their own") TreeConfig tree) {
        public Config {
            if (members < 1 || !(lambda > 0 && lambda <= 20) || columns < 0) {
                throw new IllegalArgumentException("Expected members >= 1, lambda in (0, 20] and columns >= 0 but got "
                        + members + ", " + lambda + ", " + columns + ".");
            }
            if (!(warningDelta > 0 && warningDelta < 1) || !(driftDelta > 0 && driftDelta < 1)) {
                throw new IllegalArgumentException("The confidences of a forest's detectors must be in (0, 1) but are "
                        + warningDelta + " and " + driftDelta + ".");
            }
            if (tree == null || tree.adaptive()) {
                throw new IllegalArgumentException("The trees of a forest must be plain ones (tree.adaptive=false): the"
                        + " forest draws rows and replaces trees itself.");
            }
        }

        public static Config defaults() {
            return new Config(10, 6, 0, 0.01, 0.001, TreeConfig.plainTree().withSplits(50, 0.01));
        }
    }

    private final class Member {
        private final int number;
        private int grown;

        /** Generations of the tree and of the one in the background, which their random columns depend on. */
        private int standing;

        private int born;
        private MultiLabelTree tree;
        private MultiLabelTree background;
        private Adwin warning = new Adwin(config.warningDelta);
        private Adwin drift = new Adwin(config.driftDelta);

        Member(int number) {
            this.number = number;
            this.tree = grow();
        }

        private MultiLabelTree grow() {
            return new MultiLabelTree(config.tree, context, labels, subspace(grown++));
        }

        private Subspace subspace(int generation) {
            int width = context.space().width();
            int few = config.columns > 0 ? config.columns : (int) Math.rint(Math.sqrt(width)) + 1;
            return new Subspace(few, rng.child("tree", number, generation));
        }

        private double vote() {
            return Math.max(LEAST_VOTE, 1 - drift.mean());
        }

        private void learn(Example e, double[] p) {
            tree.learn(e, p);
            double loss = tree.hamming(p);
            if (background != null) {
                background.learn(e, e.buffer(labels.length));
            }
            if (warning.add(loss) && warning.rose()) {
                if (background != null) {
                    background.close();
                }
                background = grow();
                born = grown - 1;
                warning = new Adwin(config.warningDelta);
            }
            if (drift.add(loss) && drift.rose()) {
                tree.close();
                standing = background != null ? born : grown;
                tree = background != null ? background : grow();
                background = null;
                replaced++;
                warning = new Adwin(config.warningDelta);
                drift = new Adwin(config.driftDelta);
            }
        }

        private void save(NumberWriter w) {
            w.add(grown).add(standing).add(warning.save()).add(drift.save());
            tree.save(w);
            w.add(background != null);
            if (background != null) {
                w.add(born);
                background.save(w);
            }
        }

        private void restore(NumberReader r) {
            grown = r.integer(1, Integer.MAX_VALUE);
            standing = r.integer(0, grown - 1);
            warning = Adwin.restore(config.warningDelta, r.doubles());
            drift = Adwin.restore(config.driftDelta, r.doubles());
            tree = tree(standing, r);
            background = null;
            if (r.flag()) {
                born = r.integer(0, grown - 1);
                background = tree(born, r);
            }
        }

        private MultiLabelTree tree(int generation, NumberReader r) {
            MultiLabelTree t = MultiLabelTree.restore(config.tree, context, r, subspace(generation));
            if (!Arrays.equals(t.labels(), labels)) {
                throw r.damaged("a tree of a forest has the labels " + Arrays.toString(t.labels()) + " instead of "
                        + Arrays.toString(labels));
            }
            return t;
        }
    }

    private final Config config;
    private final StreamContext context;
    private final int[] labels;
    private final Rng rng;
    private final List<Member> members = new ArrayList<>();
    private int replaced;

    /** @param labels the labels that it learns, ascending, among those of the stream */
    public AdaptiveForest(Config config, StreamContext context, int[] labels) {
        this.config = config;
        this.context = context;
        this.labels = labels.clone();
        this.rng = context.rng().child("forest", labels[0]);
        for (int m = 0; m < config.members; m++) {
            members.add(new Member(m));
        }
    }

    /** How often each tree sees a row, from the row's random stream; forests of one stream may share it. */
    public static int[] draws(Config config, Rng u) {
        int[] k = new int[config.members];
        for (int m = 0; m < k.length; m++) {
            double left = u.next();
            double p = Math.exp(-config.lambda);
            while (left >= p && p > 0) {
                left -= p;
                p *= config.lambda / ++k[m];
            }
        }
        return k;
    }

    /** Writes P(label) of a row to the first entries of {@code p}, labels ascending. */
    public void predict(Example e, double[] p) {
        double[] q = new double[labels.length];
        double[] sum = new double[labels.length];
        double all = 0;
        for (Member m : members) {
            m.tree.predict(e, q);
            all += add(m.vote(), q, sum);
        }
        write(sum, all, p);
    }

    /** Learns a row; {@code p} receives what {@link #predict} would have said before. */
    public void learn(Example e, double[] p, int[] draws) {
        double[] q = new double[labels.length];
        double[] sum = new double[labels.length];
        double all = 0;
        double weight = e.weight;
        for (Member m : members) {
            double vote = m.vote();
            e.weight = weight * draws[m.number];
            m.learn(e, q);
            all += add(vote, q, sum);
        }
        e.weight = weight;
        write(sum, all, p);
    }

    private static double add(double vote, double[] q, double[] sum) {
        for (int l = 0; l < q.length; l++) {
            sum[l] += vote * q[l];
        }
        return vote;
    }

    private static void write(double[] sum, double all, double[] p) {
        for (int l = 0; l < sum.length; l++) {
            p[l] = Math.min(1, sum[l] / all);
        }
    }

    /** Leaves of all trees that predict. */
    public int leaves() {
        return members.stream().mapToInt(m -> m.tree.leaves()).sum();
    }

    /** How often a tree was replaced. */
    public int replacements() {
        return replaced;
    }

    public long parameters() {
        return members.stream().mapToLong(m -> m.tree.parameters()).sum();
    }

    public void save(NumberWriter w) {
        w.add(replaced);
        members.forEach(m -> m.save(w));
    }

    /** Takes over what {@link #save} wrote; one that refuses is not to be used afterwards. */
    public void restore(NumberReader r) {
        replaced = r.integer(0, Integer.MAX_VALUE);
        members.forEach(m -> m.restore(r));
    }
}
