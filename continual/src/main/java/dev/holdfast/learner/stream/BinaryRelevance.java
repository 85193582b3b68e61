package dev.holdfast.learner.stream;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.stream.part.Example;
import dev.holdfast.learner.stream.part.NumberReader;
import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.learner.stream.part.OnlineBagging;
import dev.holdfast.learner.stream.part.StreamContext;
import dev.holdfast.learner.stream.tree.LeafRule;
import dev.holdfast.learner.stream.tree.MultiLabelTree;
import dev.holdfast.learner.stream.tree.TreeConfig;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.tensor.Rng;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Every label for itself: one Hoeffding tree a label, or one bag of logistic units a label. What label correlations are
 * worth is measured against it. Godbole, Sarawagi: <i>Discriminative Methods for Multi-labeled Classification</i>, 2004.
 */
public final class BinaryRelevance implements RowModel {
    /** What learns a label. */
    public enum Base {
        TREE,
        LOGISTIC
    }

    /** What learns each label; {@code tree} also holds the learning rates of logistic units. */
    public record Config(
            @Doc("one tree a label, or one bag of logistic units a label") Base base,
            @Doc("the tree and its leaves") TreeConfig tree) {
        public Config {
            if (base == null || tree == null) {
                throw new IllegalArgumentException(
                        "Binary relevance needs a base and a tree but has " + base + " and " + tree + ".");
            }
        }
    }

    private final Config config;
    private final StreamContext context;
    private final int[] all;
    private final MultiLabelTree[] trees;
    private OnlineBagging logistic;

    BinaryRelevance(Config config, StreamContext context) {
        this.config = config;
        this.context = context;
        this.all = IntStream.range(0, context.labels()).toArray();
        boolean tree = config.base == Base.TREE;
        this.trees = new MultiLabelTree[tree ? all.length : 0];
        for (int l = 0; l < trees.length; l++) {
            trees[l] = new MultiLabelTree(config.tree, context, new int[] {l});
        }
        this.logistic = tree ? null : logistic(all.length);
    }

    private OnlineBagging logistic(int labels) {
        return new OnlineBagging(context.scaler().expanded(), labels, config.tree.rate(), config.tree.interceptRate());
    }

    @Override
    public void predict(Example e, double[] p) {
        if (logistic != null) {
            logistic.predict(e, p);
            return;
        }
        double[] one = e.part(1);
        for (int l = 0; l < trees.length; l++) {
            trees[l].predict(e, one);
            p[l] = one[0];
        }
    }

    @Override
    public void learn(Example e, double[] p) {
        if (logistic != null) {
            logistic.predict(e, p);
            logistic.learn(e, all);
            return;
        }
        double[] one = e.part(1);
        for (int l = 0; l < trees.length; l++) {
            trees[l].learn(e, one);
            p[l] = one[0];
        }
    }

    @Override
    public List<List<Integer>> partition() {
        return StreamLearner.each(all.length);
    }

    @Override
    public Set<Trait> traits() {
        return logistic != null ? EnumSet.of(Trait.BOUNDED_MEMORY) : TreeModel.traits(config.tree);
    }

    @Override
    public long parameters() {
        long n = logistic == null ? 0 : logistic.parameters();
        for (MultiLabelTree t : trees) {
            n += t.parameters();
        }
        return n;
    }

    @Override
    public String shape() {
        int leaves = 0;
        for (MultiLabelTree t : trees) {
            leaves += t.leaves();
        }
        return logistic != null
                ? Example.MEMBERS + " logistic units for each of " + all.length + " labels"
                : all.length + " trees with " + leaves + " leaves together";
    }

    @Override
    public void save(NumberWriter w) {
        if (logistic != null) {
            logistic.save(w);
        }
        for (MultiLabelTree t : trees) {
            t.save(w);
        }
    }

    @Override
    public void restore(NumberReader r, int known) {
        if (logistic != null) {
            OnlineBagging saved = logistic(known);
            saved.restore(r);
            logistic = known == all.length ? saved : saved.widen(all.length);
            return;
        }
        for (int l = 0; l < known; l++) {
            trees[l] = MultiLabelTree.restore(config.tree, context, r);
            if (trees[l].size() != 1 || trees[l].labels()[0] != l) {
                throw r.damaged("tree " + l + " does not learn label " + l);
            }
        }
    }

    /** {@code binary-relevance}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "binary-relevance";
        }

        @Override
        public String summary() {
            return "one Hoeffding tree (or bag of logistic units) for each label, no label knows of another";
        }

        @Override
        public String system() {
            return "40-ihomer";
        }

        @Override
        public Config defaults() {
            return new Config(
                    Base.TREE, TreeConfig.adaptiveTree().withAdaptive(false).withLeaf(LeafRule.ADAPTIVE));
        }

        @Override
        public StreamLearner create(Config config, Schema schema, Rng rng) {
            return new StreamLearner(
                    "binary-relevance " + config, schema, rng, context -> new BinaryRelevance(config, context));
        }
    }
}
