package dev.holdfast.learner;

import dev.holdfast.config.Frozen;
import java.util.List;

/**
 * A learner of label sets that learns groups of labels apart from each other. The groups are disjoint and together hold
 * every declared label.
 */
@Frozen
public interface Partitioned {
    /** The groups now; labels are class ids of the schema, ascending in each group. */
    List<List<Integer>> partition();

    /** The newest changes of the partition, oldest first. */
    List<Change> history();

    /**
     * The partition became another one.
     *
     * @param row how many rows had been learnt
     * @param cause what happened, for people
     * @param partition the groups from then on
     */
    record Change(long row, String cause, List<List<Integer>> partition) {
        public Change {
            partition = partition.stream().map(List::copyOf).toList();
        }
    }
}
