package dev.holdfast.app;

import dev.holdfast.app.doctor.Check;
import dev.holdfast.app.doctor.Doctor;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.app.terminal.Json;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast doctor}: what is wrong with this machine, and the cure. */
@Command(
        name = "doctor",
        description =
                "Looks for what is known to go wrong around native code, memory, threads and disk; prints the cure.",
        mixinStandardHelpOptions = true,
        footerHeading = "%nExamples:%n",
        footer = {"  holdfast doctor", "%nExit status: 0 all well, 1 something is wrong."})
final class DoctorCommand implements Callable<Integer> {
    @Option(names = "--json", description = "as JSON")
    boolean json;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        List<Check> checks = Doctor.all();
        if (json) {
            out.println(Json.text(checks));
        } else {
            for (Check c : checks) {
                String mark =
                        switch (c.level()) {
                            case FINE -> "ok   ";
                            case NOTE -> "note ";
                            case WRONG -> "WRONG";
                        };
                out.println(mark + "  " + c.name() + ": " + c.what());
                if (!c.cure().isEmpty()) {
                    out.println("         " + c.cure());
                }
            }
            long wrong =
                    checks.stream().filter(c -> c.level() == Check.Level.WRONG).count();
            out.println(wrong == 0 ? "\nAll is well." : "\n" + wrong + " of " + checks.size() + " to set right.");
        }
        out.flush();
        return checks.stream().anyMatch(c -> c.level() == Check.Level.WRONG) ? ExitCodes.FAILED : ExitCodes.DONE;
    }
}
