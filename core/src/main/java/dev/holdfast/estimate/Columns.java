package dev.holdfast.estimate;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.State;
import java.util.ArrayList;
import java.util.List;

/** Columns dealt to classes in order of first appearance, for heads that keep statistics. */
final class Columns {
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

    void load(State saved) {
        List<ClassIndex.Column> read = new ArrayList<>();
        for (String line : saved.value("index").split("\n")) {
            if (!line.isEmpty()) {
                String[] p = line.split("\t", 4);
                read.add(new ClassIndex.Column(
                        Integer.parseInt(p[0]), p[3], Integer.parseInt(p[1]), Integer.parseInt(p[2])));
            }
        }
        index = ClassIndex.of(read);
    }
}
