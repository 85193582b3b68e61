package dev.holdfast.data.table;

import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Some consecutive rows of a table as they were read: numbers (NaN = missing) or texts (null = missing), column by
 * column.
 */
public final class Cells {
    private final long firstRow;
    private final int size;
    private final List<String> names;
    private final Object[] columns;
    private final int[] offsets;

    /**
     * @param firstRow number of the first row in the table, from 0
     * @param columns per name a {@code double[]} or a {@code String[]} of {@code size} entries
     */
    public Cells(long firstRow, int size, List<String> names, Object... columns) {
        this(firstRow, size, names, columns, null);
    }

    private Cells(long firstRow, int size, List<String> names, Object[] columns, int[] offsets) {
        if (names.size() != columns.length) {
            throw new IllegalArgumentException(names.size() + " names for " + columns.length + " columns.");
        }
        this.firstRow = firstRow;
        this.size = size;
        this.names = List.copyOf(names);
        this.columns = columns;
        this.offsets = offsets;
    }

    public long firstRow() {
        return firstRow;
    }

    public int size() {
        return size;
    }

    public boolean has(String column) {
        return names.contains(column);
    }

    /** Numbers of a column; texts are refused. */
    public double[] numbers(String column) {
        if (get(column) instanceof double[] d) {
            return d;
        }
        throw new IllegalArgumentException("Column '" + column + "' holds texts, not numbers.");
    }

    /** Texts of a column; numbers are refused. */
    public String[] texts(String column) {
        if (get(column) instanceof String[] t) {
            return t;
        }
        throw new IllegalArgumentException("Column '" + column + "' holds numbers, not texts.");
    }

    private Object get(String column) {
        int i = names.indexOf(column);
        if (i < 0) {
            throw new IllegalArgumentException("There is no column '" + column + "' among " + names + ".");
        }
        return columns[i];
    }

    /** Numbers of the k-th column. */
    double[] numbersAt(int k) {
        return (double[]) columns[k];
    }

    /** Texts of the k-th column. */
    String[] textsAt(int k) {
        return (String[]) columns[k];
    }

    /** Row number in the table of the k-th of these rows. */
    public long rowOf(int k) {
        return firstRow + (offsets == null ? k : offsets[k]);
    }

    /** The first n of these rows. */
    Cells until(int n) {
        return rows(IntStream.range(0, n).toArray());
    }

    /** These rows without the first n. */
    Cells from(int n) {
        return rows(IntStream.range(n, size).toArray());
    }

    /** The rows i of these; they keep their row numbers. */
    Cells rows(int... i) {
        Object[] c = new Object[columns.length];
        for (int k = 0; k < c.length; k++) {
            if (columns[k] instanceof double[] d) {
                c[k] = Arrays.stream(i).mapToDouble(j -> d[j]).toArray();
            } else {
                String[] t = (String[]) columns[k];
                c[k] = Arrays.stream(i).mapToObj(j -> t[j]).toArray(String[]::new);
            }
        }
        int[] o = Arrays.stream(i).map(j -> offsets == null ? j : offsets[j]).toArray();
        return new Cells(firstRow, i.length, names, c, o);
    }
}
