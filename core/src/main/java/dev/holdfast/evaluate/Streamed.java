package dev.holdfast.evaluate;

import dev.holdfast.run.MetricLog;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * How a learner did on rows that were tested before they were learnt. Undefined numbers are null.
 *
 * @param metrics over all rows, the headline first; those of the no-change baseline last
 * @param blocks the headline metric of each block of rows, in order
 * @param marks where the error rose and what the learner told of, in order
 */
public record Streamed(List<Metric> metrics, List<Block> blocks, List<Mark> marks) {
    /** The most marks that are kept; a learner that tells of every row would drown the rest. */
    private static final int MOST_MARKS = 1000;

    /** One metric. */
    public record Metric(String name, Double value) {}

    /** The headline metric of the rows up to {@code samples} since the block before, and that of no-change. */
    public record Block(long samples, Double learner, Double noChange) {}

    /** Something that was noticed after {@code samples} rows: {@code drift}, or what the learner told of. */
    public record Mark(long samples, String what) {}

    public Streamed {
        metrics = List.copyOf(metrics);
        blocks = List.copyOf(blocks);
        marks = List.copyOf(marks);
    }

    /** What a run measured; its scenario asks for prequential scores. */
    static Streamed of(Run run) {
        Prequential p = run.prequential().orElseThrow();
        List<MetricLog.Entry> mine = run.log().of(Prequential.BLOCK);
        List<MetricLog.Entry> repeated = run.log().of(Prequential.NO_CHANGE);
        List<Block> blocks = new ArrayList<>();
        for (int i = 0; i < mine.size(); i++) {
            blocks.add(new Block(
                    mine.get(i).samples(),
                    known(mine.get(i).value()),
                    known(repeated.get(i).value())));
        }
        List<Mark> marks = run.log().entries().stream()
                .filter(e -> e.metric().equals(Prequential.DRIFT) || e.metric().startsWith(Prequential.EVENT))
                .map(e -> new Mark(e.samples(), word(e.metric())))
                .sorted(Comparator.comparingLong(Mark::samples))
                .limit(MOST_MARKS)
                .toList();
        return new Streamed(
                p.metrics().stream()
                        .map(t -> new Metric(t.name(), known(t.value())))
                        .toList(),
                blocks,
                marks);
    }

    private static String word(String metric) {
        return metric.startsWith(Prequential.EVENT)
                ? metric.substring(Prequential.EVENT.length())
                        .toLowerCase(java.util.Locale.ROOT)
                        .replace('_', ' ')
                : metric;
    }

    private static Double known(double v) {
        return Double.isFinite(v) ? v : null;
    }

    /** Name of the metric that stands for all: accuracy, or micro-F1 of label sets. */
    public String headline() {
        return metrics.get(0).name();
    }

    /** Times that the error rose. */
    public long drifts() {
        return marks.stream().filter(m -> m.what().equals(Prequential.DRIFT)).count();
    }
}
