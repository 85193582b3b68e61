package dev.holdfast.app.compare;

/** How much work a comparison may be. */
public enum Budget {
    /** Seconds: a look whether everything runs. */
    SMOKE(600, 300, 1),
    /** About a minute on two cores. */
    QUICK(10_000, 2_000, 3),
    /** All rows. */
    FULL(Long.MAX_VALUE, Long.MAX_VALUE, 3);

    final long trainRows;
    final long testRows;
    final int epochs;

    Budget(long trainRows, long testRows, int epochs) {
        this.trainRows = trainRows;
        this.testRows = testRows;
        this.epochs = epochs;
    }

    /** Rows worth encoding when reading a row costs milliseconds (texts); 0 = all. */
    public long rowsToRead() {
        return this == FULL ? 0 : trainRows + testRows;
    }
}
