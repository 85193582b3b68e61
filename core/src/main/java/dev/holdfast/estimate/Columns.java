package dev.holdfast.estimate;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.ClassStatistics;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.bytedeco.pytorch.Tensor;

/** Columns dealt to classes in order of first appearance, for heads that keep statistics. */
final class Columns {
    private static final Pattern LINE = Pattern.compile("(\\d{1,9})\t(-?\\d{1,9})\t(-?\\d{1,9})\t(.*)");

    private ClassIndex index = ClassIndex.EMPTY;

    ClassIndex index() {
        return index;
    }

    /** Column of each class id; unseen classes, which {@code known} names, get the next ones. */
    int[] admit(ClassIndex known, long... classIds) {
        List<ClassIndex.Column> fresh = new ArrayList<>();
        for (long id : classIds) {
            int c = Math.toIntExact(id);
            if (index.columnOf(c) < 0 && fresh.stream().noneMatch(f -> f.classId() == c)) {
                int at = known.columnOf(c);
                if (at < 0) {
                    throw new IllegalArgumentException(
                            "Class " + c + " is not among the declared classes " + known + ".");
                }
                fresh.add(known.columns().get(at));
            }
        }
        if (!fresh.isEmpty()) {
            index = index.plus(fresh);
        }
        return index.columnsOf(classIds);
    }

    /** Runs a change of the statistics; if it throws, the columns are what they were. */
    void with(Runnable change) {
        ClassIndex before = index;
        try {
            change.run();
        } catch (RuntimeException e) {
            index = before;
            throw e;
        }
    }

    /** Scores [n, C] with minus infinity for classes all of whose rows were taken out again: they have no mean. */
    static Tensor withoutEmpty(Tensor scores, ClassStatistics statistics) {
        Tensor gone = statistics.counts().le(Tensors.scalar(0));
        return scores.masked_fill(gone, Tensors.scalar(Double.NEGATIVE_INFINITY));
    }

    /** Places for another head's columns here; unseen classes are appended. */
    int[] place(ClassIndex other) {
        index = index.plus(index.missing(other));
        return other.columns().stream()
                .mapToInt(c -> index.columnOf(c.classId(), c.task()))
                .toArray();
    }

    State state() {
        StringBuilder b = new StringBuilder();
        for (ClassIndex.Column c : index.columns()) {
            b.append(c.classId())
                    .append('\t')
                    .append(c.level())
                    .append('\t')
                    .append(c.task())
                    .append('\t')
                    .append(c.name())
                    .append('\n');
        }
        return new State().put("index", b.toString());
    }

    /** Takes over columns that were {@link #read}. */
    void set(ClassIndex saved) {
        index = saved;
    }

    /**
     * The columns in a saved state.
     *
     * @param expected how many there must be for the statistics saved with them
     */
    static ClassIndex read(State saved, long expected) {
        List<ClassIndex.Column> read = new ArrayList<>();
        for (String line : saved.value("index").split("\n")) {
            if (!line.isEmpty()) {
                Matcher m = LINE.matcher(line);
                if (!m.matches()) {
                    throw new IllegalArgumentException("The saved columns have a line '" + line
                            + "'; expected class, level, task and name.\nMaybe the file is damaged.");
                }
                read.add(new ClassIndex.Column(
                        Integer.parseInt(m.group(1)),
                        m.group(4),
                        Integer.parseInt(m.group(2)),
                        Integer.parseInt(m.group(3))));
            }
        }
        if (read.size() != expected) {
            throw new IllegalArgumentException("The saved state names " + read.size() + " columns but has numbers for "
                    + expected + ".\nMaybe the file is damaged.");
        }
        return ClassIndex.of(read);
    }
}
