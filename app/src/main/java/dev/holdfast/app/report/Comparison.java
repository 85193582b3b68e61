package dev.holdfast.app.report;

import com.fasterxml.jackson.annotation.JsonIgnore;
import dev.holdfast.evaluate.Trial;
import java.util.List;
import java.util.Map;

/**
 * Everything a comparison knows, as it is written to {@code results.json} (schema: {@code docs/results-schema.json}):
 * enough to repeat it and to draw the report.
 *
 * @param format version of this form; a newer one is refused
 * @param created when it was written, ISO 8601
 * @param request what was asked; equal requests give equal results, but for dates and seconds
 * @param beds one a data set, in the order of the request; those not begun are missing
 * @param ranks which learners can be told apart
 * @param tuning how settings were chosen before; null if they were given
 */
public record Comparison(
        int format, String created, Request request, Machine machine, List<Bed> beds, Ranks ranks, Tuning tuning) {
    /** The form that this program writes. */
    public static final int FORMAT = 1;

    public Comparison {
        beds = List.copyOf(beds);
    }

    /** All trials of all data sets. */
    public List<Trial.Result> allTrials() {
        return beds.stream().flatMap(b -> b.trials().stream()).toList();
    }

    /**
     * What was asked.
     *
     * @param data specs of the data sets
     * @param dataOptions how they were read, as {@code name=value} texts
     * @param scenarioConfiguration the scenario's record as JSON
     * @param learners each with its record as JSON
     */
    public record Request(
            List<String> data,
            List<String> dataOptions,
            String scenario,
            String scenarioConfiguration,
            List<Configured> learners,
            List<Long> seeds,
            String budget) {}

    /** A learner and its configuration as JSON. */
    public record Configured(String name, String configuration) {}

    /**
     * One data set: what it is, how it arrived, what came out.
     *
     * @param trials finished trials, in the order in which they finished
     * @param summary one row a learner, best final accuracy first
     */
    public record Bed(Data data, Stream stream, List<Trial.Result> trials, List<Summary> summary) {
        public Bed {
            trials = List.copyOf(trials);
            summary = List.copyOf(summary);
        }

        public static Bed of(Data data, Stream stream, List<Trial.Result> trials) {
            return new Bed(data, stream, trials, Summary.of(trials));
        }
    }

    /** Which rows. */
    public record Data(
            String name,
            String note,
            long trainRows,
            long testRows,
            int classes,
            List<String> classNames,
            String fingerprint) {}

    /**
     * In which order.
     *
     * @param tasks names of the tasks, for the first seed's order of classes
     * @param partEnds rows seen when each part is over (a row of two epochs counts twice)
     * @param curveRows least rows of any task's test set behind a point of the curves; squares use all rows
     * @param curveError half of the widest 95 % interval around a point of one task's curve: 1.96 sqrt(p (1 - p) / n) at p
     *     = 1/2 with n = curveRows
     * @param denseUpdates updates after the beginning of each part that are evaluated one by one
     * @param metric the headline metric where rows are tested before they are learnt and there are no test sets; else null
     * @param table for people
     */
    public record Stream(
            String name,
            List<String> tasks,
            List<Long> partEnds,
            boolean taskIdAtTest,
            int curveRows,
            double curveError,
            int denseUpdates,
            String metric,
            String table) {
        /** Whether rows are tested before they are learnt, without tasks. */
        @JsonIgnore
        public boolean isPrequential() {
            return metric != null;
        }
    }

    /**
     * How settings were chosen, on rows that the comparison does not score.
     *
     * @param on the data set
     * @param trials settings drawn of every learner
     * @param seeds runs of every setting
     * @param method RANDOM or HALVING
     * @param selection what the best is best in
     * @param kendallTau Kendall's tau-b between the ranking of this comparison and the one of the conventional protocol;
     *     null where that was not run
     */
    public record Tuning(
            String on,
            long rows,
            int trials,
            int seeds,
            String method,
            String selection,
            List<Found> learners,
            Double kendallTau) {}

    /**
     * What was found for one learner; numbers are shares between 0 and 1 in the metric of the selection, null where there is
     * none.
     *
     * @param setting the chosen options; options of the scenario begin with "scenario."
     * @param tried settings that were run
     * @param failed of these, settings with a seed that failed or diverged
     * @param tuning mean score of the chosen setting on the data to tune on
     * @param sensitivity spread of the mean score over the values of each option
     * @param scored mean score of the chosen setting where the comparison scores
     * @param conventional mean score there of the setting that is best there
     * @param overestimation the difference: by how much tuning and scoring on the same data flatters
     */
    public record Found(
            String learner,
            Map<String, String> setting,
            int tried,
            long failed,
            Double tuning,
            double seconds,
            Map<String, Double> sensitivity,
            Double scored,
            Double conventional,
            Double overestimation) {}

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
