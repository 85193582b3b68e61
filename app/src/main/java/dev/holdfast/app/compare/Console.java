package dev.holdfast.app.compare;

import java.io.PrintWriter;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * What a command tells while it works: sentences where results go, progress with rate and remaining time on standard
 * error, and that only where a person sees it.
 */
public final class Console {
    private final PrintWriter out;
    private final boolean terminal;

    private Console(PrintWriter out, boolean terminal) {
        this.out = out;
        this.terminal = terminal;
    }

    /** The launcher says whether standard error is a terminal: the JVM cannot tell. */
    public static Console of(PrintWriter out) {
        return new Console(out, Boolean.getBoolean("holdfast.terminal"));
    }

    public void say(String text) {
        out.println(text);
        out.flush();
    }

    /** @param total -1 where it is not known */
    public Meter meter(String task, String unit, long total) {
        return terminal
                ? new Bar(new ProgressBarBuilder()
                        .setTaskName(task)
                        .setUnit(unit, 1)
                        .setInitialMax(total)
                        .setStyle(ProgressBarStyle.ASCII)
                        .setUpdateIntervalMillis(500)
                        .showSpeed()
                        .build())
                : new Quiet();
    }

    /** How far something is. */
    public interface Meter extends AutoCloseable {
        void at(long done, String what);

        /** A finished piece of the work. */
        void line(String text);

        @Override
        void close();
    }

    private final class Bar implements Meter {
        private final ProgressBar bar;

        Bar(ProgressBar bar) {
            this.bar = bar;
        }

        @Override
        public void at(long done, String what) {
            bar.stepTo(done);
            bar.setExtraMessage(" " + what);
        }

        @Override
        public void line(String text) {
            // the bar is drawn anew below the line
            System.err.print("\r\033[K");
            System.err.flush();
            say(text);
        }

        @Override
        public void close() {
            bar.close();
        }
    }

    private final class Quiet implements Meter {
        @Override
        public void at(long done, String what) {
            // nobody watches
        }

        @Override
        public void line(String text) {
            say(text);
        }

        @Override
        public void close() {
            // nothing is open
        }
    }
}
