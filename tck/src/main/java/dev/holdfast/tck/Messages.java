package dev.holdfast.tck;

import dev.holdfast.data.DataException;

/** What an error must look like. */
final class Messages {
    private Messages() {}

    /** An error that was meant: an argument, a state or data that is refused, with words for people. */
    static void requireClear(RuntimeException e, String when) {
        boolean meant = e instanceof IllegalArgumentException
                || e instanceof IllegalStateException
                || e instanceof UnsupportedOperationException
                || e instanceof DataException;
        String m = String.valueOf(e.getMessage());
        if (!meant || !m.contains(" ") || m.length() < 20 || m.startsWith("For input string")) {
            throw new AssertionError(
                    "When " + when + ", the error is no help to people: " + e
                            + "\nExpected an IllegalArgumentException, IllegalStateException or DataException that says"
                            + " what, where, what was expected and what to do.",
                    e);
        }
    }
}
