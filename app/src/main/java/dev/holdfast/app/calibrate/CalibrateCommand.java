package dev.holdfast.app.calibrate;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.app.model.Calibrating;
import dev.holdfast.app.model.Calibrating.Fitted;
import dev.holdfast.app.model.Model;
import dev.holdfast.app.model.Source;
import dev.holdfast.app.model.Spool;
import dev.holdfast.app.report.CalibrationPage;
import dev.holdfast.app.report.CalibrationPage.Result;
import dev.holdfast.app.terminal.Console;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.app.terminal.Interrupt;
import dev.holdfast.calibrate.map.MapTraining.SelectFor;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Progress;
import dev.holdfast.evaluate.calibration.CalibrationMetric;
import dev.holdfast.registry.CalibratorPlugin;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.Registry;
import dev.holdfast.run.AssetStore;
import dev.holdfast.run.RunContext;
import dev.holdfast.run.Threads;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code holdfast calibrate}: scores of a saved model become honest probabilities. */
@Command(
        name = "calibrate",
        description = {
            "Fits, on rows that the model has not learnt from, what turns its scores into probabilities that come true as",
            "often as they say, and stores it with the model; 'holdfast predict' then prints these probabilities.",
            "Half of the rows are fitted on, the other half measures before and after: a table, and a page with",
            "reliability diagrams. Of several methods the first is stored."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  holdfast calibrate letters-model held-out.csv",
            "  holdfast calibrate model fashion --method temperature,h --report before-after.html",
            "  holdfast calibrate model rows.csv --method h --select-for class --out calibrated-model",
            "  holdfast calibrate model rows.csv --set h.training.epochs=500",
            "%nWhether the model has learnt from these rows cannot be known: such rows make it look surer than it may be."
        })
public final class CalibrateCommand implements Callable<Integer> {
    private static final int DONE = 0;

    @Parameters(index = "0", paramLabel = "MODEL", description = "folder that 'holdfast learn' wrote")
    Path model;

    @Parameters(
            index = "1",
            paramLabel = "DATA",
            description = "labelled rows that were not learnt: a table with the model's columns, '-' for rows from"
                    + " standard input, or images (their test part)")
    String data;

    @Option(names = "--data", paramLabel = "DIR", description = "folder of full data sets (or set HOLDFAST_DATA)")
    Path dataDir;

    @Option(
            names = "--method",
            paramLabel = "NAME",
            split = ",",
            description = "see 'holdfast calibrators'; the first is stored (default: h,temperature)")
    List<String> methods = List.of("h", "temperature");

    @Option(
            names = "--select-for",
            paramLabel = "USE",
            description = "what the probabilities are for: ${COMPLETION-CANDIDATES}; decides between maps and epochs of"
                    + " methods that train")
    SelectFor selectFor;

    @Option(
            names = "--set",
            paramLabel = "METHOD.OPTION=VALUE",
            description = "an option, see 'holdfast calibrators NAME'; repeatable")
    List<String> settings = List.of();

    @Option(
            names = "--out",
            paramLabel = "MODEL",
            description = "write the calibrated model here and leave MODEL as it is (default: into MODEL)")
    Path out;

    @Option(
            names = "--report",
            paramLabel = "FILE",
            description = "page with reliability diagrams (default: ${DEFAULT-VALUE})")
    Path report = Path.of("calibration.html");

    @Option(names = "--seed", paramLabel = "N", description = "seed of split and fit (default: ${DEFAULT-VALUE})")
    long seed = 1;

    @Option(names = "--threads", paramLabel = "N", description = "threads of libtorch (default: ${DEFAULT-VALUE})")
    int threads = 1;

    @Option(names = "--json", description = "print the measures as JSON; sentences go to standard error")
    boolean json;

    @Spec
    CommandSpec spec;

    /** A calibrator and its options. */
    private record Choice<C extends Record>(CalibratorPlugin<C> plugin, C config) {
        Fitted fit(Calibrating rows, RunContext c) {
            return rows.fit(plugin, config, c);
        }
    }

    @Override
    public Integer call() {
        Registry registry = Registry.load();
        List<Choice<?>> choices = new ArrayList<>();
        for (String m : methods) {
            choices.add(choice(registry.calibrator(m)));
        }
        refuseOthers();
        Console console = Console.of(
                json ? spec.commandLine().getErr() : spec.commandLine().getOut());
        try (Interrupt interrupt = new Interrupt("Stopping; the model stays as it is.");
                Threads.Restore restore = Threads.during(threads);
                Scope scope = Scope.open();
                Model m = Model.read(model, registry);
                Spool what = Spool.of(data, System.in);
                Console.Reading progress = console.reading();
                Source source = Source.open(
                        what,
                        DataOptions.defaults().withDataDir(dataDir),
                        m.preprocessing(),
                        Source.Part.TEST,
                        Progress.NONE)) {
            m.requireFinished(model);
            RunContext run = new Run(Rng.of(seed), progress, interrupt);
            Calibrating rows = new Calibrating(m, source, what.name(), seed, run);
            List<Result> results = new ArrayList<>(List.of(rows.raw()));
            Fitted first = null;
            for (Choice<?> c : choices) {
                if (run.cancelled()) {
                    return ExitCodes.CANCELLED;
                }
                Fitted f = c.fit(rows, run);
                first = first == null ? f : first;
                results.add(f.result());
            }
            if (run.cancelled()) {
                return ExitCodes.CANCELLED;
            }
            Path to = out == null ? model : out;
            rows.write(to, first, results.get(0));
            CalibrationPage page = new CalibrationPage(
                    model.toString(), what.name(), rows.fitRows(), rows.testRows(), rows.warnings(), results);
            page.write(report);
            tell(console, rows, results, first, to);
            return DONE;
        }
    }

    private <C extends Record> Choice<C> choice(CalibratorPlugin<C> p) {
        Map<String, String> set = new LinkedHashMap<>();
        boolean trains = ConfigBinder.options(p.defaults()).stream()
                .anyMatch(o -> o.name().equals("training.selectFor"));
        if (selectFor != null && trains) {
            set.put("training.selectFor", selectFor.name());
        }
        for (String s : settings) {
            int eq = s.indexOf('=');
            if (eq < 0 || s.indexOf('.') < 1 || s.indexOf('.') > eq) {
                throw new IllegalArgumentException("--set takes METHOD.OPTION=VALUE but was given '" + s
                        + "'.\nMaybe like --set h.training.epochs=500.");
            }
            if (s.startsWith(p.name() + ".")) {
                set.put(s.substring(p.name().length() + 1, eq), s.substring(eq + 1));
            }
        }
        return new Choice<>(p, set.isEmpty() ? p.defaults() : ConfigBinder.set(p.defaults(), set));
    }

    private void refuseOthers() {
        for (String s : settings) {
            String name = s.substring(0, Math.max(0, s.indexOf('.')));
            if (!methods.contains(name)) {
                throw new IllegalArgumentException(
                        "--set " + s + " names '" + name + "', which is not among the methods " + methods + ".");
            }
        }
    }

    private void tell(Console console, Calibrating rows, List<Result> results, Fitted stored, Path to) {
        rows.warnings().forEach(console::say);
        if (json) {
            spec.commandLine()
                    .getOut()
                    .println(json(Map.of("stored", stored.result().method(), "results", results)));
        } else {
            table(results, spec.commandLine().getOut());
        }
        console.say(String.format(
                Locale.ROOT,
                "Fitted on %,d rows, measured on %,d others; lower is better, but for accuracy. Were these rows learnt by the"
                        + " model? That cannot be known from here: use held-out ones.",
                rows.fitRows(),
                rows.testRows()));
        console.say("Model: " + to + ", calibrated by " + stored.result().method()
                + (stored.result().keepsDecision() ? " (classes are kept)" : " (classes may change)") + ". Report: "
                + report);
        spec.commandLine().getOut().flush();
    }

    private static String json(Map<String, Object> all) {
        try {
            return new ObjectMapper().writerWithDefaultPrettyPrinter().writeValueAsString(all);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void table(List<Result> results, PrintWriter to) {
        StringBuilder head = new StringBuilder(String.format("%-10s", ""));
        StringBuilder accuracy = new StringBuilder(String.format("%-10s", "accuracy"));
        for (Result r : results) {
            head.append(String.format("  %" + width(r) + "s", r.method()));
            accuracy.append(String.format(Locale.ROOT, "  %" + width(r) + ".4f", r.accuracy()));
        }
        to.println(head);
        to.println(accuracy);
        for (CalibrationMetric m : CalibrationMetric.values()) {
            StringBuilder line = new StringBuilder(String.format("%-10s", m.label()));
            for (Result r : results) {
                Double v = r.metrics().get(m.label());
                line.append(
                        v == null
                                ? String.format("  %" + width(r) + "s", "-")
                                : String.format(Locale.ROOT, "  %" + width(r) + ".4f", v));
            }
            to.println(line);
        }
    }

    private static int width(Result r) {
        return Math.max(8, r.method().length());
    }

    private record Run(Rng rng, Console.Reading reading, Interrupt interrupt) implements RunContext {
        @Override
        public void progress(long done, long total, String what) {
            reading.at(done, total, what);
        }

        @Override
        public boolean cancelled() {
            return interrupt.asked();
        }

        @Override
        public Path checkpoints() {
            throw new UnsupportedOperationException("A calibration takes minutes at most and keeps no checkpoint.");
        }

        @Override
        public AssetStore assets() {
            return (key, make) -> make.get();
        }
    }
}
