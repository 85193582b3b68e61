package dev.holdfast.app;

import dev.holdfast.app.calibrate.CalibrateCommand;
import dev.holdfast.app.diagnose.DiagnoseCommand;
import dev.holdfast.app.explain.ExplainCommand;
import dev.holdfast.app.schedule.ScheduleCommand;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.data.DataException;
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
            CleanCommand.class,
            DiagnoseCommand.class,
            LearnCommand.class,
            PredictCommand.class,
            DistillCommand.class,
            CalibrateCommand.class,
            ExplainCommand.class,
            InspectCommand.class,
            MergeCommand.class,
            ForgetCommand.class,
            ScheduleCommand.class,
            StudyCommand.class,
            ListCommands.Data.class,
            ListCommands.Learners.class,
            ListCommands.Scenarios.class,
            ListCommands.Calibrators.class,
            ListCommands.Noise.class,
            CatalogCommand.class,
            DoctorCommand.class,
            AutoComplete.GenerateCompletion.class,
            CommandLine.HelpCommand.class
        },
        footerHeading = "%nExamples:%n",
        footer = {
            "  holdfast compare fashion                 # which learner holds up? table and report",
            "  holdfast compare rows.csv --label kind   # the same on your own table",
            "  holdfast learn rows.csv --label kind --learner gacil --out model",
            "  holdfast predict model new-rows.csv",
            "  holdfast calibrate model held-out.csv    # probabilities that come true as often as they say",
            "  source <(holdfast generate-completion)   # completion in bash and zsh",
            "%nA stack trace is printed where HOLDFAST_TRACE is set."
        })
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        System.exit(commandLine().execute(args));
    }

    /** The command line with its error handling: what is wrong and a Maybe where there is one; no stack trace. */
    public static CommandLine commandLine() {
        return new CommandLine(new Main())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setExecutionExceptionHandler((e, cmd, parsed) -> {
                    cmd.getErr().println(cmd.getColorScheme().errorText(String.valueOf(e.getMessage())));
                    if (System.getenv("HOLDFAST_TRACE") != null) {
                        e.printStackTrace(cmd.getErr());
                    }
                    cmd.getErr().flush();
                    return e instanceof IllegalArgumentException || e instanceof DataException
                            ? ExitCodes.BAD_INPUT
                            : ExitCodes.FAILED;
                });
    }
}
