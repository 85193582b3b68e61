package dev.holdfast.tck;

/**
 * One promise of a learner, ready to be tested.
 *
 * @param name what is promised, and on which data
 */
public record Check(String name, Body body) {
    /** Throws if the promise is broken. */
    public interface Body {
        void run() throws Exception;
    }

    /**
     * Tests the promise.
     *
     * @throws AssertionError if it is broken; the message says how
     */
    public void run() throws Exception {
        body.run();
    }
}
