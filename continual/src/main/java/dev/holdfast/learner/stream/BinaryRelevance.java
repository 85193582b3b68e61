package dev.holdfast.learner.stream;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.stream.part.Example;
import dev.holdfast.learner.stream.part.NumberReader;
import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.learner.stream.part.OnlineBagging;
import dev.holdfast.learner.stream.part.StreamContext;
import dev.holdfast.learner.stream.tree.AdaptiveForest;
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
 * Every label for itself: one Hoeffding tree a label, one bag of logistic units, or one adaptive random forest. What label correlations are
 * worth is measured against it. Godbole, Sarawagi: <i>Discriminative Methods for Multi-labeled Classification</i>, 2004.
 */
public final class BinaryRelevance implements RowModel {
    /** What learns a label. */
    public enum Base {
        TREE,
        LOGISTIC,
        FOREST
    }

    /** What learns each label; {@code tree} also holds the learning rates of logistic units. */
    public record Config(
            @Doc("one tree, one bag of logistic units, or one adaptive forest a label") Base base,
            @Doc("the tree and its leaves") TreeConfig tree,
            @Doc("the forest, which has trees of its own kind") AdaptiveForest.Config forest) {
        public Config {
            if (base == null || tree == null || forest == null) {
                throw new IllegalArgumentException("Binary relevance needs a base, a tree and a forest but has " + base
                        + ", " + tree + " and " + forest + ".");
            }
        }

        /** With the default forest. */
        public Config(Base base, TreeConfig tree) {
            this(base, tree, AdaptiveForest.Config.defaults());
        }
    }

    private final Config config;
    private final StreamContext context;
    private final int[] all;
    private final MultiLabelTree[] trees;
    private final AdaptiveForest[] forests;
    private OnlineBagging logistic;

    BinaryRelevance(Config config, StreamContext context) {
        this.config = config;
        this.context = context;
        this.all = IntStream.range(0, context.labels()).toArray();
        this.trees = new MultiLabelTree[config.base == Base.TREE ? all.length : 0];
        for (int l = 0; l < trees.length; l++) {
            trees[l] = new MultiLabelTree(config.tree, context, new int[] {l});
        }
        this.forests = new AdaptiveForest[config.base == Base.FOREST ? all.length : 0];
        for (int l = 0; l < forests.length; l++) {
            forests[l] = new AdaptiveForest(config.forest, context, new int[] {l});
        }
        this.logistic = config.base == Base.LOGISTIC ? logistic(all.length) : null;
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
        for (int l = 0; l < forests.length; l++) {
            forests[l].predict(e, one);
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
        int[] draws = forests.length == 0
                ? null
                : AdaptiveForest.draws(config.forest, context.rng().child("forest row", context.rows()));
        for (int l = 0; l < forests.length; l++) {
            forests[l].learn(e, one, draws);
            p[l] = one[0];
        }
    }

    @Override
    public List<List<Integer>> partition() {
        return StreamLearner.each(all.length);
    }

    @Override
    public Set<Trait> traits() {
        return switch (config.base) {
            case LOGISTIC -> EnumSet.of(Trait.BOUNDED_MEMORY);
            case TREE -> TreeModel.traits(config.tree);
            case FOREST -> TreeModel.traits(config.forest.tree());
        };
    }

    @Override
    public long parameters() {
        long n = logistic == null ? 0 : logistic.parameters();
        for (MultiLabelTree t : trees) {
            n += t.parameters();
        }
        for (AdaptiveForest f : forests) {
            n += f.parameters();
        }
        return n;
    }

    @Override
    public String shape() {
        int leaves = 0;
        for (MultiLabelTree t : trees) {
            leaves += t.leaves();
        }
        int replaced = 0;
        for (AdaptiveForest f : forests) {
            leaves += f.leaves();
            replaced += f.replacements();
        }
        return switch (config.base) {
            case LOGISTIC -> Example.MEMBERS + " logistic units for each of " + all.length + " labels";
            case TREE -> all.length + " trees with " + leaves + " leaves together";
            case FOREST -> all.length + " forests with " + leaves + " leaves together, " + replaced + " trees replaced";
        };
    }

    @Override
    public void save(NumberWriter w) {
        if (logistic != null) {
            logistic.save(w);
        }
        for (MultiLabelTree t : trees) {
            t.save(w);
        }
        for (AdaptiveForest f : forests) {
            f.save(w);
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
        for (int l = 0; l < Math.min(known, forests.length); l++) {
            forests[l].restore(r);
        }
        for (int l = 0; l < Math.min(known, trees.length); l++) {
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
            return "one Hoeffding tree (or bag of logistic units, or forest) for each label, no label knows of another";
        }

        @Override
        public String system() {
            return "40-ihomer";
        }

        @Override
        public Config defaults() {
            return new Config(
                    Base.TREE,
                    TreeConfig.adaptiveTree().withAdaptive(false).withLeaf(LeafRule.ADAPTIVE),
                    AdaptiveForest.Config.defaults());
        }

        @Override
        public StreamLearner create(Config config, Schema schema, Rng rng) {
            return new StreamLearner(
                    "binary-relevance " + config, schema, rng, context -> new BinaryRelevance(config, context));
        }
    }
}
