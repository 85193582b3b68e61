package dev.holdfast.app.doctor;

/**
 * One thing that was looked at.
 *
 * @param what what was found
 * @param cure what to do about it; empty if nothing is to be done
 */
public record Check(String name, Level level, String what, String cure) {
    /** How bad it is. */
    public enum Level {
        FINE,
        /** Works, but slower or less than it could. */
        NOTE,
        /** Will fail or already does. */
        WRONG
    }

    static Check fine(String name, String what) {
        return new Check(name, Level.FINE, what, "");
    }

    static Check note(String name, String what, String cure) {
        return new Check(name, Level.NOTE, what, cure);
    }

    static Check wrong(String name, String what, String cure) {
        return new Check(name, Level.WRONG, what, cure);
    }
}
