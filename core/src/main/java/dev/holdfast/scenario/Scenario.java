package dev.holdfast.scenario;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.Schema;
import java.util.List;

/**
 * In which order and form data arrive: a pure function of (data, configuration, seed). Iterating yields the experiences
 * from the first, again and again.
 */
@Frozen
public interface Scenario extends Iterable<Experience> {
    /** Short name with its settings, e.g. {@code class-incremental 5x2}. */
    String name();

    /** Inputs and all classes that can appear. */
    Schema schema();

    /** One test set a task, in task order; none where every row is tested before it is learnt. */
    List<TestSet> tests();

    /** Whether the task id is given with test rows, so that only its classes compete. */
    boolean taskIdAtTest();

    /** The experiences, in order. */
    List<Experience> experiences();

    @Override
    default java.util.Iterator<Experience> iterator() {
        return experiences().iterator();
    }

    /** The experiences as a text table, one a line: rows, classes, pace. */
    default String table() {
        StringBuilder b = new StringBuilder(name()).append('\n');
        b.append(String.format(
                "%4s %6s %8s %8s %7s %6s  %s%n", "part", "task", "rows", "test", "epochs", "batch", "classes"));
        for (Experience e : experiences()) {
            long test = tests().stream()
                    .filter(t -> t.task() == e.task())
                    .mapToLong(t -> t.data().size())
                    .sum();
            b.append(String.format(
                    "%4d %6s %8d %8d %7d %6d  %s%s%n",
                    e.index() + 1,
                    e.boundaryKnown() ? Integer.toString(e.task() + 1) : "hidden",
                    e.train().size(),
                    test,
                    e.pace().epochs(),
                    e.pace().batchSize(),
                    String.join(
                            ", ",
                            e.classes().columns().stream().map(c -> c.name()).toList()),
                    e.train().rereadable() ? "" : "  (one pass)"));
        }
        return b.toString();
    }
}
