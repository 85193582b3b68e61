package dev.holdfast.data;

/**
 * Data that cannot be used: what is wrong, where, what was expected, and what to do about it. Whoever throws it has
 * loaded nothing and changed nothing.
 */
public final class DataException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String where;
    private final String what;
    private final String expected;
    private final String fix;

    private DataException(String where, String what, String expected, String fix, Throwable cause) {
        super(where + ": " + what + " Expected " + expected + "." + (fix == null ? "" : "\n" + fix), cause);
        this.where = where;
        this.what = what;
        this.expected = expected;
        this.fix = fix;
    }

    /**
     * @param where file with line and column as far as they are known, e.g. {@code rows.csv, line 17, column 'width'}
     * @param what a sentence that says what was found
     * @param expected what was expected, without the full stop
     * @param fix a sentence that says what to do, or null
     */
    public static DataException at(Object where, String what, String expected, String fix) {
        return new DataException(String.valueOf(where), what, expected, fix, null);
    }

    /** The same with the error underneath. */
    public static DataException at(Object where, String what, String expected, String fix, Throwable cause) {
        return new DataException(String.valueOf(where), what, expected, fix, cause);
    }

    /** File, and line, column or row where known. */
    public String where() {
        return where;
    }

    /** What was found. */
    public String what() {
        return what;
    }

    /** What should have been there. */
    public String expected() {
        return expected;
    }

    /** What to do, or null. */
    public String fix() {
        return fix;
    }
}
