package dev.holdfast.app.explain;

import dev.holdfast.app.model.Model;
import dev.holdfast.app.model.Source;
import dev.holdfast.app.model.Spool;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.app.terminal.Interrupt;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Progress;
import dev.holdfast.registry.Registry;
import dev.holdfast.run.Threads;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code holdfast explain}: why a model of prototypes says what it says, and how far a row may move before it would not. */
@Command(
        name = "explain",
        description = {
            "Tells for rows what a model of prototypes says, by which components, and the certified radius: no change of"
                    + " the row (as the model sees it, after preprocessing) with a smaller Euclidean norm alters the class."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  holdfast learn fashion --learner component-net --epochs 5 --batch-size 64 --out model",
            "  holdfast explain model fashion --rows 0-9 --out explained",
            "  holdfast explain letters-model new-letters.csv --rows 3,17 --json"
        })
public final class ExplainCommand implements Callable<Integer> {
    private static final int BATCH = 256;

    @Parameters(index = "0", paramLabel = "MODEL", description = "folder that 'holdfast learn' wrote")
    Path model;

    @Parameters(
            index = "1",
            paramLabel = "DATA",
            description = "a table with the model's columns, '-' for rows from standard input, or images (their test"
                    + " part)")
    String data;

    @Option(
            names = "--rows",
            paramLabel = "LIST",
            description = "positions of rows, from 0, such as 3,17,20-25 (default: ${DEFAULT-VALUE})")
    String rows = "0-9";

    @Option(
            names = "--components",
            paramLabel = "N",
            description = "components to tell of each row, the weightiest first (default: ${DEFAULT-VALUE})")
    int most = 5;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "write rows.csv, tables.csv, a page, and pictures of images into a folder, too")
    Path out;

    @Option(names = "--json", description = "one JSON object a row instead of words")
    boolean json;

    @Option(names = "--data", paramLabel = "DIR", description = "folder of full data sets (or set HOLDFAST_DATA)")
    Path dataDir;

    @Option(names = "--threads", paramLabel = "N", description = "threads of libtorch (default: ${DEFAULT-VALUE})")
    int threads = 1;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        TreeSet<Long> wanted = positions(rows);
        if (most < 1) {
            throw new IllegalArgumentException("--components must be >= 1 but is " + most + ".");
        }
        DataOptions options = DataOptions.defaults().withDataDir(dataDir);
        PrintWriter print = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        try (Interrupt interrupt = new Interrupt("Stopping after this batch.");
                Threads.Restore restore = Threads.during(threads);
                Model m = Model.read(model, Registry.load());
                Spool what = Spool.of(data, System.in);
                Source source = Source.open(what, options, m.preprocessing(), Source.Part.TEST, Progress.NONE)
                        .requireLike(m.schema());
                Scope all = Scope.open()) {
            m.requireFinished(model);
            Explainer explainer = Explainer.of(m);
            ExplanationFiles files = out == null ? null : files(m, explainer);
            long told = each(m, explainer, files, source, wanted, interrupt, print);
            if (told == 0 && !interrupt.asked()) {
                throw new IllegalArgumentException("There is no row " + rows + " in '" + source.name()
                        + "'.\nMaybe positions are counted from 0.");
            }
            if (files != null) {
                files.finish(model.getFileName() + " on " + source.name());
                err.println("Explanations: " + out.resolve("index.html"));
            }
            explainer.warning().ifPresent(err::println);
            err.flush();
            return interrupt.asked() ? ExitCodes.CANCELLED : CommandLine.ExitCode.OK;
        }
    }

    private ExplanationFiles files(Model m, Explainer explainer) throws IOException {
        List<String> names = explainer
                .components()
                .map(n -> n.head().columns().columns().stream()
                        .map(c -> m.schema()
                                .classes()
                                .columns()
                                .get(m.schema().classes().columnOf(c.classId()))
                                .name())
                        .toList())
                .orElse(List.of());
        return new ExplanationFiles(out, explainer, m.schema(), most, names);
    }

    private long each(
            Model m,
            Explainer explainer,
            ExplanationFiles files,
            Source source,
            TreeSet<Long> wanted,
            Interrupt interrupt,
            PrintWriter print)
            throws IOException {
        long from = 0;
        long told = 0;
        try (Loader loader = source.rows().batches(Pace.inOrder(BATCH), Rng.of(0))) {
            while (loader.hasNext() && from <= wanted.last() && !interrupt.asked()) {
                try (Scope s = Scope.open()) {
                    Batch b = loader.next();
                    long first = from;
                    int[] at = IntStream.range(0, b.size())
                            .filter(i -> wanted.contains(first + i))
                            .toArray();
                    from += b.size();
                    if (at.length > 0) {
                        Batch some = b.rows(at);
                        List<Explained> explained = explainer.explain(some, source.labelled());
                        for (int i = 0; i < at.length; i++) {
                            Explained e = explained.get(i);
                            print.println(json ? e.json() : e.words(most));
                            if (files != null) {
                                files.add(e, Tensors.slice(some.inputs().x(), i, i + 1));
                            }
                        }
                        told += at.length;
                    }
                }
            }
        }
        print.flush();
        return told;
    }

    /** Positions from a list of numbers and ranges. */
    static TreeSet<Long> positions(String list) {
        TreeSet<Long> all = new TreeSet<>();
        for (String part : list.split(",", -1)) {
            String[] ends = part.strip().split("-", -1);
            try {
                long low = Long.parseLong(ends[0]);
                long high = ends.length == 1 ? low : Long.parseLong(ends[1]);
                if (ends.length > 2 || high < low || high - low > 100_000) {
                    throw new NumberFormatException(part);
                }
                for (long i = low; i <= high; i++) {
                    all.add(i);
                }
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException(
                        "--rows takes positions and ranges such as 3,17,20-25 but was given '" + list + "'; '" + part
                                + "' is neither.");
            }
        }
        return all;
    }
}
