package dev.holdfast.app.diagnose;

import dev.holdfast.app.report.ScalingPage;
import dev.holdfast.app.report.ScalingPage.Tried;
import dev.holdfast.app.terminal.Console;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.app.terminal.Interrupt;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.diagnose.scaling.Instability;
import dev.holdfast.diagnose.scaling.LrSensitivity;
import dev.holdfast.diagnose.scaling.LrSweep;
import dev.holdfast.diagnose.scaling.LrSweep.Grid;
import dev.holdfast.diagnose.scaling.LrSweep.Shape;
import dev.holdfast.diagnose.scaling.ProxyRecipe;
import dev.holdfast.diagnose.scaling.ProxyRecipe.MuKind;
import dev.holdfast.diagnose.scaling.ProxyRun;
import dev.holdfast.language.train.TextWindows;
import dev.holdfast.nn.lm.QkNorm;
import dev.holdfast.optim.ParamGroup.Decay;
import dev.holdfast.run.Threads;
import dev.holdfast.tensor.Rng;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code holdfast diagnose scaling}: what small language models say about how larger ones will train. */
@Command(
        name = "scaling",
        description = {
            "Trains byte-level language models of several sizes on a text, each at several learning rates; tells how much a",
            "wrong rate costs at each size, which known instability is at work, and at which size it will strike."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  holdfast diagnose scaling --text book.txt --widths 32,64 --rates 3e-3,3e-2,0.3 --cures",
            "  holdfast diagnose scaling --text book.txt --widths 32 --layers 1,2,4",
            "  holdfast diagnose scaling --text book.txt.gz --qk-norm layer_norm --z-loss 1e-4 --predict 25.6M",
            "%nExit status: 0 done (whatever was found), 1 failed, 2 wrong input, 130 cut off (what was seen is told)."
        })
final class ScalingCommand implements Callable<Integer> {
    private static final Pattern SIZE = Pattern.compile("([0-9.]+(?:e[0-9]+)?)([kKmMbBgG]?)");
    private static final int LOOKS = 10;

    @Option(
            names = "--text",
            paramLabel = "FILE",
            required = true,
            description = "what is learnt, plain or .gz; the last tenth is held out")
    String text;

    @Option(names = "--widths", split = ",", paramLabel = "N", description = "widths (default: ${DEFAULT-VALUE})")
    List<Integer> widths = List.of(32, 64);

    @Option(
            names = "--rates",
            split = ",",
            paramLabel = "RATE",
            description = "peak learning rates, best evenly spaced in the logarithm (default: ${DEFAULT-VALUE})")
    List<Double> rates = List.of(1e-3, 1e-2, 1e-1);

    @Option(names = "--steps", paramLabel = "N", description = "updates of each model (default: ${DEFAULT-VALUE})")
    int steps = 200;

    @Option(
            names = "--layers",
            split = ",",
            paramLabel = "N",
            description = "blocks; every width is trained with each (default: ${DEFAULT-VALUE})")
    List<Integer> layers = List.of(3);

    @Option(
            names = "--head-size",
            paramLabel = "N",
            description = "widths are multiples of it (default: ${DEFAULT-VALUE})")
    int headSize = 16;

    @Option(names = "--length", paramLabel = "N", description = "bytes a row (default: ${DEFAULT-VALUE})")
    int length = 128;

    @Option(names = "--batch-size", paramLabel = "N", description = "rows an update (default: ${DEFAULT-VALUE})")
    int rows = 16;

    @Option(
            names = "--qk-norm",
            paramLabel = "HOW",
            description = "norm of queries and keys: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE})")
    QkNorm qkNorm = QkNorm.NONE;

    @Option(names = "--z-loss", paramLabel = "C", description = "weight of log^2 Z (default: ${DEFAULT-VALUE})")
    double zLoss;

    @Option(
            names = "--warm-up",
            paramLabel = "SHARE",
            description = "share of the updates in which the rate rises (default: ${DEFAULT-VALUE})")
    double warmUp = 0.05;

    @Option(names = "--epsilon", paramLabel = "E", description = "of Adam (default: ${DEFAULT-VALUE})")
    double epsilon = 1e-8;

    @Option(names = "--decay", paramLabel = "D", description = "weight decay (default: ${DEFAULT-VALUE})")
    double decay = 1e-4;

    @Option(
            names = "--decay-mode",
            paramLabel = "HOW",
            description = "${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE})")
    Decay decayMode = Decay.INDEPENDENT;

    @Option(
            names = "--mu-param",
            paramLabel = "HOW",
            description = "whether rates go by width: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE})")
    MuKind muParam = MuKind.NONE;

    @Option(
            names = "--base-width",
            paramLabel = "N",
            description = "width at which muParam changes nothing (default: ${DEFAULT-VALUE})")
    int baseWidth = 256;

    @Option(
            names = "--predict",
            paramLabel = "SIZE",
            description = "number of parameters to foretell for, e.g. 25.6M; needs two sizes or more")
    String predict;

    @Option(names = "--cures", description = "try what is known to help, at the largest size")
    boolean cures;

    @Option(names = "--out", paramLabel = "DIR", description = "where the report goes (default: ${DEFAULT-VALUE})")
    Path out = Path.of("holdfast-diagnosis");

    @Option(names = "--seed", paramLabel = "N", description = "seed of models and batches (default: ${DEFAULT-VALUE})")
    long seed = 1;

    @Option(names = "--threads", paramLabel = "N", description = "threads of libtorch (default: ${DEFAULT-VALUE})")
    int threads = 1;

    @Option(names = "--json", description = "print the diagnosis as JSON; sentences go to standard error")
    boolean json;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        Console console = Console.of(
                json ? spec.commandLine().getErr() : spec.commandLine().getOut());
        ProxyRecipe recipe = ProxyRecipe.published(steps)
                .withBed(headSize, length, rows)
                .withQkNorm(qkNorm)
                .withZLoss(zLoss)
                .withWarmUp(warmUp)
                .withEpsilon(epsilon)
                .withDecay(decay, decay == 0 ? Decay.NONE : decayMode)
                .withMuParam(muParam, baseWidth);
        Grid grid = Grid.of(widths, layers, rates);
        double size = predict == null ? Double.NaN : size(predict);
        if (predict != null && grid.shapes().size() < 2) {
            throw new IllegalArgumentException("A prediction needs two sizes or more but there is only "
                    + grid.shapes().get(0) + ".\nMaybe add --widths 32,64.");
        }
        byte[] all = DataCatalog.text(text, DataOptions.defaults());
        int[] ids = new int[all.length];
        Arrays.setAll(ids, i -> Byte.toUnsignedInt(all[i]));
        int cut = ids.length / 10 * 9;
        if (ids.length - cut < length) {
            throw new IllegalArgumentException(
                    text + " has " + ids.length + " bytes, of which the last tenth is held out;"
                            + " rows of " + length + " need at least " + 10 * length
                            + ".\nMaybe take a longer text, or a smaller --length.");
        }
        Sweeper sweeper = new Sweeper(Arrays.copyOf(ids, cut), Arrays.copyOfRange(ids, cut, ids.length), seed);
        try (Interrupt interrupt = new Interrupt("Stopping after this update; what was seen is told.");
                Threads.Restore restore = Threads.during(threads)) {
            LrSweep sweep = sweeper.of(recipe, grid, "as it is", console, interrupt::asked);
            if (sweep.runs().isEmpty()) {
                console.say("Cut off before the first model was trained.");
                return ExitCodes.CANCELLED;
            }
            List<Tried> tried = cures && !interrupt.asked()
                    ? tried(sweeper, sweep, recipe, grid, console, interrupt::asked)
                    : List.of();
            ScalingPage page =
                    new ScalingPage(Path.of(text).getFileName().toString(), facts(recipe), sweep, size, tried);
            Files.createDirectories(out);
            page.write(out.resolve("report.html"));
            Files.writeString(out.resolve("diagnosis.json"), page.json(), StandardCharsets.UTF_8);
            ScalingWords.of(sweep, size, tried).forEach(console::say);
            console.say("Report: " + out.resolve("report.html"));
            if (json) {
                spec.commandLine().getOut().println(page.json());
                spec.commandLine().getOut().flush();
            }
            return interrupt.asked() ? ExitCodes.CANCELLED : ExitCodes.DONE;
        }
    }

    /** 25.6M = 25 600 000. */
    static double size(String written) {
        Matcher m = SIZE.matcher(written);
        if (!m.matches()) {
            throw new IllegalArgumentException(
                    "--predict is a number of parameters, such as 300k, 25.6M or 4.8B, but is '" + written + "'.");
        }
        double times =
                switch (m.group(2).toLowerCase(Locale.ROOT)) {
                    case "k" -> 1e3;
                    case "m" -> 1e6;
                    case "b", "g" -> 1e9;
                    default -> 1;
                };
        double v = Double.parseDouble(m.group(1)) * times;
        if (!(v >= 1)) {
            throw new IllegalArgumentException("--predict must be at least 1 parameter but is '" + written + "'.");
        }
        return v;
    }

    private static String facts(ProxyRecipe r) {
        return String.format(
                Locale.ROOT,
                "%d updates of %d rows of %d bytes; heads of %d; queries and keys %s; z-loss %s; weight decay %s"
                        + " %s; epsilon %s; warm-up %s; muParam %s.",
                r.steps(),
                r.rows(),
                r.length(),
                r.headSize(),
                r.qkNorm(),
                r.zLoss(),
                r.decay(),
                r.mode(),
                r.epsilon(),
                r.warmUp(),
                r.muParam());
    }

    /** Trains grids on one text, always from the same start. */
    private record Sweeper(int[] train, int[] held, long seed) {
        LrSweep of(ProxyRecipe r, Grid grid, String what, Console console, BooleanSupplier cancelled) {
            Rng rng = Rng.of(seed);
            try (Console.Meter meter = console.meter(what, " models", grid.runs())) {
                List<ProxyRun> done = new ArrayList<>();
                return LrSweep.run(
                        r,
                        grid,
                        TextWindows.of(train, r.rows(), r.length(), rng.child("train")),
                        TextWindows.of(held, r.rows(), r.length(), rng.child("held")),
                        LOOKS,
                        rng.child("model"),
                        run -> {
                            done.add(run);
                            meter.at(done.size(), run.shape() + ", rate " + run.rate());
                        },
                        cancelled);
            }
        }
    }

    /** The largest model again, with one thing changed at a time. */
    private static List<Tried> tried(
            Sweeper sweeper, LrSweep plain, ProxyRecipe recipe, Grid grid, Console console, BooleanSupplier cancelled) {
        Shape largest = grid.shapes().get(grid.shapes().size() - 1);
        Grid one = new Grid(List.of(largest), grid.rates());
        List<Tried> tried = new ArrayList<>();
        tried.add(line("as it is", plain, largest));
        for (Instability.Cure c : Instability.cures(recipe)) {
            LrSweep s = sweeper.of(c.change().apply(recipe), one, c.name(), console, cancelled);
            if (cancelled.getAsBoolean()) {
                return tried;
            }
            tried.add(line(c.name(), s, largest));
        }
        return tried;
    }

    private static Tried line(String name, LrSweep s, Shape shape) {
        LrSensitivity of = s.sensitivity(shape);
        List<ProxyRun> runs =
                s.runs().stream().filter(r -> r.shape().equals(shape)).toList();
        double epsilon = s.recipe().epsilon();
        return new Tried(
                name,
                shape,
                of.sensitivity(),
                of.bestLoss(),
                of.diverged(),
                runs.stream()
                        .mapToDouble(r -> r.last().largestAttentionLogit())
                        .max()
                        .orElseThrow(),
                runs.stream().mapToDouble(r -> r.last().logZMean()).min().orElseThrow(),
                runs.stream()
                        .mapToDouble(r -> r.last().gradientOverEpsilon(epsilon))
                        .min()
                        .orElseThrow());
    }
}
