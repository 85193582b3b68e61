package dev.holdfast.data.source;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Rng;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The rows of some classes, as if there were no others: the schema declares only these, ids of classes and rows stay.
 * Immutable; nothing is stored twice.
 */
public final class ClassSubset implements Dataset {
    private final Dataset rows;
    private final Schema schema;

    private ClassSubset(Dataset rows, Schema schema) {
        this.rows = rows;
        this.schema = schema;
    }

    /** The rows of these classes; a class that the data do not declare is refused. */
    public static ClassSubset of(Dataset data, Set<Integer> classes) {
        ClassIndex all = data.schema().classes();
        for (int c : classes) {
            if (all.columnOf(c) < 0) {
                throw new IllegalArgumentException(
                        "There is no class " + c + " among the " + all.size() + " declared classes.");
            }
        }
        ClassIndex kept = ClassIndex.of(all.columns().stream()
                .filter(c -> classes.contains(c.classId()))
                .toList());
        long[] ids = data.classIds();
        int[] at = IntStream.range(0, ids.length)
                .filter(i -> classes.contains((int) ids[i]))
                .toArray();
        return new ClassSubset(data.subset(at), data.schema().withClasses(kept));
    }

    @Override
    public Schema schema() {
        return schema;
    }

    @Override
    public long size() {
        return rows.size();
    }

    @Override
    public Batch rows(int... positions) {
        return rows.rows(positions);
    }

    @Override
    public Target target() {
        return rows.target();
    }

    @Override
    public long id(int position) {
        return rows.id(position);
    }

    @Override
    public Dataset subset(int... positions) {
        return new ClassSubset(rows.subset(positions), schema);
    }

    @Override
    public Loader batches(Pace pace, Rng rng) {
        return new ShuffledLoader(this, pace, rng);
    }

    @Override
    public String fingerprint() {
        return rows.fingerprint() + "/classes "
                + schema.classes().columns().stream()
                        .map(c -> Integer.toString(c.classId()))
                        .collect(Collectors.joining(","));
    }
}
