package dev.holdfast.data;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;

/**
 * Rows that arrive together.
 *
 * @param task task of the rows or -1 when unknown
 * @param domain domain of the rows or -1 when unknown
 * @param time time of each row or null
 * @param group group (user) of each row or null
 */
@Frozen
public record Batch(Inputs inputs, Target target, Rows rows, int task, int domain, long[] time, long[] group) {
    public Batch {
        if (target.size() >= 0 && target.size() != inputs.size()) {
            throw new IllegalArgumentException(
                    "A batch has " + inputs.size() + " rows of inputs but " + target.size() + " targets.");
        }
        if (rows.size() != inputs.size()) {
            throw new IllegalArgumentException(
                    "A batch has " + inputs.size() + " rows of inputs but " + rows.size() + " row ids.");
        }
    }

    /** A batch of no particular task, domain, time or group. */
    public Batch(Inputs inputs, Target target, Rows rows) {
        this(inputs, target, rows, -1, -1, null, null);
    }

    public int size() {
        return inputs.size();
    }

    /** The rows i, in that order. */
    public Batch rows(int... i) {
        return new Batch(
                inputs.rows(i),
                target.rows(i),
                rows.rows(i),
                task,
                domain,
                time == null ? null : Arrays.stream(i).mapToLong(k -> time[k]).toArray(),
                group == null ? null : Arrays.stream(i).mapToLong(k -> group[k]).toArray());
    }

    /** The same rows, said to belong to a task. */
    public Batch withTask(int newTask) {
        return new Batch(inputs, target, rows, newTask, domain, time, group);
    }

    /** The same rows with other inputs. */
    public Batch withInputs(Inputs newInputs) {
        return new Batch(newInputs, target, rows, task, domain, time, group);
    }

    /** The same rows without their labels. */
    public Batch withoutTarget() {
        return new Batch(inputs, new Target.None(), rows, task, domain, time, group);
    }

    /** Class ids of the rows; any other kind of target is refused by name. */
    public long[] classIds() {
        if (target instanceof Target.ClassIds c) {
            return Tensors.longs(c.ids());
        }
        throw new IllegalArgumentException("Expected rows with one class each but the target is "
                + target.getClass().getSimpleName() + ".");
    }
}
