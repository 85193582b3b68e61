package dev.holdfast.metricspace;

import dev.holdfast.calibrate.PostProcessor;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.tree.Taxonomy;
import dev.holdfast.tensor.Stateless;
import java.util.ArrayList;
import java.util.List;

/**
 * Lets any classifier answer with any label of a tree, by {@link Loki}: its classes are found in the tree by name. Needs no
 * labels to be fitted on; comes after a calibration, if there is one. Immutable; safe from any thread.
 *
 * @param tree all labels
 * @param temperature that the classifier's logits are divided by first, > 0
 */
public record TreeAnswers(Taxonomy tree, double temperature) implements PostProcessor, Stateless {
    public TreeAnswers {
        if (!(temperature > 0) || Double.isInfinite(temperature)) {
            throw new IllegalArgumentException("The temperature must be finite and > 0 but is " + temperature + ".");
        }
    }

    /** Scores of all labels of the tree, negative expected squared distances; a class that the tree has not is refused by name. */
    @Override
    public Prediction apply(Prediction p) {
        int[] observed = new int[p.columns().size()];
        List<ClassIndex.Column> columns = new ArrayList<>();
        for (int i = 0; i < observed.length; i++) {
            String name = p.columns().columns().get(i).name();
            observed[i] = label(name);
            columns.add(new ClassIndex.Column(observed[i], name));
        }
        Prediction inTree = new Prediction(p.scores(), ClassIndex.of(columns), p.kind());
        return new Loki(TreeMetric.of(tree), observed).apply(inTree, tree.classes(), temperature);
    }

    private int label(String name) {
        int id = tree.idOf(name);
        if (id >= 0) {
            return id;
        }
        throw new IllegalArgumentException("The classifier's class '" + name + "' is not in the label tree, which has "
                + tree.size() + " labels.\nMaybe the tree is of other data, or spells its labels otherwise.");
    }

    /** False: that is the point. */
    @Override
    public boolean keepsDecision() {
        return false;
    }
}
