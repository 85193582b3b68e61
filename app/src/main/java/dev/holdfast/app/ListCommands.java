package dev.holdfast.app;

import dev.holdfast.app.model.Surgery;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.app.terminal.Json;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Schema;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.corrupt.NamedCorruption;
import dev.holdfast.learner.Forgets;
import dev.holdfast.learner.Mergeable;
import dev.holdfast.registry.CalibratorPlugin;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Plugin;
import dev.holdfast.registry.Registry;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What there is: data sets, learners, scenarios, as the registry has them. */
final class ListCommands {
    private ListCommands() {}

    /** {@code holdfast data}. */
    @Command(
            name = "data",
            description = "Lists the data sets that can be named; files and folders of your own need no name.",
            mixinStandardHelpOptions = true,
            footerHeading = "%nExamples:%n",
            footer = {
                "  holdfast data",
                "  holdfast compare rows.csv --label kind             # any table",
                "  holdfast compare 'rows.csv?label=kind&ignore=id'   # the same in one word",
                "  holdfast compare photos/                           # photos/CLASS/NAME.png"
            })
    static final class Data implements Callable<Integer> {
        @Option(names = "--json", description = "as JSON")
        boolean json;

        @Spec
        CommandSpec spec;

        @Override
        public Integer call() {
            PrintWriter out = spec.commandLine().getOut();
            Map<String, String> ids = DataCatalog.ids();
            if (json) {
                out.println(Json.text(ids));
            } else {
                table(out, ids);
                out.println(
                        "\nAny path works, too: CSV, TSV, Parquet, JSON lines, ARFF (each may end in .gz), IDX files,"
                                + " and folders of images CLASS/NAME.png.");
            }
            out.flush();
            return ExitCodes.DONE;
        }
    }

    /** {@code holdfast learners}. */
    @Command(
            name = "learners",
            description = "Lists the learners, or every option of one.",
            mixinStandardHelpOptions = true,
            footerHeading = "%nExamples:%n",
            footer = {"  holdfast learners", "  holdfast learners gacil", "  holdfast learners --json"})
    static final class Learners implements Callable<Integer> {
        @Parameters(arity = "0..1", paramLabel = "NAME", description = "a learner")
        String name;

        @Option(names = "--json", description = "as JSON")
        boolean json;

        @Spec
        CommandSpec spec;

        @Override
        public Integer call() {
            Registry registry = Registry.load();
            PrintWriter out = spec.commandLine().getOut();
            if (name != null) {
                LearnerPlugin<?> p = registry.learner(name);
                one(out, json, p, "paper", p.paper());
            } else if (json) {
                out.println(Json.text(registry.learners().stream()
                        .map(p -> facts(p, "paper", p.paper()))
                        .toList()));
            } else {
                for (LearnerPlugin.Role role : LearnerPlugin.Role.values()) {
                    Map<String, String> lines = new LinkedHashMap<>();
                    registry.learners().stream()
                            .filter(p -> p.role() == role)
                            .forEach(p -> lines.put(p.name(), p.summary()));
                    out.println(role.name().charAt(0) + role.name().substring(1).toLowerCase(Locale.ROOT) + "s");
                    table(out, lines);
                    out.println();
                }
                Schema any = Schema.vectors(2, ClassIndex.numbered(2));
                out.println("Models that merge exactly: "
                        + String.join(", ", Surgery.able(registry, Mergeable.class, any))
                        + "; that forget rows exactly: "
                        + String.join(", ", Surgery.able(registry, Forgets.class, any)) + ".");
            }
            out.flush();
            return ExitCodes.DONE;
        }
    }

    /** {@code holdfast scenarios}. */
    @Command(
            name = "scenarios",
            description = "Lists the scenarios, in which order and form data can arrive, or every option of one.",
            mixinStandardHelpOptions = true,
            footerHeading = "%nExamples:%n",
            footer = {"  holdfast scenarios", "  holdfast scenarios class-incremental"})
    static final class Scenarios implements Callable<Integer> {
        @Parameters(arity = "0..1", paramLabel = "NAME", description = "a scenario")
        String name;

        @Option(names = "--json", description = "as JSON")
        boolean json;

        @Spec
        CommandSpec spec;

        @Override
        public Integer call() {
            Registry registry = Registry.load();
            PrintWriter out = spec.commandLine().getOut();
            if (name != null) {
                one(out, json, registry.scenario(name), "use", "--set scenario.OPTION=VALUE");
            } else if (json) {
                out.println(Json.text(registry.scenarios().stream()
                        .map(p -> facts(p, "use", "--set scenario.OPTION=VALUE"))
                        .toList()));
            } else {
                Map<String, String> lines = new LinkedHashMap<>();
                registry.scenarios().forEach(p -> lines.put(p.name(), p.summary()));
                table(out, lines);
            }
            out.flush();
            return ExitCodes.DONE;
        }
    }

    /** {@code holdfast noise}. */
    @Command(
            name = "noise",
            description = "Lists the ways to spoil data before a comparison, to see what learners make of it.",
            mixinStandardHelpOptions = true,
            footerHeading = "%nExamples:%n",
            footer = {
                "  holdfast compare fashion --noise sym:0.4",
                "  holdfast compare fashion --noise gauss:0.3     # learnt from clean images, tested on noisy ones"
            })
    static final class Noise implements Callable<Integer> {
        @Option(names = "--json", description = "as JSON")
        boolean json;

        @Spec
        CommandSpec spec;

        @Override
        public Integer call() {
            PrintWriter out = spec.commandLine().getOut();
            Map<String, String> lines = new LinkedHashMap<>();
            for (NamedCorruption.Kind k : NamedCorruption.Kind.values()) {
                lines.put(
                        k.word() + (k.amount() == null ? "" : ":AMOUNT"),
                        (k.side() == NamedCorruption.Side.TEST ? "rows to be tested on: " : "rows to learn from: ")
                                + (k.amount() == null ? "no amount" : k.amount()));
            }
            if (json) {
                out.println(Json.text(lines));
            } else {
                table(out, lines);
            }
            out.flush();
            return ExitCodes.DONE;
        }
    }

    /** {@code holdfast calibrators}. */
    @Command(
            name = "calibrators",
            description = "Lists what 'holdfast calibrate --method' can fit, or every option of one.",
            mixinStandardHelpOptions = true,
            footerHeading = "%nExamples:%n",
            footer = {"  holdfast calibrators", "  holdfast calibrators h"})
    static final class Calibrators implements Callable<Integer> {
        @Parameters(arity = "0..1", paramLabel = "NAME", description = "a calibrator")
        String name;

        @Option(names = "--json", description = "as JSON")
        boolean json;

        @Spec
        CommandSpec spec;

        @Override
        public Integer call() {
            Registry registry = Registry.load();
            PrintWriter out = spec.commandLine().getOut();
            if (name != null) {
                CalibratorPlugin<?> p = registry.calibrator(name);
                one(out, json, p, "paper", p.paper());
            } else if (json) {
                out.println(Json.text(registry.calibrators().stream()
                        .map(p -> facts(p, "paper", p.paper()))
                        .toList()));
            } else {
                Map<String, String> lines = new LinkedHashMap<>();
                registry.calibrators().forEach(p -> lines.put(p.name(), p.summary()));
                table(out, lines);
            }
            out.flush();
            return ExitCodes.DONE;
        }
    }

    private static void table(PrintWriter out, Map<String, String> lines) {
        int wide = lines.keySet().stream().mapToInt(String::length).max().orElse(0);
        lines.forEach((k, v) -> out.println(String.format("  %-" + (wide + 2) + "s%s", k, v)));
    }

    private static void one(PrintWriter out, boolean json, Plugin<?> p, String more, String value) {
        if (json) {
            out.println(Json.text(facts(p, more, value)));
            return;
        }
        out.println(p.name() + ": " + p.summary());
        if (!value.isEmpty()) {
            out.println(more + ": " + value);
        }
        if (!p.presets().isEmpty()) {
            out.println("presets: "
                    + p.presets().keySet().stream()
                            .map(preset -> p.name() + ":" + preset)
                            .collect(Collectors.joining(", ")));
        }
        List<ConfigBinder.Option> options = ConfigBinder.options(p.defaults());
        if (options.isEmpty()) {
            out.println("It has no options.");
            return;
        }
        int name = width(options.stream().map(ConfigBinder.Option::name).toList(), "option");
        int def = width(options.stream().map(ConfigBinder.Option::value).toList(), "default");
        int type = width(options.stream().map(ConfigBinder.Option::accepts).toList(), "accepts");
        String form = "%-" + name + "s  %-" + def + "s  %-" + type + "s  %s";
        out.println(String.format(form, "option", "default", "accepts", "").stripTrailing());
        options.forEach(o -> out.println(
                String.format(form, o.name(), o.value(), o.accepts(), o.help()).stripTrailing()));
        if (p instanceof LearnerPlugin<?> || p instanceof CalibratorPlugin<?>) {
            String example = options.stream()
                    .map(ConfigBinder.Option::name)
                    .filter(o -> !o.contains("."))
                    .findFirst()
                    .orElse(options.get(0).name());
            out.println("\nSet with --set " + p.name() + "." + example + "=VALUE or in a --config file.");
        }
    }

    private static int width(List<String> texts, String head) {
        return texts.stream().mapToInt(String::length).reduce(head.length(), Math::max);
    }

    private static Map<String, Object> facts(Plugin<?> p, String more, String value) {
        Map<String, Object> m = new LinkedHashMap<>();
        m.put("name", p.name());
        m.put("summary", p.summary());
        if (p instanceof LearnerPlugin<?> l) {
            m.put("role", l.role());
        }
        m.put(more, value);
        m.put("options", new ArrayList<>(ConfigBinder.options(p.defaults())));
        return m;
    }
}
