package dev.holdfast.learner.stream;

import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.stream.part.Example;
import dev.holdfast.learner.stream.part.NumberReader;
import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.learner.stream.part.StreamContext;
import dev.holdfast.learner.stream.tree.MultiLabelTree;
import dev.holdfast.learner.stream.tree.TreeConfig;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.tensor.Rng;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** One multi-label tree over all labels: MLHAT, or without drift detection MLHT. */
public final class TreeModel implements RowModel {
    private final TreeConfig config;
    private final StreamContext context;
    private MultiLabelTree tree;

    TreeModel(TreeConfig config, StreamContext context) {
        this.config = config;
        this.context = context;
        this.tree = new MultiLabelTree(
                config, context, IntStream.range(0, context.labels()).toArray());
    }

    @Override
    public void predict(Example e, double[] p) {
        tree.predict(e, p);
    }

    @Override
    public void learn(Example e, double[] p) {
        tree.learn(e, p);
    }

    @Override
    public List<List<Integer>> partition() {
        return StreamLearner.one(context.labels());
    }

    @Override
    public Set<Trait> traits() {
        return traits(config);
    }

    static Set<Trait> traits(TreeConfig c) {
        EnumSet<Trait> t = EnumSet.of(Trait.ONE_PASS);
        if (c.keepsRows()) {
            t.add(Trait.STORES_EXAMPLES);
        }
        return t;
    }

    @Override
    public long parameters() {
        return tree.parameters();
    }

    @Override
    public String shape() {
        return "a tree of " + tree.leaves() + " leaves over " + context.labels() + " labels, " + tree.replacements()
                + " parts replaced";
    }

    @Override
    public void save(NumberWriter w) {
        tree.save(w);
    }

    @Override
    public void restore(NumberReader r, int known) {
        tree = MultiLabelTree.restore(config, context, r);
        if (tree.size() != known) {
            throw r.damaged("the tree has " + tree.size() + " labels instead of " + known);
        }
        if (known < context.labels()) {
            tree = tree.widen(IntStream.range(0, context.labels()).toArray());
        }
    }

    private static StreamLearner learner(String name, TreeConfig c, Schema schema, Rng rng) {
        return new StreamLearner(name + " " + c, schema, rng, context -> new TreeModel(c, context));
    }

    /** {@code mlhat}. */
    public static final class MlhatPlugin implements LearnerPlugin<TreeConfig> {
        @Override
        public String name() {
            return "mlhat";
        }

        @Override
        public String summary() {
            return "one adaptive Hoeffding tree over all labels, with alternate subtrees where the loss rises";
        }

        @Override
        public String system() {
            return "40-ihomer";
        }

        @Override
        public String paper() {
            return "Esteban et al. 2024, Knowledge-Based Systems";
        }

        @Override
        public TreeConfig defaults() {
            return TreeConfig.adaptiveTree();
        }

        @Override
        public StreamLearner create(TreeConfig config, Schema schema, Rng rng) {
            return learner("mlhat", config, schema, rng);
        }
    }

    /** {@code mlht}. */
    public static final class MlhtPlugin implements LearnerPlugin<TreeConfig> {
        @Override
        public String name() {
            return "mlht";
        }

        @Override
        public String summary() {
            return "one Hoeffding tree over all labels whose leaves name the label set seen most often";
        }

        @Override
        public String system() {
            return "40-ihomer";
        }

        @Override
        public String paper() {
            return "Read et al. 2012, Machine Learning";
        }

        @Override
        public TreeConfig defaults() {
            return TreeConfig.plainTree();
        }

        @Override
        public StreamLearner create(TreeConfig config, Schema schema, Rng rng) {
            return learner("mlht", config, schema, rng);
        }
    }
}
