package dev.holdfast.data.table;

import java.util.List;

/**
 * Some consecutive rows of a table as they were read: numbers (NaN = missing) or texts (null = missing), column by
 * column.
 */
public final class Cells {
    private final long firstRow;
    private final int size;
    private final List<String> names;
    private final Object[] columns;

    /**
     * @param firstRow number of the first row in the table, from 0
     * @param columns per name a {@code double[]} or a {@code String[]} of {@code size} entries
     */
    public Cells(long firstRow, int size, List<String> names, Object... columns) {
        if (names.size() != columns.length) {
            throw new IllegalArgumentException(names.size() + " names for " + columns.length + " columns.");
        }
        this.firstRow = firstRow;
        this.size = size;
        this.names = List.copyOf(names);
        this.columns = columns;
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

    /** The rows i of these. */
    Cells rows(int... i) {
        Object[] c = new Object[columns.length];
        for (int k = 0; k < c.length; k++) {
            if (columns[k] instanceof double[] d) {
                double[] r = new double[i.length];
                for (int j = 0; j < i.length; j++) {
                    r[j] = d[i[j]];
                }
                c[k] = r;
            } else {
                String[] t = (String[]) columns[k];
                String[] r = new String[i.length];
                for (int j = 0; j < i.length; j++) {
                    r[j] = t[i[j]];
                }
                c[k] = r;
            }
        }
        return new Cells(firstRow, i.length, names, c);
    }
}
