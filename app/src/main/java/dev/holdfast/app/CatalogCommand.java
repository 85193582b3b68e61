package dev.holdfast.app;

import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.app.terminal.Json;
import dev.holdfast.registry.Registry;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast catalog}: the published systems and what of them is built. */
@Command(
        name = "catalog",
        description = "Lists the 65 published systems that Holdfast is to hold: paper, what is built, and where.",
        mixinStandardHelpOptions = true,
        footerHeading = "%nExamples:%n",
        footer = {"  holdfast catalog", "  holdfast catalog --built", "  holdfast catalog --json"})
final class CatalogCommand implements Callable<Integer> {
    @Option(names = "--built", description = "only those of which something is built")
    boolean built;

    @Option(names = "--json", description = "as JSON")
    boolean json;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        List<Systems.Entry> all = Systems.all(Registry.load());
        List<Systems.Entry> shown =
                built ? all.stream().filter(Systems.Entry::built).toList() : all;
        if (json) {
            out.println(Json.text(shown));
        } else {
            for (Systems.Entry e : shown) {
                out.println(String.format("%-28s %s (%d, arXiv %s)", e.id(), e.title(), e.year(), e.arxiv()));
                if (e.built()) {
                    List<String> what = new ArrayList<>();
                    if (!e.learners().isEmpty()) {
                        what.add("learners " + String.join(", ", e.learners()));
                    }
                    if (!e.scenarios().isEmpty()) {
                        what.add("scenarios " + String.join(", ", e.scenarios()));
                    }
                    if (e.studied()) {
                        what.add("study '" + e.id() + "'");
                    }
                    out.println(String.format(
                            "%-28s built: %s; in %s", "", String.join("; ", what), String.join(", ", e.where())));
                }
            }
            out.println();
            out.println(all.stream().filter(Systems.Entry::built).count() + " of " + all.size()
                    + " systems have a learner, scenario or study here.");
        }
        out.flush();
        return ExitCodes.DONE;
    }
}
