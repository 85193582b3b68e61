package dev.holdfast.app;

import dev.holdfast.app.model.Distilling;
import dev.holdfast.app.terminal.Console;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.app.terminal.Interrupt;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.distill.store.LabelAdaptation;
import dev.holdfast.distill.store.LabelAdaptation.Confidence;
import dev.holdfast.distill.store.LabelAdaptation.Thresholds;
import dev.holdfast.distill.store.RegionDistillation;
import dev.holdfast.distill.store.RegionDistillation.Mixing;
import dev.holdfast.registry.Registry;
import dev.holdfast.run.Threads;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code holdfast distill}: a small model of a large one, by labels that the large one gives once. */
@Command(
        name = "distill",
        description = {
            "Lets a model of images label random regions of every image once, cleans the labels by how sure it was,",
            "and trains a student from them without the model. Tells what the regions are, by class and by size."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  holdfast learn fashion --learner finetune --epochs 5 --shuffle --out teacher \\",
            "      --set net.backbone.kind=CONVNET",
            "  holdfast distill teacher fashion --set net.backbone.widths=64 --out student",
            "  holdfast predict student fashion --no-scores --out said.csv",
            "  holdfast distill teacher fashion --store labels.st        # the labels and the report only",
            "%nExit status: 0 done, 1 failed, 2 wrong input, 130 cut off (no student is written)."
        })
final class DistillCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "MODEL", description = "the teacher: a folder that 'holdfast learn' wrote")
    Path model;

    @Parameters(
            index = "1",
            paramLabel = "DATA",
            description = "images that look like those of the model: an id (see 'holdfast data') or a folder")
    String data;

    @Option(names = "--data", paramLabel = "DIR", description = "folder of full data sets (or set HOLDFAST_DATA)")
    Path dataDir;

    @Option(names = "--rows", paramLabel = "N", description = "take about N images, classes in their shares; 0 = all")
    long rows;

    @Option(names = "--out", paramLabel = "STUDENT", description = "folder of the student; without it none is trained")
    Path out;

    @Option(
            names = "--store",
            paramLabel = "FILE",
            description = "file of the labels: used if it is there (the teacher is not asked), else written")
    Path store;

    @Option(
            names = "--student",
            paramLabel = "NAME",
            description = "a learner around a network (default: ${DEFAULT-VALUE})")
    String student = "finetune";

    @Option(
            names = "--set",
            paramLabel = "OPTION=VALUE",
            description = "an option of the student, see 'holdfast learners NAME'; repeatable")
    List<String> settings = List.of();

    @Option(names = "--crops", paramLabel = "R", description = "regions of every image (default: ${DEFAULT-VALUE})")
    int crops = 16;

    @Option(names = "--half", description = "keep labels in 16 bits")
    boolean half;

    @Option(
            names = "--thresholds",
            paramLabel = "LOW,MID,TOP",
            description = "regions below LOW and above TOP are dropped, those below MID get the true class; confidences"
                    + " (0.3,0.6,1) or shares of the regions (default: ${DEFAULT-VALUE}); 0,0,1 cleans nothing")
    String thresholds = "5%,25%,90%";

    @Option(
            names = "--epsilon",
            paramLabel = "E",
            description = "share of the other classes where the true class is taught (default: ${DEFAULT-VALUE})")
    double epsilon = 0.1;

    @Option(
            names = "--confidence",
            description = "how sure the teacher is: its largest probability or that of the true class;"
                    + " ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE})")
    Confidence confidence = Confidence.MAX;

    @Option(
            names = "--mix",
            description = "mix regions with others of their image (SELF) or of any; ${COMPLETION-CANDIDATES} (default:"
                    + " ${DEFAULT-VALUE})")
    Mixing mix = Mixing.SELF;

    @Option(
            names = "--epochs",
            paramLabel = "N",
            description = "regions of every image that the student learns from (default: ${DEFAULT-VALUE})")
    int epochs = 40;

    @Option(names = "--batch-size", paramLabel = "N", description = "regions a step (default: ${DEFAULT-VALUE})")
    int batchSize = 64;

    @Option(
            names = "--per-image",
            paramLabel = "N",
            description = "regions of an image in one batch (default: ${DEFAULT-VALUE})")
    int perImage = 4;

    @Option(names = "--seed", paramLabel = "N", description = "seed of regions and student (default: ${DEFAULT-VALUE})")
    long seed = 1;

    @Option(names = "--threads", paramLabel = "N", description = "threads of libtorch (default: ${DEFAULT-VALUE})")
    int threads = 1;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() {
        RegionDistillation how = new RegionDistillation(epochs, perImage, batchSize, 1, mix);
        LabelAdaptation labels = adaptation();
        Console console = Console.of(spec.commandLine().getOut());
        try (Interrupt interrupt = new Interrupt("Stopping after this pass; no student is written.");
                Threads.Restore restore = Threads.during(threads)) {
            Distilling.Done done = new Distilling(Registry.load(), Version.holdfast(), console, interrupt::asked)
                    .run(new Distilling.Order(
                            model,
                            data,
                            DataOptions.defaults().withDataDir(dataDir).withRows(rows),
                            student,
                            settings,
                            crops,
                            half,
                            labels,
                            how,
                            seed,
                            store,
                            out));
            done.regions().text().lines().forEach(console::say);
            console.say(String.format(
                    Locale.ROOT,
                    "The teacher is right on %.2f %% of the test images%s",
                    100 * done.teacher(),
                    out == null
                            ? "; no student was trained (--out STUDENT does)."
                            : String.format(
                                    Locale.ROOT, ", the student on %.2f %%. Model: %s", 100 * done.student(), out)));
            spec.commandLine().getOut().flush();
            return ExitCodes.DONE;
        } catch (CancellationException e) {
            return ExitCodes.CANCELLED;
        }
    }

    private LabelAdaptation adaptation() {
        String[] parts = thresholds.split(",");
        boolean shares = thresholds.contains("%");
        double[] t = new double[3];
        try {
            if (parts.length != 3) {
                throw new NumberFormatException();
            }
            for (int i = 0; i < 3; i++) {
                String p = parts[i].trim();
                if (p.endsWith("%") != shares) {
                    throw new NumberFormatException();
                }
                t[i] = shares ? Double.parseDouble(p.substring(0, p.length() - 1)) / 100 : Double.parseDouble(p);
            }
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "--thresholds takes three confidences (0.3,0.6,1) or three shares (5%,25%,90%) but was given '"
                            + thresholds + "'.",
                    e);
        }
        return new LabelAdaptation(
                shares ? Thresholds.QUANTILE : Thresholds.ABSOLUTE, t[0], t[1], t[2], epsilon, confidence);
    }
}
