package dev.holdfast.app.terminal;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Ctrl-C as a question that long work asks between its steps: the process ends only when the work has put its results
 * away and this is closed, or after a minute.
 */
public final class Interrupt implements AutoCloseable {
    private final CountDownLatch done = new CountDownLatch(1);
    private final Thread hook;
    private volatile boolean asked;

    /** @param message told once, when it comes */
    public Interrupt(String message) {
        hook = new Thread(
                () -> {
                    asked = true;
                    if (done.getCount() > 0) {
                        System.err.println("\n" + message);
                    }
                    try {
                        if (!done.await(1, TimeUnit.MINUTES)) {
                            System.err.println("The last step does not end; leaving without it.");
                        }
                    } catch (InterruptedException e) {
                        Thread.currentThread().interrupt();
                    }
                },
                "interrupt");
        Runtime.getRuntime().addShutdownHook(hook);
    }

    /** Whether the user wants to stop. */
    public boolean asked() {
        return asked;
    }

    @Override
    public void close() {
        done.countDown();
        if (!asked) {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // the process is ending already, and the hook with it
            }
        }
    }
}
