package dev.holdfast.data.source;

/** Told how far a long reading has come; called from the reading thread, a few times a second at most. */
@FunctionalInterface
public interface Progress {
    /** Nobody listens. */
    Progress NONE = (done, total, what) -> {};

    /**
     * @param done rows or bytes so far
     * @param total all of them, or -1 when unknown
     * @param what what is being done, e.g. "sentences encoded"
     */
    void at(long done, long total, String what);
}
