package dev.holdfast.data;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.bytedeco.pytorch.Tensor;

/**
 * Meaning of the columns of a score matrix: which class, at which level of a hierarchy, of which task. Columns are
 * dealt in order of first appearance and are only ever appended, never reordered. Immutable.
 */
@Frozen
public final class ClassIndex {
    /** One score column; task -1 when the class belongs to no task in particular, level 0 without a hierarchy. */
    public record Column(int classId, String name, int level, int task) {
        public Column {
            if (classId < 0) {
                throw new IllegalArgumentException("A class id must be >= 0 but is " + classId + ".");
            }
        }

        public Column(int classId, String name) {
            this(classId, name, 0, -1);
        }
    }

    /** The index without columns. */
    public static final ClassIndex EMPTY = new ClassIndex(List.of());

    private final List<Column> columns;
    private final Map<Integer, Integer> byClass = new HashMap<>();
    private final Map<Long, Integer> byClassAndTask = new HashMap<>();

    private ClassIndex(List<Column> columns) {
        this.columns = List.copyOf(columns);
        for (int c = 0; c < columns.size(); c++) {
            Column column = columns.get(c);
            byClass.putIfAbsent(column.classId, c);
            if (byClassAndTask.put(key(column.classId, column.task), c) != null) {
                throw new IllegalArgumentException(
                        "Class " + column.classId + " of task " + column.task + " has two columns.");
            }
        }
    }

    /** Columns in this order. */
    public static ClassIndex of(List<Column> columns) {
        return new ClassIndex(columns);
    }

    /** Classes 0..n-1 with these names. */
    public static ClassIndex named(List<String> names) {
        List<Column> c = new ArrayList<>();
        for (int i = 0; i < names.size(); i++) {
            c.add(new Column(i, names.get(i)));
        }
        return new ClassIndex(c);
    }

    /** Classes 0..n-1 named by their numbers. */
    public static ClassIndex numbered(int n) {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            names.add(Integer.toString(i));
        }
        return named(names);
    }

    public List<Column> columns() {
        return columns;
    }

    public int size() {
        return columns.size();
    }

    /** First column of a class or -1. */
    public int columnOf(int classId) {
        return byClass.getOrDefault(classId, -1);
    }

    /** Column of a class in a task; the class's first column if it has none of that task; -1 if it is unknown. */
    public int columnOf(int classId, int task) {
        Integer c = byClassAndTask.get(key(classId, task));
        return c != null ? c : columnOf(classId);
    }

    /** Column of every class id; an unknown one is refused by row. */
    public int[] columnsOf(long[] classIds) {
        int[] c = new int[classIds.length];
        for (int i = 0; i < c.length; i++) {
            c[i] = columnOf(Math.toIntExact(classIds[i]));
            if (c[i] < 0) {
                throw new IllegalArgumentException("Row " + i + " has class " + classIds[i]
                        + ", which has no column; known classes are " + byClass.keySet() + ".");
            }
        }
        return c;
    }

    /** This index followed by {@code more}. */
    public ClassIndex plus(List<Column> more) {
        List<Column> c = new ArrayList<>(columns);
        c.addAll(more);
        return new ClassIndex(c);
    }

    /** The columns of {@code other} whose class has no column here yet. */
    public List<Column> missing(ClassIndex other) {
        return other.columns.stream()
                .filter(c -> !byClassAndTask.containsKey(key(c.classId, c.task)))
                .toList();
    }

    /** bool [columns]: true where {@code keep} holds. */
    public boolean[] where(Predicate<Column> keep) {
        boolean[] b = new boolean[columns.size()];
        for (int i = 0; i < b.length; i++) {
            b[i] = keep.test(columns.get(i));
        }
        return b;
    }

    /** float32 [columns]: 0 where {@code keep} holds, minus infinity elsewhere; to be added to scores. */
    public Tensor mask(Predicate<Column> keep) {
        float[] m = new float[columns.size()];
        for (int i = 0; i < m.length; i++) {
            m[i] = keep.test(columns.get(i)) ? 0 : Float.NEGATIVE_INFINITY;
        }
        return Tensors.of(m, m.length);
    }

    private static long key(int classId, int task) {
        return ((long) classId << 32) | (task & 0xFFFFFFFFL);
    }

    @Override
    public boolean equals(Object o) {
        return o instanceof ClassIndex i && columns.equals(i.columns);
    }

    @Override
    public int hashCode() {
        return columns.hashCode();
    }

    @Override
    public String toString() {
        return columns.toString();
    }
}
