package dev.holdfast.data.table;

import dev.holdfast.data.DataException;
import dev.holdfast.data.source.DataOptions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Which columns of a table are features of which kind, and which is the label; everything that can be known to be wrong
 * before a row is used is refused here.
 *
 * @param labels one column of classes, or the 0/1 columns of a multi-label set
 * @param unused columns that are neither feature nor label
 * @param notes what was decided without being asked, for people
 */
record TablePlan(
        List<Feature> features, List<String> labels, boolean multiLabel, List<String> unused, List<String> notes) {
    /** More distinct texts than this are free text, not categories, unless they are asked for by name. */
    private static final int MANY = 1000;

    private static final int SOME = 50;

    enum Kind {
        NUMBER,
        CATEGORY,
        TEXT
    }

    record Feature(String column, Kind kind) {
        Table.Ask ask() {
            return new Table.Ask(column, kind == Kind.NUMBER);
        }
    }

    static TablePlan of(Table t, DataOptions o) {
        for (List<String> named : List.of(o.text(), o.ignore(), o.categories())) {
            for (String c : named) {
                if (t.column(c) == null) {
                    throw DuckTable.absent(t, c, "column");
                }
            }
        }
        List<String> notes = new ArrayList<>();
        List<String> named = named(t, o);
        boolean multi = named.isEmpty() ? !t.labels().isEmpty() : named.size() > 1;
        List<String> labels = !named.isEmpty() ? named : multi ? t.labels() : List.of(label(t, notes));
        List<Feature> features = new ArrayList<>();
        List<String> unused = new ArrayList<>();
        for (Table.Column c : t.columns()) {
            if (labels.contains(c.name())) {
                continue;
            }
            boolean wanted = o.text().isEmpty()
                    ? !o.ignore().contains(c.name())
                    : o.text().contains(c.name());
            if (wanted) {
                features.add(new Feature(c.name(), kind(t, c, o)));
            } else {
                unused.add(c.name());
            }
        }
        if (features.isEmpty()) {
            throw DataException.at(
                    t.name(),
                    "No column is left to learn from: " + labels + " is the label and " + unused + " is not used.",
                    "at least one feature column",
                    null);
        }
        if (!unused.isEmpty()) {
            notes.add("columns not used: " + String.join(", ", unused));
        }
        return new TablePlan(List.copyOf(features), labels, multi, unused, notes);
    }

    /** The label columns that the options name, in the table's order where a pattern stands for several. */
    private static List<String> named(Table t, DataOptions o) {
        Set<String> found = new LinkedHashSet<>();
        for (String asked : o.labels()) {
            Table.Column c = t.column(asked);
            List<String> fit = c != null ? List.of(c.name()) : matching(t, asked);
            if (fit.isEmpty()) {
                throw DuckTable.absent(t, asked, "label column");
            }
            found.addAll(fit);
        }
        return List.copyOf(found);
    }

    private static List<String> matching(Table t, String pattern) {
        if (pattern.indexOf('*') < 0) {
            return List.of();
        }
        Pattern p = Pattern.compile(
                Arrays.stream(pattern.split("\\*", -1)).map(Pattern::quote).collect(Collectors.joining(".*")));
        return t.columns().stream()
                .map(Table.Column::name)
                .filter(n -> p.matcher(n).matches())
                .toList();
    }

    private static String label(Table t, List<String> notes) {
        for (String usual : List.of("label", "class", "target")) {
            for (Table.Column c : t.columns()) {
                if (c.name().equalsIgnoreCase(usual)) {
                    notes.add("label: column '" + c.name() + "', found by its name");
                    return c.name();
                }
            }
        }
        throw DataException.at(
                t.name(),
                "It is not said which column holds the classes.",
                "a label column, one of "
                        + Preprocessing.shortened(
                                t.columns().stream().map(Table.Column::name).toList()),
                "Say --label COLUMN, or --label A,B,C for label sets (or ?label=COLUMN after the path).");
    }

    private static Kind kind(Table t, Table.Column c, DataOptions o) {
        String place = t.name() + ", column '" + c.name() + "'";
        if (c.present() == 0) {
            throw DataException.at(
                    place,
                    "All " + t.rows() + " values are missing.",
                    "at least one value",
                    "Leave the column out: --ignore " + c.name() + " (or ignore=" + c.name() + ").");
        }
        if (o.text().contains(c.name())) {
            return Kind.TEXT;
        }
        if (c.distinct() == 0) {
            throw DataException.at(
                    place,
                    "The values are of type " + c.type() + ".",
                    "numbers, categories or texts",
                    "Leave the column out (--ignore " + c.name() + ") or flatten it.");
        }
        boolean asked = o.categories().contains(c.name());
        if (asked || c.type().equals("nominal")) {
            return Kind.CATEGORY;
        }
        if (c.numeric()) {
            return Kind.NUMBER;
        }
        if (2 * c.numbers() > c.present()) {
            throw textAmongNumbers(t, c);
        }
        if (c.distinct() > MANY || (c.distinct() > SOME && 2 * c.distinct() > t.rows())) {
            throw DataException.at(
                    place,
                    "There are about " + c.distinct() + " different texts in " + t.rows() + " rows.",
                    "numbers or few categories",
                    "Read it as text (--text " + c.name() + "), leave it out (--ignore " + c.name()
                            + "), or insist on categories (categories=" + c.name() + ").");
        }
        return Kind.CATEGORY;
    }

    static DataException textAmongNumbers(Table t, Table.Column c) {
        try (Table.Cursor rows = t.read(List.of(new Table.Ask(c.name(), true), new Table.Ask(c.name(), false)), 0)) {
            Cells cells;
            while ((cells = rows.next()) != null) {
                double[] numbers = cells.numbersAt(0);
                String[] texts = cells.textsAt(1);
                for (int i = 0; i < numbers.length; i++) {
                    if (!Double.isFinite(numbers[i]) && texts[i] != null) {
                        return DataException.at(
                                t.where(cells.firstRow() + i, c.name()),
                                "The value is '" + texts[i] + "', but " + c.numbers() + " of " + c.present()
                                        + " values of the column are numbers.",
                                "a finite number, or one of the marks of a missing value " + DuckTable.MISSING,
                                "Correct the value; or read the column as categories (categories=" + c.name()
                                        + ") or leave it out (--ignore " + c.name() + ").");
                    }
                }
            }
        }
        throw new IllegalStateException("Column '" + c.name() + "' changed while it was read.");
    }

    /** Rows of each class, in the order of first appearance, and the class number of every row by that order. */
    record Labels(Map<String, Long> counts, int[] codes) {}

    /** Walks the label column; {@code keep} says whether the classes of the rows are wanted, too. */
    static Labels labels(Table t, String column, boolean keep) {
        Map<String, Integer> number = new LinkedHashMap<>();
        List<Long> counts = new ArrayList<>();
        int[] codes = keep ? new int[Math.toIntExact(t.rows())] : null;
        try (Table.Cursor rows = t.read(List.of(new Table.Ask(column, false)), 0)) {
            Cells cells;
            while ((cells = rows.next()) != null) {
                String[] v = cells.texts(column);
                for (int i = 0; i < v.length; i++) {
                    if (v[i] == null) {
                        throw DataException.at(
                                t.where(cells.firstRow() + i, column),
                                "The row has no label.",
                                "a class in every row",
                                "Take unlabelled rows out, or give them a label.");
                    }
                    Integer n = number.putIfAbsent(v[i], number.size());
                    if (n == null) {
                        n = number.size() - 1;
                        counts.add(0L);
                        refuseTooMany(t, column, number.size());
                    }
                    counts.set(n, counts.get(n) + 1);
                    if (keep) {
                        codes[Math.toIntExact(cells.firstRow()) + i] = n;
                    }
                }
            }
        }
        if (number.size() < 2) {
            throw DataException.at(
                    t.name() + ", column '" + column + "'",
                    "All " + t.rows() + " rows have the class '"
                            + number.keySet().iterator().next() + "'.",
                    "at least two classes",
                    null);
        }
        Map<String, Long> m = new LinkedHashMap<>();
        number.forEach((k, n) -> m.put(k, counts.get(n)));
        return new Labels(m, codes);
    }

    private static void refuseTooMany(Table t, String column, int classes) {
        if (classes > 100 && 2L * classes > t.rows()) {
            throw DataException.at(
                    t.name() + ", column '" + column + "'",
                    "There are more than " + (classes - 1) + " different values in " + t.rows() + " rows.",
                    "classes, each with several rows",
                    "Maybe another column is the label.");
        }
    }

    /** Class names in the order of their ids: by number if all are numbers, else by text. */
    static List<String> ordered(Iterable<String> names) {
        TreeSet<String> byText = new TreeSet<>();
        names.forEach(byText::add);
        try {
            return byText.stream()
                    .map(n -> Map.entry(Double.parseDouble(n), n))
                    .sorted(Map.Entry.<Double, String>comparingByKey().thenComparing(Map.Entry.comparingByValue()))
                    .map(Map.Entry::getValue)
                    .toList();
        } catch (NumberFormatException e) {
            return List.copyOf(byText);
        }
    }
}
