package dev.holdfast.app;

import dev.holdfast.app.study.StudyPage;
import dev.holdfast.app.study.StudyRun;
import dev.holdfast.app.terminal.Console;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.app.terminal.Interrupt;
import dev.holdfast.app.terminal.Json;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.registry.Names;
import dev.holdfast.run.MachineFacts;
import dev.holdfast.run.Threads;
import dev.holdfast.study.Findings;
import dev.holdfast.study.Judge;
import dev.holdfast.study.Study;
import dev.holdfast.study.StudyContext.Budget;
import dev.holdfast.study.Verdict;
import dev.holdfast.tensor.Scope;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code holdfast study}: does a paper's claim hold here? */
@Command(
        name = "study",
        description = {
            "Re-runs a paper's claim: prints claim, criteria, rows and verdict, and writes a page about it.",
            "A claim that does not hold is a result: the page says so."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  holdfast study                        # lists the studies",
            "  holdfast study 19 --budget quick",
            "  holdfast study all --budget full --data ~/datasets"
        })
final class StudyCommand implements Callable<Integer> {
    @Parameters(arity = "0..1", paramLabel = "NN|ID|all", description = "number or id of a study; none lists them")
    String which;

    @Option(names = "--budget", description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE})")
    Budget budget = Budget.QUICK;

    @Option(names = "--seeds", paramLabel = "N", description = "at most so many seeds; 0 = as many as the study wants")
    int seeds;

    @Option(names = "--data", paramLabel = "DIR", description = "folder of full data sets (or set HOLDFAST_DATA)")
    Path dataDir;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "where pages go (default: docs/studies; without it a smoke run writes none)")
    Path out;

    @Option(names = "--threads", paramLabel = "N", description = "threads of libtorch (default: ${DEFAULT-VALUE})")
    int threads = 1;

    @Option(names = "--json", description = "print rows and verdict as JSON")
    boolean json;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        PrintWriter print = spec.commandLine().getOut();
        List<Study> all = Systems.studies();
        if (which == null) {
            all.forEach(s -> print.println(
                    String.format("%-24s %s", s.paper().id(), s.paper().title())));
            print.flush();
            return ExitCodes.DONE;
        }
        List<Study> chosen = choose(all);
        Console console = Console.of(json ? spec.commandLine().getErr() : print);
        List<Object> results = new ArrayList<>();
        try (Interrupt interrupt = new Interrupt("Stopping; the study that is running leaves no page.");
                Threads.Restore restore = Threads.during(threads)) {
            for (Study s : chosen) {
                if (!run(s, console, interrupt, results)) {
                    return ExitCodes.CANCELLED;
                }
            }
        }
        if (json) {
            print.println(Json.text(results.size() == 1 ? results.get(0) : results));
            print.flush();
        }
        return ExitCodes.DONE;
    }

    private boolean run(Study s, Console console, Interrupt interrupt, List<Object> results) throws IOException {
        StudyPage page = new StudyPage(s, budget);
        console.say(page.before());
        DataOptions options = DataOptions.defaults().withDataDir(dataDir);
        Path kept = DataOptions.defaults()
                .resolvedCacheDir()
                .resolve("studies")
                .resolve(s.paper().id());
        long start = System.nanoTime();
        Findings f;
        try (StudyRun run = new StudyRun(budget, seeds, options, kept, console, interrupt::asked);
                Scope scope = Scope.open()) {
            f = s.run(run);
        }
        if (interrupt.asked()) {
            return false;
        }
        Verdict v = Judge.judge(s.criteria(), f);
        console.say(page.after(f, v));
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("paper", s.paper());
        result.put("claim", s.claim());
        result.put("budget", budget);
        result.put("rows", f.rows());
        result.put("verdict", v);
        results.add(result);
        if (out != null || budget != Budget.SMOKE) {
            Path folder = Files.createDirectories(out == null ? Path.of("docs", "studies") : out);
            Path file = folder.resolve(s.paper().id() + ".md");
            long seconds = Math.round((System.nanoTime() - start) * 1e-9);
            Files.writeString(file, page.markdown(f, v, MachineFacts.now(), Version.holdfast(), seconds));
            console.say("Page: " + file);
        }
        return true;
    }

    private List<Study> choose(List<Study> all) {
        if (which.equals("all")) {
            return all;
        }
        List<Study> found = all.stream()
                .filter(s -> s.paper().id().equals(which)
                        || s.paper()
                                .id()
                                .matches("0*" + (which.matches("\\d+") ? Integer.parseInt(which) : -1) + "-.*"))
                .toList();
        if (found.isEmpty()) {
            List<String> ids = all.stream().map(s -> s.paper().id()).toList();
            throw new IllegalArgumentException("There is no study '" + which + "'; there are " + String.join(", ", ids)
                    + "."
                    + Names.nearest(which, ids)
                            .map(n -> "\nMaybe '" + n + "' is meant.")
                            .orElse(""));
        }
        return found;
    }
}
