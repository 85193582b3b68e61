package dev.holdfast.app.terminal;

import dev.holdfast.data.source.Progress;
import java.io.PrintWriter;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
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
                        // one line that is written over, so that other lines can pass above it
                        .setConsumer(new ConsoleProgressBarConsumer(System.err))
                        .build())
                : new Quiet();
    }

    /** A meter of reading that shows itself only where there is something to wait for. */
    public Reading reading() {
        return new Reading();
    }

    /** How far reading is. */
    public final class Reading implements Progress, AutoCloseable {
        private Meter meter;
        private String doing;

        private Reading() {}

        @Override
        public void at(long done, long total, String what) {
            if (!what.equals(doing)) {
                close();
                meter = meter(what, "", total);
                doing = what;
            }
            meter.at(done, "");
        }

        @Override
        public void close() {
            if (meter != null) {
                meter.close();
                meter = null;
            }
        }
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
