package dev.holdfast.app;

import dev.holdfast.app.compare.Settings;
import dev.holdfast.app.model.Spool;
import dev.holdfast.app.report.Csv;
import dev.holdfast.app.terminal.Console;
import dev.holdfast.app.terminal.DataArguments;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.app.terminal.Interrupt;
import dev.holdfast.app.terminal.Json;
import dev.holdfast.bilevel.HyperCleaning;
import dev.holdfast.bilevel.HyperCleaning.Cleaned;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.WithTruth;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.corrupt.NamedCorruption;
import dev.holdfast.data.corrupt.NoiseTruth;
import dev.holdfast.data.source.Progress;
import dev.holdfast.data.table.TableSource;
import dev.holdfast.learner.noisy.LabelAudit;
import dev.holdfast.learner.noisy.LabelAudit.Opinion;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.run.Threads;
import dev.holdfast.tensor.Rng;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast clean}: which labels are probably wrong. */
@Command(
        name = "clean",
        description = {
            "Lists the rows whose label is probably wrong, the most doubtful first, as CSV.",
            "Networks that do not learn wrong labels by heart train on all rows; a row is",
            "doubtful where they believe in another class. Nothing is changed in the data."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  holdfast clean letters.csv.gz --label label",
            "  holdfast clean letters.csv.gz --label label --trusted checked.csv",
            "  holdfast clean tickets.csv --label topic --text subject,body --top 200",
            "  holdfast clean letters.csv.gz --label label --plant sym-other:0.1   # how well would it find errors here?",
            "%nExit status: 0 done, 1 failed, 2 wrong input, 130 cut off (nothing is written)."
        })
final class CleanCommand implements Callable<Integer> {
    private static final String ELR = "elr";

    /** For few passes over rows in batches of 64; found on planted errors in letters and in clothes. */
    private static final String ELR_RATE = ELR + ".net.optimizer.rate=0.003";

    @Mixin
    DataArguments data = new DataArguments();

    @Option(names = "--out", paramLabel = "FILE", description = "where the list goes (default: ${DEFAULT-VALUE})")
    Path out = Path.of("suspects.csv");

    @Option(
            names = "--top",
            paramLabel = "N",
            description = "list the N most doubtful rows (default: all that are doubted)")
    int top;

    @Option(
            names = "--plant",
            paramLabel = "KIND:SHARE",
            description =
                    "make so many labels wrong first and tell how many of them are found, see 'holdfast noise'; the list"
                            + " says which were planted")
    String plant;

    @Option(
            names = "--trusted",
            paramLabel = "FILE",
            description =
                    "rows with the same columns whose labels are right: weights are learnt for the rows of DATA so"
                            + " that what is trained on them does well there, and the least weighted lead the list; --learner,"
                            + " --networks, --epochs, --batch-size and --set do not apply")
    Path trusted;

    @Option(names = "--learner", paramLabel = "NAME", description = "who judges (default: ${DEFAULT-VALUE})")
    String learner = ELR;

    @Option(names = "--networks", paramLabel = "N", description = "how many networks judge (default: ${DEFAULT-VALUE})")
    int networks = 3;

    @Option(names = "--epochs", paramLabel = "N", description = "passes over the rows (default: ${DEFAULT-VALUE})")
    int epochs = 30;

    @Option(names = "--batch-size", paramLabel = "N", description = "rows a step (default: ${DEFAULT-VALUE})")
    int batchSize = 64;

    @Option(
            names = "--set",
            paramLabel = "OPTION=VALUE",
            description = "an option of the learner, see 'holdfast learners NAME'; repeatable (elr starts from"
                    + " net.optimizer.rate=0.003)")
    List<String> settings = List.of();

    @Option(
            names = "--seed",
            paramLabel = "N",
            description = "seed of networks and planting (default: ${DEFAULT-VALUE})")
    long seed = 1;

    @Option(names = "--threads", paramLabel = "N", description = "threads of libtorch (default: ${DEFAULT-VALUE})")
    int threads = 1;

    @Option(names = "--json", description = "print what was found as JSON; sentences go to standard error")
    boolean json;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (top < 0) {
            throw new IllegalArgumentException("--top must be >= 1 but is " + top + ".");
        }
        NamedCorruption planted = plant == null ? null : NamedCorruption.parse(plant);
        if (planted != null && !planted.kind().wrongsLabels()) {
            throw new IllegalArgumentException("--plant makes labels wrong, but '" + planted + "' does not.");
        }
        Registry registry = Registry.load();
        Console console = Console.of(
                json ? spec.commandLine().getErr() : spec.commandLine().getOut());
        try (Interrupt interrupt = new Interrupt("Stopping after this step; nothing is written.");
                Threads.Restore restore = Threads.during(threads);
                Spool rows = Spool.of(data.spec, System.in)) {
            DataPair pair = rows.named(data.open(rows.spec(), true, console));
            Dataset labelled = requireOneClass(pair.train());
            console.say(pair.name() + ": " + pair.note());
            Optional<NoiseTruth> truth = Optional.empty();
            if (planted != null) {
                WithTruth<?> spoilt = planted.apply(labelled, seed);
                labelled = spoilt.data();
                truth = Optional.of((NoiseTruth) spoilt.truth());
                console.say("Planted " + truth.get() + ".");
            }
            Optional<List<Opinion>> ranked = trusted == null
                    ? audit(registry.learner(learner), registry, labelled, interrupt, console)
                    : weigh(pair, labelled, interrupt, console);
            if (ranked.isEmpty()) {
                return ExitCodes.CANCELLED;
            }
            tell(ranked.get(), labelled, truth, console);
            return ExitCodes.DONE;
        }
    }

    private static Dataset requireOneClass(Dataset rows) {
        if (rows.schema().target() != Target.ClassIds.class) {
            throw new IllegalArgumentException(
                    "Labels are audited where rows have one class each, but the target here is "
                            + rows.schema().target().getSimpleName() + ".\nMaybe name one column with --label.");
        }
        return rows;
    }

    private <C extends Record> Optional<List<Opinion>> audit(
            LearnerPlugin<C> plugin, Registry registry, Dataset rows, Interrupt interrupt, Console console) {
        String prefix = learner + ".";
        List<String> given = new ArrayList<>(learner.equals(ELR) ? List.of(ELR_RATE) : List.of());
        settings.forEach(s -> given.add(s.startsWith(prefix) ? s : prefix + s));
        Settings set = Settings.of(registry, null, given);
        C config = set.bind(plugin.name(), plugin.defaults());
        LabelAudit<C> audit = new LabelAudit<>(plugin, config, networks, epochs, batchSize);
        long steps = networks * epochs * ((rows.size() + batchSize - 1) / batchSize);
        try (Console.Meter meter = console.meter("clean", " steps", steps)) {
            return audit.run(rows, Rng.of(seed), interrupt::asked, (done, planned) -> meter.at(done, learner));
        }
    }

    private Optional<List<Opinion>> weigh(DataPair pair, Dataset rows, Interrupt interrupt, Console console) {
        HyperCleaning cleaning = HyperCleaning.defaults();
        try (DataCatalog.DataStream right = DataCatalog.stream(
                        trusted.toString(),
                        data.options().withRows(0),
                        pair.preprocessing().orElse(null),
                        Progress.NONE);
                Console.Meter meter = console.meter("clean", " steps", cleaning.steps())) {
            Dataset good = requireOneClass(inMemory(right.rows()));
            Optional<Cleaned> cleaned =
                    cleaning.run(rows, good, Rng.of(seed), interrupt::asked, done -> meter.at(done, "weights"));
            cleaned.ifPresent(c -> console.say(String.format(
                    Locale.ROOT,
                    "Loss on the %,d trusted rows: %.3f with all rows alike, %.3f with the learnt weights.",
                    good.size(),
                    c.lossBefore(),
                    c.lossAfter())));
            return cleaned.map(c -> LabelAudit.byWeight(rows, c.weights(), c.probabilities()));
        }
    }

    private Dataset inMemory(DataSource rows) {
        if (rows instanceof TableSource table && !table.labelled()) {
            throw new IllegalArgumentException("The trusted rows of " + trusted + " have no label column; expected "
                    + String.join(", ", data.label) + ".");
        }
        return rows instanceof TableSource table ? table.first(table.size()) : (Dataset) rows;
    }

    private void tell(List<Opinion> ranked, Dataset rows, Optional<NoiseTruth> truth, Console console)
            throws IOException {
        long doubted = ranked.stream().filter(Opinion::doubtful).count();
        List<Opinion> listed = ranked.subList(0, (int) Math.min(ranked.size(), top > 0 ? top : doubted));
        boolean[] wrong = truth.map(NoiseTruth::wrong).orElse(null);
        write(listed, rows.schema(), wrong, truth);
        Map<String, Object> found = new LinkedHashMap<>();
        found.put("rows", ranked.size());
        found.put("doubted", doubted);
        found.put("listed", listed.size());
        found.put("file", out.toString());
        console.say(String.format(
                Locale.ROOT,
                "%,d of %,d labels are doubted (%.1f %%); the %,d most doubtful are in %s.",
                doubted,
                ranked.size(),
                100.0 * doubted / ranked.size(),
                listed.size(),
                out));
        if (wrong != null) {
            long all = 0;
            for (boolean w : wrong) {
                all += w ? 1 : 0;
            }
            long hits = listed.stream().filter(o -> wrong[o.position()]).count();
            Double precision = LabelAudit.precisionAtWrong(ranked, wrong).stream()
                    .boxed()
                    .findFirst()
                    .orElse(null);
            found.put("planted", all);
            found.put("plantedListed", hits);
            found.put("precisionAtPlanted", precision);
            if (precision != null) {
                console.say(String.format(
                        Locale.ROOT,
                        "Of the %,d most doubtful rows, as many as were planted, %.1f %% are planted (by chance: %.1f %%);"
                                + " the list has %,d of the planted rows and %,d others.",
                        all,
                        100 * precision,
                        100.0 * all / ranked.size(),
                        hits,
                        listed.size() - hits));
            }
        }
        if (json) {
            spec.commandLine().getOut().println(Json.text(found));
        }
        spec.commandLine().getOut().flush();
    }

    /** Rows are counted from 1, without a header. */
    private void write(List<Opinion> listed, Schema schema, boolean[] wrong, Optional<NoiseTruth> truth)
            throws IOException {
        try (PrintWriter file = new PrintWriter(Files.newBufferedWriter(out, StandardCharsets.UTF_8))) {
            List<Object> head = new ArrayList<>(List.of("row", "given", "suggested", "given_share", "suggested_share"));
            if (wrong != null) {
                head.addAll(List.of("planted", "before_planting"));
            }
            file.print(Csv.line(head));
            for (Opinion o : listed) {
                List<Object> cells = new ArrayList<>(List.of(
                        o.suspect().id() + 1,
                        name(schema, o.suspect().given()),
                        name(schema, o.suspect().suggested()),
                        share(o.suspect().givenShare()),
                        share(o.suspect().suggestedShare())));
                if (wrong != null) {
                    cells.add(wrong[o.position()] ? "yes" : "no");
                    cells.add(name(schema, truth.orElseThrow().clean()[o.position()]));
                }
                file.print(Csv.line(cells));
            }
        }
    }

    private static String name(Schema schema, long classId) {
        return schema.classes()
                .columns()
                .get(schema.classes().columnOf(Math.toIntExact(classId)))
                .name();
    }

    private static String share(double p) {
        return String.format(Locale.ROOT, "%.4f", p);
    }
}
