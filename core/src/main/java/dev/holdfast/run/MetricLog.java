package dev.holdfast.run;

import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/** Everything that was measured in a run, in order; part of a checkpoint. One writer. */
public final class MetricLog implements RunLog, Stateful {
    /** One measurement; task -1 = overall. */
    public record Entry(
            String metric, int task, long step, long samples, int experience, boolean experienceEnd, double value) {}

    private final List<Entry> entries = new ArrayList<>();

    @Override
    public void put(String metric, int task, Moment m, double value) {
        entries.add(new Entry(metric, task, m.step(), m.samples(), m.experience(), m.experienceEnd(), value));
    }

    public List<Entry> entries() {
        return Collections.unmodifiableList(entries);
    }

    /** The entries of one metric, in order. */
    public List<Entry> of(String metric) {
        return entries.stream().filter(e -> e.metric.equals(metric)).toList();
    }

    @Override
    public double[][] square(String metric) {
        List<Entry> ends = entries.stream()
                .filter(e -> e.experienceEnd && e.task >= 0 && e.metric.equals(metric))
                .toList();
        int rows = ends.stream().mapToInt(e -> e.experience + 1).max().orElse(0);
        int columns = ends.stream().mapToInt(e -> e.task + 1).max().orElse(0);
        double[][] a = new double[rows][columns];
        for (double[] row : a) {
            Arrays.fill(row, Double.NaN);
        }
        ends.forEach(e -> a[e.experience][e.task] = e.value);
        return a;
    }

    @Override
    public State state() {
        StringBuilder b = new StringBuilder();
        for (Entry e : entries) {
            b.append(e.metric)
                    .append('\t')
                    .append(e.task)
                    .append('\t')
                    .append(e.step)
                    .append('\t')
                    .append(e.samples)
                    .append('\t')
                    .append(e.experience)
                    .append('\t')
                    .append(e.experienceEnd)
                    .append('\t')
                    .append(e.value)
                    .append('\n');
        }
        return new State().put("entries", b.toString());
    }

    @Override
    public void load(State saved) {
        List<Entry> read = new ArrayList<>();
        for (String line : saved.value("entries").split("\n")) {
            if (!line.isEmpty()) {
                String[] p = line.split("\t");
                if (p.length != 7) {
                    throw new IllegalArgumentException("The saved log has a line '" + line
                            + "'; expected seven entries.\nMaybe the file is damaged.");
                }
                read.add(new Entry(
                        p[0],
                        Integer.parseInt(p[1]),
                        Long.parseLong(p[2]),
                        Long.parseLong(p[3]),
                        Integer.parseInt(p[4]),
                        Boolean.parseBoolean(p[5]),
                        Double.parseDouble(p[6])));
            }
        }
        entries.clear();
        entries.addAll(read);
    }
}
