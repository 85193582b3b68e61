package dev.holdfast.app.terminal;

/** What the program's exit status says. */
public final class ExitCodes {
    public static final int DONE = 0;
    /** The work itself failed. */
    public static final int FAILED = 1;
    /** The command line, a file or an option was wrong; nothing was done. */
    public static final int BAD_INPUT = 2;
    /** Cut off by the user; what was finished is kept. */
    public static final int CANCELLED = 130;

    private ExitCodes() {}
}
