package dev.holdfast.app;

import dev.holdfast.app.compare.Settings;
import dev.holdfast.app.model.ModelCard;
import dev.holdfast.app.model.Spool;
import dev.holdfast.app.model.Teaching;
import dev.holdfast.app.terminal.Console;
import dev.holdfast.app.terminal.DataArguments;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.app.terminal.Interrupt;
import dev.holdfast.app.terminal.Json;
import dev.holdfast.registry.Registry;
import dev.holdfast.run.Threads;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast learn}: a model from a stream of rows. */
@Command(
        name = "learn",
        description = {
            "Learns from a stream of rows, in their order, and writes a model.",
            "Each batch is first predicted, then learnt; how good the predictions were is told on the way, beside what",
            "repeating the last row's labels would have reached."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  holdfast learn letters.csv.gz --label label --learner gacil --out letters-model",
            "  zcat monday.csv.gz | holdfast learn - --label kind --learner er --out model",
            "  holdfast learn songs.arff --learner ihomer --batch-size 1   # several labels a row",
            "  holdfast learn tickets.csv --label 'topic_*' --learner ihomer --batch-size 1",
            "  holdfast learn tuesday.csv --from model --out model          # goes on with more rows",
            "  holdfast learn huge.parquet --label y --learner slda --out m --resume   # after a crash",
            "%nExit status: 0 done, 1 failed, 2 wrong input, 130 cut off (a checkpoint is kept)."
        })
final class LearnCommand implements Callable<Integer> {
    @Mixin
    DataArguments data = new DataArguments();

    @Option(names = "--learner", paramLabel = "NAME", description = "see 'holdfast learners'")
    String learner;

    @Option(
            names = "--out",
            paramLabel = "MODEL",
            description = "folder that the model is written to; without it the stream is learnt, scored and forgotten")
    Path out;

    @Option(names = "--from", paramLabel = "MODEL", description = "go on with this model; new classes may come")
    Path from;

    @Option(
            names = "--like",
            paramLabel = "MODEL",
            description = "read rows as this model does, so that the two can be merged")
    Path like;

    @Option(names = "--classes", paramLabel = "A,B,C", split = ",", description = "classes that may come later")
    List<String> classes = List.of();

    @Option(names = "--epochs", paramLabel = "N", description = "passes over the rows (default: ${DEFAULT-VALUE})")
    int epochs = 1;

    @Option(names = "--batch-size", paramLabel = "N", description = "rows a step (default: ${DEFAULT-VALUE})")
    int batchSize = 16;

    @Option(names = "--shuffle", description = "shuffle rows, in pieces of some thousands for large tables")
    boolean shuffle;

    @Option(names = "--seed", paramLabel = "N", description = "seed of the learner (default: ${DEFAULT-VALUE})")
    long seed = 1;

    @Option(
            names = "--set",
            paramLabel = "OPTION=VALUE",
            description = "an option of the learner, see 'holdfast learners NAME'; repeatable")
    List<String> settings = List.of();

    @Option(names = "--config", paramLabel = "FILE", description = "YAML or JSON with the part 'learners'")
    Path config;

    @Option(
            names = "--checkpoint-every",
            paramLabel = "SECONDS",
            description = "seconds between checkpoints (default: ${DEFAULT-VALUE})")
    double checkpointEvery = 30;

    @Option(names = "--resume", description = "go on where an earlier call of this command was cut off")
    boolean resume;

    @Option(names = "--threads", paramLabel = "N", description = "threads of libtorch (default: ${DEFAULT-VALUE})")
    int threads = 1;

    @Option(names = "--json", description = "print what was learnt as JSON; sentences go to standard error")
    boolean json;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() {
        Registry registry = Registry.load();
        String prefix = learner == null ? "" : learner + ".";
        Settings set = Settings.of(
                registry,
                config,
                settings.stream()
                        .map(s -> s.startsWith(prefix) ? s : prefix + s)
                        .toList());
        Console console = Console.of(
                json ? spec.commandLine().getErr() : spec.commandLine().getOut());
        try (Interrupt interrupt =
                        new Interrupt("Stopping after this step; a checkpoint is kept, --resume continues.");
                Threads.Restore restore = Threads.during(threads);
                Spool rows = Spool.of(data.spec, System.in)) {
            ModelCard card = new Teaching(registry, Version.holdfast(), checkpointEvery, console, interrupt::asked)
                    .learn(new Teaching.Lesson(
                            rows,
                            data.options(),
                            data.describe(),
                            learner,
                            from,
                            like,
                            classes,
                            set,
                            seed,
                            epochs,
                            batchSize,
                            shuffle,
                            data.rows,
                            out,
                            resume));
            if (card == null) {
                return ExitCodes.CANCELLED;
            }
            ModelCard.Lesson last = card.lessons().get(card.lessons().size() - 1);
            if (json) {
                spec.commandLine().getOut().println(Json.text(last));
            } else {
                console.say(String.format(
                        Locale.ROOT,
                        "%s has learnt %,d rows%s.%s",
                        card.learner(),
                        last.rows(),
                        last.headline(),
                        out == null ? " No model was written (--out MODEL does)." : " Model: " + out));
            }
            spec.commandLine().getOut().flush();
            return ExitCodes.DONE;
        }
    }
}
