package dev.holdfast.app;

import dev.holdfast.app.model.ModelCard;
import dev.holdfast.app.model.Surgery;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.registry.Registry;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code holdfast merge}: two models become one, no rows exchanged. */
@Command(
        name = "merge",
        description = {
            "Makes of two models the one that would have learnt the rows of both; no rows are needed.",
            "Exact, for learners that keep sums: see 'holdfast learners'."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  holdfast learn north.csv --label kind --learner gacil --out north",
            "  holdfast learn south.csv --label kind --learner gacil --like north --out south",
            "  holdfast merge north south --out both"
        })
final class MergeCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "A", description = "a model")
    Path first;

    @Parameters(index = "1", paramLabel = "B", description = "another, of the same learner, options and seed")
    Path second;

    @Option(names = "--out", paramLabel = "MODEL", required = true, description = "where the merged model goes")
    Path out;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() {
        ModelCard c = new Surgery(Registry.load()).merge(first, second, out);
        spec.commandLine()
                .getOut()
                .println(c.learner() + " now knows "
                        + c.lessons().stream().mapToLong(ModelCard.Lesson::rows).sum() + " rows of "
                        + c.lessons().size() + " lessons. Model: " + out);
        spec.commandLine().getOut().flush();
        return ExitCodes.DONE;
    }
}
