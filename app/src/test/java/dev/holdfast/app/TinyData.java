package dev.holdfast.app;

import dev.holdfast.tensor.Rng;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine;

/** Small tables and a way to run commands inside the test's process. */
public final class TinyData {
    private TinyData() {}

    /** What a command printed and how it ended. */
    public record Ran(int code, String out, String err) {}

    /** Runs a command line as {@link Main} would. */
    public static Ran run(Object... args) {
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        CommandLine line = Main.commandLine().setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
        String[] texts = new String[args.length];
        for (int i = 0; i < args.length; i++) {
            texts[i] = args[i].toString();
        }
        int code = line.execute(texts);
        return new Ran(code, out.toString(), err.toString());
    }

    /** Rows of {@code classes} well-separated clouds in four dimensions, shuffled; label column {@code kind}. */
    public static Path csv(Path file, int rows, int classes, long seed) throws IOException {
        return csv(file, rows, classes, seed, true);
    }

    /** The same, with or without the label column. */
    public static Path csv(Path file, int rows, int classes, long seed, boolean label) throws IOException {
        Rng rng = Rng.of(seed);
        List<String> lines = new ArrayList<>(List.of("a,b,c,d" + (label ? ",kind" : "")));
        for (int i = 0; i < rows; i++) {
            int k = i % classes;
            StringBuilder b = new StringBuilder();
            for (int j = 0; j < 4; j++) {
                double centre = 3 * Math.cos(2.1 * k + 1.3 * j);
                b.append(j == 0 ? "" : ",").append(String.format(Locale.ROOT, "%.4f", centre + rng.next() - 0.5));
            }
            lines.add(label ? b + ",k" + k : b.toString());
        }
        List<String> body = new ArrayList<>();
        for (int i : rng.child("order").permutation(rows)) {
            body.add(lines.get(i + 1));
        }
        body.add(0, lines.get(0));
        return Files.write(file, body);
    }
}
