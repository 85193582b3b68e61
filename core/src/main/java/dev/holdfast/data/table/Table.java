package dev.holdfast.data.table;

import java.util.List;

/**
 * Rows and named columns of a file, checked once from end to end when it was opened, then read in pieces as often as
 * wanted. Several cursors may be open at once, each bound to one thread.
 */
public interface Table extends AutoCloseable {
    /** File name for messages. */
    String name();

    /** Columns in the order of the file. */
    List<Column> columns();

    /** Number of rows, at least 1. */
    long rows();

    /** Label columns that the file itself names (a multi-label set), else none. */
    default List<String> labels() {
        return List.of();
    }

    /** Number of leading rows that the file itself sets apart for training, or 0. */
    default int trainingRows() {
        return 0;
    }

    /** Reads some columns from a row on, in the order of the file. */
    Cursor read(List<Ask> columns, long fromRow);

    /** "file, line 17, column 'x'", as exactly as the format allows; column may be null. */
    String where(long row, String column);

    @Override
    void close();

    /**
     * What the whole file says about a column.
     *
     * @param present number of values that are not missing
     * @param numbers how many of them are finite numbers
     * @param distinct distinct values, about
     * @param type the file's own word for the type
     */
    record Column(String name, long present, long numbers, long distinct, String type) {
        /** Every value is a number, and there is one. */
        boolean numeric() {
            return present > 0 && numbers == present;
        }
    }

    /** A column and whether its numbers or its texts are wanted. */
    record Ask(String column, boolean asNumbers) {}

    /** Pieces of a table; {@code next} is null at the end. */
    interface Cursor extends AutoCloseable {
        Cells next();

        @Override
        void close();
    }

    /** The column of a name, or null. */
    default Column column(String name) {
        return columns().stream().filter(c -> c.name().equals(name)).findFirst().orElse(null);
    }
}
