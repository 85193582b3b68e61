package dev.holdfast.app.diagnose;

import dev.holdfast.app.report.Csv;
import dev.holdfast.app.report.DiagnosisPage;
import dev.holdfast.diagnose.training.Diary;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** A diary as a file: numbers separated by commas under a line of names; what was not measured is empty. */
final class DiaryFile {
    private static final String STEP = "step";

    private DiaryFile() {}

    static void write(Diary d, Path file) throws IOException {
        StringBuilder b = new StringBuilder();
        List<Object> head = new ArrayList<>(List.of(STEP));
        head.addAll(names());
        b.append(Csv.line(head));
        for (Diary.Entry e : d.entries()) {
            List<Object> cells = new ArrayList<>(List.of(e.step()));
            DiagnosisPage.columns(e).values().forEach(v -> cells.add(Double.isNaN(v) ? null : v));
            b.append(Csv.line(cells));
        }
        Files.writeString(file, b, StandardCharsets.UTF_8);
    }

    private static Set<String> names() {
        double u = Double.NaN;
        return DiagnosisPage.columns(new Diary.Entry(0, u, u, u, u, u, u, u, u, u, u, u, u, u, u, u))
                .keySet();
    }

    /** Reads a log with a column {@code step} and any of the others; an unknown column or a word where a number belongs is refused. */
    static Diary read(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new IllegalArgumentException("There is no file " + file + " to read a log from.");
        }
        List<String> lines = Files.readAllLines(file, StandardCharsets.UTF_8);
        if (lines.size() < 2) {
            throw new IllegalArgumentException(
                    file + " holds " + lines.size() + " lines; expected a line of names and at least one of numbers.");
        }
        List<String> head =
                Arrays.stream(lines.get(0).split(",", -1)).map(String::strip).toList();
        for (String name : head) {
            if (!name.equals(STEP) && !names().contains(name)) {
                throw new IllegalArgumentException("Column '" + name + "' of " + file + " is unknown; there are " + STEP
                        + ", " + String.join(", ", names()) + ".\nMaybe rename it, or leave it out.");
            }
        }
        if (!head.contains(STEP)) {
            throw new IllegalArgumentException(file + " has no column 'step'.");
        }
        List<Diary.Entry> entries = new ArrayList<>();
        for (int i = 1; i < lines.size(); i++) {
            if (!lines.get(i).isBlank()) {
                entries.add(entry(cells(file, i + 1, head, lines.get(i))));
            }
        }
        return new Diary(entries);
    }

    private static Map<String, Double> cells(Path file, int line, List<String> head, String text) {
        String[] cells = text.split(",", -1);
        if (cells.length != head.size()) {
            throw new IllegalArgumentException(
                    file + ", line " + line + ", has " + cells.length + " cells; expected " + head.size() + ".");
        }
        Map<String, Double> m = new LinkedHashMap<>();
        for (int c = 0; c < cells.length; c++) {
            String cell = cells[c].strip();
            try {
                m.put(head.get(c), cell.isEmpty() ? Double.NaN : Double.parseDouble(cell));
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException(
                        file + ", line " + line + ", column '" + head.get(c) + "': '" + cell + "' is no number.");
            }
        }
        return m;
    }

    private static Diary.Entry entry(Map<String, Double> m) {
        double step = m.get(STEP);
        if (!(step >= 0)) {
            throw new IllegalArgumentException("A step of the log is " + step + "; expected a whole number >= 0.");
        }
        return new Diary.Entry(
                (long) step,
                of(m, "rate"),
                of(m, "batch_loss"),
                of(m, "gradient_norm"),
                of(m, "loss"),
                of(m, "accuracy"),
                of(m, "largest_logit"),
                of(m, "log_z"),
                of(m, "collapsed"),
                of(m, "zero_losses"),
                of(m, "scaling"),
                of(m, "gradient_size"),
                of(m, "sharpness"),
                of(m, "edge"),
                of(m, "test_accuracy"),
                of(m, "attention_logit"));
    }

    private static double of(Map<String, Double> m, String name) {
        return m.getOrDefault(name, Double.NaN);
    }
}
