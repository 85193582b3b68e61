package dev.holdfast.app;

import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The program {@code holdfast}. */
@Command(
        name = "holdfast",
        description = "Learning that stays stable while what it learns from changes.",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        subcommands = {
            CompareCommand.class,
            LearnCommand.class,
            PredictCommand.class,
            InspectCommand.class,
            MergeCommand.class,
            ForgetCommand.class,
            AutoComplete.GenerateCompletion.class,
            CommandLine.HelpCommand.class
        })
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        System.exit(commandLine().execute(args));
    }

    /** The command line with its error handling: one line what, and a Maybe where there is one; no stack trace. */
    public static CommandLine commandLine() {
        return new CommandLine(new Main())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((e, cmd, parsed) -> {
                    cmd.getErr().println(cmd.getColorScheme().errorText(String.valueOf(e.getMessage())));
                    if (System.getenv("HOLDFAST_TRACE") != null) {
                        e.printStackTrace(cmd.getErr());
                    }
                    return e instanceof IllegalArgumentException || e instanceof dev.holdfast.data.DataException
                            ? ExitCodes.BAD_INPUT
                            : ExitCodes.FAILED;
                });
    }
}
