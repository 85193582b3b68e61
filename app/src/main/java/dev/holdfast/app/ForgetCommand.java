package dev.holdfast.app;

import dev.holdfast.app.model.ModelCard;
import dev.holdfast.app.model.ModelFile;
import dev.holdfast.app.model.Source;
import dev.holdfast.app.model.Spool;
import dev.holdfast.app.model.Surgery;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Progress;
import dev.holdfast.data.table.Preprocessing;
import dev.holdfast.registry.Registry;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code holdfast forget}: rows are taken out of a model. */
@Command(
        name = "forget",
        description = {
            "Takes rows out of a model, as if they had never been learnt; the rows must be ones that it has learnt.",
            "Exact, for learners that keep sums: see 'holdfast learners'."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  holdfast forget model --rows withdrawn.csv",
            "  holdfast forget model --rows withdrawn.csv --out model-without"
        })
final class ForgetCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "MODEL", description = "folder that 'holdfast learn' wrote")
    Path model;

    @Option(
            names = "--rows",
            paramLabel = "FILE",
            required = true,
            description = "the rows with their labels; '-' for standard input")
    String rows;

    @Option(names = "--out", paramLabel = "MODEL", description = "where the model goes (default: replaces MODEL)")
    Path out;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() {
        ModelCard card = ModelFile.card(model);
        Optional<Preprocessing> fitted =
                Optional.ofNullable(card.preprocessing()).map(p -> Preprocessing.fromJson(p.toString()));
        Path to = out == null ? model : out;
        try (Spool what = Spool.of(rows, System.in);
                Source source = Source.open(what, DataOptions.defaults(), fitted, Source.Part.TRAIN, Progress.NONE)) {
            long n = new Surgery(Registry.load()).forget(model, source, to);
            spec.commandLine().getOut().println(card.learner() + " has forgotten " + n + " rows. Model: " + to);
            spec.commandLine().getOut().flush();
            return ExitCodes.DONE;
        }
    }
}
