package dev.holdfast.learner;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.ClassIndex;
import java.util.List;

/**
 * A learner of label sets that can be told of further labels while it lives. A state that is saved afterwards holds them; a
 * state that was saved before can be loaded by a learner whose schema declares them, which is then told of them.
 */
@Frozen
public interface GrowsLabels extends Learner {
    /** The labels it knows now, in the order of the columns of its predictions. */
    ClassIndex labels();

    /**
     * Gives each of these labels a column after those there are. Predictions of the other labels stay what they are, to the
     * bit; from now on every row must tell of the new ones too. Rows learnt before say nothing about them. To be called by the
     * thread that learns.
     *
     * @throws IllegalArgumentException if a label or its name is known already or given twice; nothing changes then
     */
    void addLabels(List<ClassIndex.Column> added);
}
