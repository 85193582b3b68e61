package dev.holdfast.app;

import dev.holdfast.app.model.Model;
import dev.holdfast.app.model.Source;
import dev.holdfast.app.model.Spool;
import dev.holdfast.app.report.Csv;
import dev.holdfast.app.terminal.Console;
import dev.holdfast.app.terminal.Interrupt;
import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Progress;
import dev.holdfast.registry.Registry;
import dev.holdfast.run.Threads;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code holdfast predict}: what a model says about rows. */
@Command(
        name = "predict",
        description = {
            "Prints for every row the class that a model names, and its scores.",
            "Raw rows go through the model's own preprocessing; where they have labels the accuracy is told, too."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  holdfast predict letters-model new-letters.csv > said.csv",
            "  cat rows.jsonl | holdfast predict model - --json",
            "  holdfast predict model fashion --no-scores --out said.csv"
        })
final class PredictCommand implements Callable<Integer> {
    private static final int BATCH = 512;

    @Parameters(index = "0", paramLabel = "MODEL", description = "folder that 'holdfast learn' wrote")
    Path model;

    @Parameters(
            index = "1",
            paramLabel = "DATA",
            description = "a table with the model's columns, '-' for rows from standard input, or images (their test"
                    + " part)")
    String data;

    @Option(names = "--data", paramLabel = "DIR", description = "folder of full data sets (or set HOLDFAST_DATA)")
    Path dataDir;

    @Option(names = "--out", paramLabel = "FILE", description = "write to a file instead of standard output")
    Path out;

    @Option(names = "--json", description = "one JSON object a row instead of CSV")
    boolean json;

    @Option(names = "--no-scores", description = "only row, class and the score of that class")
    boolean noScores;

    @Option(names = "--threads", paramLabel = "N", description = "threads of libtorch (default: ${DEFAULT-VALUE})")
    int threads = 1;

    @Spec
    CommandSpec spec;

    private long rows;
    private long right;

    @Override
    public Integer call() throws IOException {
        DataOptions options = DataOptions.defaults().withDataDir(dataDir);
        PrintWriter err = spec.commandLine().getErr();
        try (Interrupt interrupt = new Interrupt("Stopping after this batch.");
                Threads.Restore restore = Threads.during(threads);
                Model m = Model.read(model, Registry.load());
                Spool what = Spool.of(data, System.in);
                Source source = Source.open(what, options, m.preprocessing(), Source.Part.TEST, Progress.NONE)
                        .requireLike(m.schema())) {
            m.requireFinished(model);
            if (out == null) {
                each(m, source, interrupt, spec.commandLine().getOut());
            } else {
                try (PrintWriter file = new PrintWriter(Files.newBufferedWriter(out))) {
                    each(m, source, interrupt, file);
                }
            }
            if (source.labelled() && rows > 0) {
                err.println(String.format(
                        Locale.ROOT, "%,d of %,d rows right: %.2f %%", right, rows, 100.0 * right / rows));
                err.flush();
            }
            return interrupt.asked() ? ExitCodes.CANCELLED : ExitCodes.DONE;
        }
    }

    private void each(Model m, Source source, Interrupt interrupt, PrintWriter to) {
        try (Loader loader = source.rows().batches(Pace.inOrder(BATCH), Rng.of(0));
                Console.Meter meter = Console.of(spec.commandLine().getErr())
                        .meter("predict", " rows", source.rows().size())) {
            while (loader.hasNext() && !interrupt.asked()) {
                try (Scope s = Scope.open()) {
                    Batch b = loader.next();
                    print(m, b, m.learner().predict(b.inputs()), source.labelled(), to);
                }
                meter.at(rows, "");
            }
        }
        to.flush();
    }

    private void print(Model m, Batch b, Prediction p, boolean labelled, PrintWriter to) {
        ClassIndex known = m.schema().classes();
        int[] ids = p.columns().columns().stream()
                .mapToInt(ClassIndex.Column::classId)
                .toArray();
        List<String> names = java.util.Arrays.stream(ids)
                .mapToObj(id -> known.columns().get(known.columnOf(id)).name())
                .toList();
        if (rows == 0 && !json) {
            List<Object> head = new ArrayList<>(List.of("row", "class", "score"));
            if (!noScores) {
                names.forEach(n -> head.add("score " + n));
            }
            to.print(Csv.line(head));
        }
        double[][] scores = Tensors.rows(p.scores());
        int[] said = p.classes();
        long[] truth = labelled ? b.classIds() : null;
        for (int i = 0; i < said.length; i++) {
            int row = i;
            int best = IntStream.range(0, ids.length)
                    .filter(c -> ids[c] == said[row])
                    .findFirst()
                    .orElseThrow();
            right += truth != null && truth[i] == said[i] ? 1 : 0;
            long id = b.rows().ids()[i];
            to.print(json ? jsonRow(id, names, best, scores[i]) : csvRow(id, names, best, scores[i]));
        }
        rows += said.length;
    }

    private String csvRow(long id, List<String> names, int best, double[] scores) {
        List<Object> cells = new ArrayList<>(List.of(id, names.get(best), scores[best]));
        if (!noScores) {
            for (double s : scores) {
                cells.add(s);
            }
        }
        return Csv.line(cells);
    }

    private String jsonRow(long id, List<String> names, int best, double[] scores) {
        Map<String, Object> row = new LinkedHashMap<>();
        row.put("row", id);
        row.put("class", names.get(best));
        row.put("score", scores[best]);
        if (!noScores) {
            Map<String, Double> all = new LinkedHashMap<>();
            IntStream.range(0, scores.length).forEach(c -> all.put(names.get(c), scores[c]));
            row.put("scores", all);
        }
        return Json.line(row) + "\n";
    }
}
