package dev.holdfast.app;

import dev.holdfast.app.report.Comparison;
import dev.holdfast.app.report.ReportFiles;
import dev.holdfast.app.report.TerminalTable;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.Splits;
import dev.holdfast.evaluate.Compatibility;
import dev.holdfast.evaluate.Run;
import dev.holdfast.evaluate.Trial;
import dev.holdfast.learner.Learner;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.registry.ScenarioPlugin;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.LongStream;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.bytedeco.pytorch.global.torch;
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
            "  holdfast compare mnist --scenario task-incremental --seeds 5 --set derpp.alpha=1.0"
        })
final class CompareCommand implements Callable<Integer> {
    @Mixin
    DataArguments data = new DataArguments();

    @Option(
            names = "--scenario",
            paramLabel = "NAME",
            description = "see 'holdfast scenarios' (default: ${DEFAULT-VALUE})")
    String scenario = "class-incremental";

    @Option(
            names = "--learners",
            paramLabel = "A,B,C",
            split = ",",
            description = "see 'holdfast learners'; baselines and bounds are added (default: all that fit)")
    List<String> learners = List.of();

    @Option(names = "--seeds", paramLabel = "N", description = "number of seeds (default: ${DEFAULT-VALUE})")
    int seeds = 1;

    @Option(names = "--budget", description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE})")
    Budget budget = Budget.QUICK;

    @Option(
            names = "--set",
            paramLabel = "NAME.OPTION=VALUE",
            description = "set an option of a learner, or of the scenario with NAME 'scenario'; repeatable")
    List<String> settings = List.of();

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

    private final AtomicBoolean cancelled = new AtomicBoolean();

    @Override
    public Integer call() throws Exception {
        if (seeds < 1) {
            throw new IllegalArgumentException("--seeds must be >= 1 but is " + seeds + ".");
        }
        PrintWriter log =
                json ? spec.commandLine().getErr() : spec.commandLine().getOut();
        Registry registry = Registry.load();
        Map<String, Map<String, String>> set = byName(registry);
        torch.set_num_threads(threads);
        DataPair pair = data.open();
        Dataset train = capped(pair.train(), budget.trainRows);
        Dataset test = capped(pair.test(), budget.testRows);
        String note = pair.note()
                + (train.size() < pair.train().size()
                        ? " Budget " + budget.name().toLowerCase(java.util.Locale.ROOT) + ": " + train.size() + " of "
                                + pair.train().size() + " training rows."
                        : "");
        log.println(pair.name() + ": " + note);

        ScenarioChoice<?> choice = ScenarioChoice.of(registry.scenario(scenario), set, budget);
        List<Long> seedList = LongStream.rangeClosed(1, seeds).boxed().toList();
        Scenario first = choice.scenario(train, test, seedList.get(0));
        List<LearnerPlugin<?>> chosen = choose(registry, first);
        Comparison.Request request = new Comparison.Request(
                data.spec,
                scenario,
                ConfigBinder.json(choice.config()),
                chosen.stream().map(LearnerPlugin::name).toList(),
                settings,
                seedList,
                budget.name());
        ReportFiles files = new ReportFiles(out);
        List<Trial.Result> done = new ArrayList<>(resume ? files.finished(request) : List.of());
        log.println(first.table());
        log.flush();

        Comparison.Data facts = new Comparison.Data(
                pair.name(),
                note,
                train.size(),
                test.size(),
                train.schema().classes().size(),
                train.schema().classes().columns().stream().map(c -> c.name()).toList(),
                train.fingerprint());
        Comparison.Stream stream = new Comparison.Stream(
                first.name(), first.tests().stream().map(t -> t.name()).toList(), first.taskIdAtTest(), first.table());
        Thread hook = new Thread(() -> cancelled.set(true));
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            long planned = seedList.size()
                    * chosen.stream()
                            .mapToLong(p -> Run.plannedSteps(p.arrange(first)))
                            .sum();
            try (ProgressBar bar = bar(planned)) {
                for (long seed : seedList) {
                    Scenario s = seed == seedList.get(0) ? first : choice.scenario(train, test, seed);
                    for (LearnerPlugin<?> p : chosen) {
                        if (cancelled.get()
                                || done.stream().anyMatch(r -> r.learner().equals(p.name()) && r.seed() == seed)) {
                            continue;
                        }
                        bar.setExtraMessage(p.name());
                        Trial.Result r = trial(p, set.getOrDefault(p.name(), Map.of()), s, seed, bar);
                        if (r.status() != Trial.Status.CANCELLED) {
                            done.add(r);
                            files.write(comparison(request, facts, stream, done));
                        }
                    }
                }
            }
        } finally {
            if (!cancelled.get()) {
                Runtime.getRuntime().removeShutdownHook(hook);
            }
        }
        Comparison result = comparison(request, facts, stream, done);
        files.write(result);
        files.writeReport(result);
        if (json) {
            spec.commandLine().getOut().println(files.json(result));
        } else {
            log.println(TerminalTable.of(result));
            log.println("Report: " + files.report().toUri());
        }
        return cancelled.get()
                ? ExitCodes.CANCELLED
                : done.stream().anyMatch(r -> r.status() == Trial.Status.FAILED) ? ExitCodes.FAILED : ExitCodes.DONE;
    }

    private static ProgressBar bar(long steps) {
        return new ProgressBarBuilder()
                .setInitialMax(steps)
                .setStyle(ProgressBarStyle.ASCII)
                .setTaskName("compare")
                .setUnit(" steps", 1)
                .showSpeed()
                .setUpdateIntervalMillis(500)
                .build();
    }

    private <C extends Record> Trial.Result trial(
            LearnerPlugin<C> p, Map<String, String> set, Scenario s, long seed, ProgressBar bar) {
        long before = bar.getCurrent();
        Trial.Result r = Trial.run(
                p,
                ConfigBinder.set(p.defaults(), set),
                s,
                seed,
                Trial.Options.defaults(),
                cancelled::get,
                (stepsDone, stepsPlanned) -> bar.stepTo(before + stepsDone));
        bar.stepTo(before + Run.plannedSteps(p.arrange(s)));
        return r;
    }

    private Comparison comparison(
            Comparison.Request request, Comparison.Data facts, Comparison.Stream stream, List<Trial.Result> done) {
        Comparison.Machine machine = new Comparison.Machine(
                Version.holdfast(),
                System.getProperty("java.version"),
                System.getProperty("os.name") + " " + System.getProperty("os.arch"),
                pytorchVersion(),
                Runtime.getRuntime().availableProcessors(),
                torch.get_num_threads(),
                System.getenv().getOrDefault("OMP_WAIT_POLICY", "not set"));
        return new Comparison(Comparison.FORMAT, request, facts, stream, machine, List.copyOf(done));
    }

    private static String pytorchVersion() {
        try {
            return org.bytedeco.javacpp.Loader.getVersion("org.bytedeco", "pytorch");
        } catch (java.io.IOException e) {
            throw new java.io.UncheckedIOException("The libtorch binding does not say its version", e);
        }
    }

    /** The settings by learner; an unknown name or option is refused before anything runs. */
    private Map<String, Map<String, String>> byName(Registry registry) {
        Map<String, Map<String, String>> set = new LinkedHashMap<>();
        for (String s : settings) {
            int eq = s.indexOf('=');
            int dot = s.indexOf('.');
            if (dot < 1 || eq < dot) {
                throw new IllegalArgumentException(
                        "--set takes NAME.OPTION=VALUE but was given '" + s + "'.\nMaybe like --set er.capacity=500.");
            }
            String name = s.substring(0, dot);
            if (!name.equals("scenario")) {
                registry.learner(name);
            }
            set.computeIfAbsent(name, n -> new LinkedHashMap<>()).put(s.substring(dot + 1, eq), s.substring(eq + 1));
        }
        set.forEach((name, options) -> {
            if (!name.equals("scenario")) {
                ConfigBinder.set(registry.learner(name).defaults(), options);
            }
        });
        return set;
    }

    /** Named learners, refused if unfit; or all that fit. Baselines and bounds that fit always come along. */
    private List<LearnerPlugin<?>> choose(Registry registry, Scenario s) {
        Set<LearnerPlugin<?>> chosen = new LinkedHashSet<>();
        for (String name : learners) {
            LearnerPlugin<?> p = registry.learner(name.strip());
            Compatibility.require(
                    p.name(),
                    capabilities(p, s),
                    p.arrange(s),
                    registry.learners().stream()
                            .filter(o -> fits(o, s))
                            .map(LearnerPlugin::name)
                            .toList());
            chosen.add(p);
        }
        for (LearnerPlugin<?> p : registry.learners()) {
            if ((learners.isEmpty() || p.role() != LearnerPlugin.Role.LEARNER) && fits(p, s)) {
                chosen.add(p);
            }
        }
        return List.copyOf(chosen);
    }

    private static boolean fits(LearnerPlugin<?> p, Scenario s) {
        return Compatibility.obstacles(capabilities(p, s), p.arrange(s)).isEmpty();
    }

    private static <C extends Record> dev.holdfast.learner.Capabilities capabilities(LearnerPlugin<C> p, Scenario s) {
        try (Scope scope = Scope.open();
                Learner l = p.create(p.defaults(), s.schema(), Rng.of(0))) {
            return l.capabilities();
        }
    }

    private Dataset capped(Dataset d, long rows) {
        return d.size() <= rows
                ? d
                : d.subset(Splits.sample(d.classIds(), rows, Rng.of(data.seed).child("budget")));
    }

    /** A scenario with its settings, ready to be laid out for a seed. */
    private record ScenarioChoice<C extends Record>(ScenarioPlugin<C> plugin, C config) {
        static <C extends Record> ScenarioChoice<C> of(
                ScenarioPlugin<C> plugin, Map<String, Map<String, String>> set, Budget budget) {
            Map<String, String> options = new LinkedHashMap<>(set.getOrDefault("scenario", Map.of()));
            boolean online = "true".equals(options.get("online"));
            options.putIfAbsent("epochs", online ? "1" : Integer.toString(budget.epochs));
            return new ScenarioChoice<>(plugin, ConfigBinder.set(plugin.defaults(), options));
        }

        Scenario scenario(Dataset train, Dataset test, long seed) {
            return plugin.create(config, train, test, Rng.of(seed).child("scenario"));
        }
    }
}
