package dev.holdfast.learner.stream;

import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Partitioned;
import dev.holdfast.learner.stream.part.Example;
import dev.holdfast.learner.stream.part.NumberReader;
import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.run.StepReport;
import java.util.List;
import java.util.Set;

/**
 * A method that learns label sets row by row in plain Java; {@link StreamLearner} makes a learner of it. Rows come
 * checked; whoever calls sees to threads.
 */
public interface RowModel {
    /** Writes P(label) of a row to {@code p} [labels of the stream]; changes nothing but the example's scratch. */
    void predict(Example e, double[] p);

    /** Learns a row; {@code p} receives what {@link #predict} would have said before. */
    void learn(Example e, double[] p);

    /** What happened while learning since the last call. */
    default List<StepReport.Event> events() {
        return List.of();
    }

    /** Labels that are learnt together now: class ids. */
    List<List<Integer>> partition();

    /** The newest changes of the partition, oldest first. */
    default List<Partitioned.Change> history() {
        return List.of();
    }

    /** Lays the partition down, for a model that can be told. */
    default void regroup(List<List<Integer>> groups) {
        throw new IllegalStateException("This learner's groups of labels cannot be laid down from outside.");
    }

    Set<Trait> traits();

    /** Numbers that predictions are computed from. */
    long parameters();

    /** One line for people. */
    String shape();

    void save(NumberWriter w);

    /**
     * Takes over what {@link #save} wrote when there were {@code known} labels; those of the stream from there on are new,
     * and no row has told of them. A model that refuses is not used afterwards.
     */
    void restore(NumberReader r, int known);
}
