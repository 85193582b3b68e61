package dev.holdfast.app;

/** What the program's exit status says. */
final class ExitCodes {
    static final int DONE = 0;
    /** The work itself failed. */
    static final int FAILED = 1;
    /** The command line, a file or an option was wrong; nothing was done. */
    static final int BAD_INPUT = 2;
    /** Cut off by the user; what was finished is kept. */
    static final int CANCELLED = 130;

    private ExitCodes() {}
}
