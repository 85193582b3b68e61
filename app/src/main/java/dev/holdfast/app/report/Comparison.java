package dev.holdfast.app.report;

import dev.holdfast.evaluate.Trial;
import java.util.List;

/**
 * Everything a comparison knows, as it is written to {@code results.json}: enough to repeat it and to draw the report.
 *
 * @param format version of this form; a newer one is refused
 * @param request what was asked; equal requests give equal results, but for the seconds
 * @param trials finished trials, in the order in which they finished
 */
public record Comparison(
        int format, Request request, Data data, Stream stream, Machine machine, List<Trial.Result> trials) {
    /** The form that this program writes. */
    public static final int FORMAT = 1;

    /** What was asked. */
    public record Request(
            String data,
            String scenario,
            String scenarioConfiguration,
            List<String> learners,
            List<String> settings,
            List<Long> seeds,
            String budget) {}

    /** Which rows. */
    public record Data(
            String name,
            String note,
            long trainRows,
            long testRows,
            int classes,
            List<String> classNames,
            String fingerprint) {}

    /** In which order; {@code table} is for people. */
    public record Stream(String name, List<String> tasks, boolean taskIdAtTest, String table) {}

    /** Where it ran. */
    public record Machine(
            String holdfast,
            String java,
            String os,
            String libtorch,
            int processors,
            int threads,
            String ompWaitPolicy) {}
}
