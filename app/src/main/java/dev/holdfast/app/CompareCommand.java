package dev.holdfast.app;

import dev.holdfast.app.compare.Budget;
import dev.holdfast.app.compare.Comparer;
import dev.holdfast.app.compare.Settings;
import dev.holdfast.app.model.Spool;
import dev.holdfast.app.report.Comparison;
import dev.holdfast.app.report.ReportFiles;
import dev.holdfast.app.report.TerminalTable;
import dev.holdfast.app.terminal.Console;
import dev.holdfast.app.terminal.DataArguments;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.app.terminal.Interrupt;
import dev.holdfast.data.corrupt.NamedCorruption;
import dev.holdfast.evaluate.Trial;
import dev.holdfast.registry.Registry;
import dev.holdfast.run.MachineFacts;
import dev.holdfast.run.Threads;
import dev.holdfast.search.TwoPhase;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast compare}: which learner keeps what it has learnt on this data. */
@Command(
        name = "compare",
        description = "Shows which learner keeps what it has learnt while new classes or domains arrive.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  holdfast compare fashion",
            "  holdfast compare letters.csv.gz --label label --set scenario.increment=2",
            "  holdfast compare glosses.csv --label lexname --text gloss --learners gacil,slda,fetril,er",
            "  holdfast compare mnist --scenario task-incremental --seeds 5 --set derpp.alpha=1.0",
            "  holdfast compare fashion --also mnist --also mnist1d --config learners.yaml",
            "  holdfast compare letters.csv.gz --label label --tune 8 --learners er,derpp,gacil",
            "  holdfast compare fashion --noise sym:0.4         # losses and learners for wrong labels",
            "  holdfast compare letters.csv.gz --label label --noise pairs:0.3 --learners er,finetune:gce",
            "  holdfast compare canvas --noise long-tail:75 --noise missing:0.4   # label sets",
            "  holdfast compare fashion --tune 8 --tune-on mnist --space scenario.epochs=1,2,4 --conventional",
            "%nExit status: 0 done, 1 a learner failed, 2 wrong input, 130 cut off (finished results are kept)."
        })
final class CompareCommand implements Callable<Integer> {
    @Mixin
    DataArguments data = new DataArguments();

    @Option(
            names = "--also",
            paramLabel = "DATA",
            description =
                    "another data set, read with the same options or its own (rows.csv?label=kind); repeatable, so"
                            + " that ranks can be tested over data sets")
    List<String> also = List.of();

    @Option(names = "--scenario", paramLabel = "NAME", description = "see 'holdfast scenarios' (class-incremental)")
    String scenario;

    @Option(
            names = "--learners",
            paramLabel = "A,B,C",
            split = ",",
            description =
                    "see 'holdfast learners'; baselines and bounds are added; 'all' runs everyone who fits (default: a short"
                            + " list of those)")
    List<String> learners = List.of();

    @Option(
            names = "--noise",
            paramLabel = "KIND:AMOUNT",
            description =
                    "spoil labels to learn from (sym:0.4, missing:0.4) or rows to be tested on (gauss:0.2) first, see 'holdfast noise';"
                            + " repeatable; without --learners and --scenario: losses and learners for wrong labels, on"
                            + " everything at once")
    List<String> noise = List.of();

    @Option(names = "--seeds", paramLabel = "N", description = "number of seeds (default: ${DEFAULT-VALUE})")
    int seeds = 1;

    @Option(names = "--budget", description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE})")
    Budget budget = Budget.QUICK;

    @Option(
            names = "--config",
            paramLabel = "FILE",
            description = "YAML or JSON with the parts 'scenario' and 'learners', each with options")
    Path config;

    @Option(
            names = "--set",
            paramLabel = "NAME.OPTION=VALUE",
            description = "set an option of a learner, or of the scenario with NAME 'scenario'; repeatable")
    List<String> settings = List.of();

    @ArgGroup(validate = false, heading = "Settings tuned before the comparison, on other rows than it scores:%n")
    TuneArguments tune = new TuneArguments();

    @Option(names = "--out", paramLabel = "DIR", description = "where results go (default: ${DEFAULT-VALUE})")
    Path out = Path.of("holdfast-out");

    @Option(names = "--resume", description = "keep finished trials in --out and run only what is missing")
    boolean resume;

    @Option(names = "--threads", paramLabel = "N", description = "threads of libtorch (default: ${DEFAULT-VALUE})")
    int threads = 1;

    @Option(names = "--json", description = "print results.json to standard output instead of the table")
    boolean json;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() {
        data.limitTexts(budget.rowsToRead());
        PrintWriter print = spec.commandLine().getOut();
        Console console = Console.of(json ? spec.commandLine().getErr() : print);
        Registry registry = Registry.load();
        Settings set = Settings.of(registry, config, settings);
        List<NamedCorruption> corruptions =
                noise.stream().map(NamedCorruption::parse).toList();
        boolean doubtful = corruptions.stream()
                .anyMatch(c -> c.kind().wrongsLabels() || c.kind().hidesLabels());
        List<String> read = new ArrayList<>(data.describe());
        corruptions.forEach(c -> read.add("noise=" + c));
        List<String> specs = new ArrayList<>(List.of(data.spec));
        specs.addAll(also);
        Comparer.Plan plan = new Comparer.Plan(
                specs,
                read,
                scenario != null ? scenario : set.scenario().orElse(doubtful ? "joint" : "class-incremental"),
                learners.isEmpty() ? set.learners() : learners,
                set,
                seeds,
                budget,
                data.seed,
                resume,
                corruptions,
                tune.of(registry, seeds, data.seed));
        ReportFiles files = new ReportFiles(out);
        try (Interrupt interrupt =
                        new Interrupt("Stopping after this step; finished results are kept, --resume continues.");
                Threads.Restore restore = Threads.during(threads);
                Spool rows = Spool.of(data.spec, System.in)) {
            Comparison result = new Comparer(plan, registry, files, machine(), console, interrupt::asked)
                    .run((s, inOrder) -> s.equals(Spool.STANDARD_INPUT)
                            ? rows.named(data.open(rows.spec(), inOrder, console))
                            : data.open(s, inOrder, console));
            if (json) {
                print.println(ReportFiles.json(result));
            } else {
                print.println(TerminalTable.of(result));
                print.println("Report: " + files.report().toUri());
            }
            print.flush();
            if (interrupt.asked()) {
                return ExitCodes.CANCELLED;
            }
            return result.allTrials().stream().anyMatch(r -> r.status() == Trial.Status.FAILED)
                    ? ExitCodes.FAILED
                    : ExitCodes.DONE;
        } catch (TwoPhase.Cancelled e) {
            console.say(e.getMessage());
            return ExitCodes.CANCELLED;
        }
    }

    private static Comparison.Machine machine() {
        MachineFacts m = MachineFacts.now();
        return new Comparison.Machine(
                Version.holdfast(),
                m.java(),
                m.os() + ", " + m.vectors(),
                m.libtorch(),
                m.processors(),
                m.threads(),
                m.waitPolicy().isEmpty() ? "not set" : m.waitPolicy());
    }
}
