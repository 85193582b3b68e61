package dev.holdfast.app;

import dev.holdfast.app.model.ModelCard;
import dev.holdfast.app.model.ModelFile;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.app.terminal.Json;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.SafetensorsHeader;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Arrays;
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

/** {@code holdfast inspect}: what a model is and has learnt. */
@Command(
        name = "inspect",
        description = "Shows what a model is: learner, options, classes, what it has learnt, and its tensors.",
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {"  holdfast inspect letters-model", "  holdfast inspect letters-model --json"})
final class InspectCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "MODEL", description = "folder that 'holdfast learn' wrote")
    Path model;

    @Option(names = "--json", description = "print the card and the tensors as JSON")
    boolean json;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() {
        ModelCard c = ModelFile.card(model);
        SafetensorsHeader header = ModelFile.header(model, c);
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            Map<String, Object> all = new LinkedHashMap<>();
            all.put("card", c);
            Map<String, Object> tensors = new LinkedHashMap<>();
            header.entries()
                    .forEach((name, e) ->
                            tensors.put(name, Map.of("dtype", e.dtype().name(), "shape", e.shape())));
            all.put("tensors", tensors);
            out.println(Json.text(all));
        } else {
            print(c, header, out);
        }
        out.flush();
        return ExitCodes.DONE;
    }

    private static void print(ModelCard c, SafetensorsHeader header, PrintWriter out) {
        out.println("learner        " + c.learner() + ", seed " + c.seed());
        out.println("configuration  " + c.configuration());
        c.schema().inputs().forEach(f -> out.println("input          " + f.name() + ": " + f.kind() + " " + f.shape()));
        if (c.preprocessing() != null) {
            c.preprocessing()
                    .path("columns")
                    .forEach(k -> out.println("column         " + k.path("name").asText() + ": "
                            + k.path("kind").asText()));
        }
        List<String> names =
                c.schema().classes().stream().map(ClassIndex.Column::name).toList();
        out.println("classes        " + names.size() + ": "
                + String.join(", ", names.subList(0, Math.min(40, names.size())))
                + (names.size() > 40 ? ", ..." : ""));
        c.lessons()
                .forEach(l -> out.println("learnt         "
                        + String.format(
                                Locale.ROOT,
                                "%,d rows of %s in batches of %d%s",
                                l.rows(),
                                l.request().data(),
                                l.request().batchSize(),
                                l.headline())));
        if (!c.finished()) {
            out.println("unfinished     cut off after " + c.unfinished().rows() + " rows; 'learn --resume' goes on");
        }
        if (c.calibration() != null) {
            ModelCard.Calibration k = c.calibration();
            out.println(String.format(
                    Locale.ROOT,
                    "calibrated     by %s on %,d rows of %s%s; %s",
                    k.method(),
                    k.rows(),
                    k.data(),
                    k.before().containsKey("ECE_ew") && k.after().containsKey("ECE_ew")
                            ? String.format(
                                    Locale.ROOT,
                                    ": ECE %.4f before, %.4f after, on others",
                                    k.before().get("ECE_ew"),
                                    k.after().get("ECE_ew"))
                            : "",
                    k.keepsDecision() ? "classes are kept" : "classes may change"));
        }
        out.println(String.format(
                Locale.ROOT,
                "state          %s, %,d bytes, %d tensors",
                c.state().file(),
                c.state().bytes(),
                header.entries().size()));
        header.entries()
                .forEach((name, e) ->
                        out.println("               " + name + " " + e.dtype() + " " + Arrays.toString(e.shape())));
        out.println("written by     holdfast " + c.holdfast() + ", format " + c.format());
    }
}
