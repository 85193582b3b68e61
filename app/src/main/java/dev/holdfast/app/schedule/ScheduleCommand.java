package dev.holdfast.app.schedule;

import dev.holdfast.app.report.Csv;
import dev.holdfast.app.report.SchedulePage;
import dev.holdfast.app.schedule.RateCurves.Phase;
import dev.holdfast.app.schedule.RateCurves.Run;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.optim.Schedule;
import dev.holdfast.optim.schedule.CheckpointMethod;
import dev.holdfast.optim.schedule.Constant;
import dev.holdfast.optim.schedule.StableDecay;
import dev.holdfast.optim.schedule.StableDecay.DecayOf;
import dev.holdfast.optim.schedule.StableDecay.Shape;
import dev.holdfast.optim.schedule.Steps;
import dev.holdfast.tensor.Stateless;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
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

/** {@code holdfast schedule}: what a learning rate will do, before anything is trained. */
@Command(
        name = "schedule",
        description = {
            "Draws a learning rate by update, lists its phases, and counts the updates that each",
            "way to a checkpoint at every end takes. Nothing is trained."
        },
        mixinStandardHelpOptions = true,
        sortOptions = false,
        footerHeading = "%nExamples:%n",
        footer = {
            "  holdfast schedule wsd-s --peak 3e-4 --warm 100 --ends 3000,6000,12000",
            "  holdfast schedule wsd --peak 3e-4 --warm 100 --ends 3000,6000,12000 --decay 20%% --html rate.html",
            "  holdfast schedule cosine --peak 1e-3 --warm 50 --ends 1000",
            "  holdfast schedule steps --peak 0.1 --milestones 300,600 --gamma 0.1 --ends 900",
            "%nExit status: 0 done, 2 wrong input."
        })
public final class ScheduleCommand implements Callable<Integer> {
    private static final long MOST_UPDATES = 10_000_000;
    private static final int POINTS = 2000;

    /** What is drawn. */
    enum Kind {
        WSD_S("wsd-s", CheckpointMethod.WSD_S),
        WSD("wsd", CheckpointMethod.WSD),
        CYCLIC_COSINE("cyclic-cosine", CheckpointMethod.CYCLIC_COSINE),
        COSINE("cosine", CheckpointMethod.COSINE),
        STEPS("steps", null),
        CONSTANT("constant", null);

        private final String label;
        private final CheckpointMethod method;

        Kind(String label, CheckpointMethod method) {
            this.label = label;
            this.method = method;
        }

        boolean falls() {
            return this == WSD_S || this == WSD;
        }

        @Override
        public String toString() {
            return label;
        }
    }

    @Parameters(
            paramLabel = "KIND",
            description = {
                "wsd-s: hold the rate, fall before every checkpoint, go on from it at the full rate;",
                "wsd: hold it, and let branches fall;",
                "cyclic-cosine: a cosine from checkpoint to checkpoint;",
                "cosine: one run for every end;",
                "steps: times --gamma at every milestone;",
                "constant"
            })
    String kind;

    @Option(names = "--peak", paramLabel = "RATE", description = "the highest rate (default: ${DEFAULT-VALUE})")
    double peak = 1;

    @Option(names = "--warm", paramLabel = "N", description = "updates of linear warm-up (default: ${DEFAULT-VALUE})")
    long warm;

    @Option(
            names = "--ends",
            paramLabel = "N",
            required = true,
            split = ",",
            description = "updates after which a checkpoint is wanted, rising, separated by commas")
    List<Long> ends;

    @Option(
            names = "--decay",
            paramLabel = "N",
            split = ",",
            description = "updates of a fall: a share such as 10%%, a number, or one for every end (default: 10%%)")
    List<String> decay;

    @Option(
            names = "--decay-of",
            description = "what a share is of, ${COMPLETION-CANDIDATES}: the segment or all updates up to its end"
                    + " (default: SEGMENT)")
    DecayOf decayOf;

    @Option(names = "--shape", description = "of falls: ${COMPLETION-CANDIDATES} (default: INVERSE)")
    Shape shape;

    @Option(
            names = "--floor",
            paramLabel = "SHARE",
            description = "lowest rate as a share of the highest (default: 10%%)")
    String floor;

    @Option(names = "--rewarm", paramLabel = "N", description = "updates of a rise after a checkpoint (default: 0)")
    Long rewarm;

    @Option(names = "--milestones", paramLabel = "N", split = ",", description = "updates after which the rate steps")
    List<Long> milestones;

    @Option(names = "--gamma", paramLabel = "FACTOR", description = "of a step (default: 0.1)")
    Double gamma;

    @Option(names = "--width", paramLabel = "N", description = "columns of the drawing (default: ${DEFAULT-VALUE})")
    int width = 72;

    @Option(names = "--html", paramLabel = "FILE", description = "also write a page with the chart")
    Path html;

    @Option(names = "--csv", paramLabel = "FILE", description = "also write run, update and rate of every update")
    Path csv;

    @Spec
    CommandSpec spec;

    @Override
    public Integer call() {
        Kind k = kind();
        refuseStrangers(k);
        StableDecay plan = k == Kind.STEPS || k == Kind.CONSTANT ? null : plan(k);
        RateCurves c = curves(k, plan);
        PrintWriter out = spec.commandLine().getOut();
        out.print(new TextChart(width, 12).draw(c));
        out.println();
        List<Phase> phases = c.phases(k == Kind.WSD_S || k == Kind.CYCLIC_COSINE ? ends : List.of());
        out.println(String.format("%-22s %-9s %10s %10s %10s   %s", "run", "phase", "from", "to", "updates", "rate"));
        for (Phase p : phases) {
            out.println(String.format(
                    Locale.ROOT,
                    "%-22s %-9s %,10d %,10d %,10d   %s",
                    p.run(),
                    p.name(),
                    p.from(),
                    p.to(),
                    p.to() - p.from(),
                    p.first() == p.last()
                            ? TextChart.rate(p.first())
                            : TextChart.rate(p.first()) + " to " + TextChart.rate(p.last())));
        }
        Map<String, Long> costs = plan == null ? Map.of() : costs(k, plan);
        if (!costs.isEmpty()) {
            out.println();
            out.println(String.format(
                    Locale.ROOT,
                    "Updates for %s:",
                    ends.size() == 1 ? "the checkpoint" : "all " + ends.size() + " checkpoints"));
            costs.forEach((name, n) -> out.println(
                    String.format(Locale.ROOT, "%s %-22s %,10d", name.equals(k.method.label()) ? ">" : " ", name, n)));
        }
        if (html != null) {
            page(k, c, phases, costs).write(html);
            out.println("Page: " + html);
        }
        if (csv != null) {
            writeCsv(c);
            out.println("Numbers: " + csv);
        }
        out.flush();
        return ExitCodes.DONE;
    }

    private Kind kind() {
        for (Kind k : Kind.values()) {
            if (k.label.equalsIgnoreCase(kind)) {
                return k;
            }
        }
        throw new IllegalArgumentException(
                "There is no schedule '" + kind + "'; expected one of " + List.of(Kind.values()) + ".");
    }

    private void refuseStrangers(Kind k) {
        Map<String, Object> onlyFalls = new LinkedHashMap<>();
        onlyFalls.put("--decay", decay);
        onlyFalls.put("--decay-of", decayOf);
        onlyFalls.put("--shape", shape);
        Map<String, Object> onlySteps = new LinkedHashMap<>();
        onlySteps.put("--milestones", milestones);
        onlySteps.put("--gamma", gamma);
        refuse(k, onlyFalls, k.falls());
        refuse(k, onlySteps, k == Kind.STEPS);
        refuse(k, Collections.singletonMap("--rewarm", rewarm), k == Kind.WSD_S);
        refuse(k, Collections.singletonMap("--floor", floor), k.method != null);
        if (!(peak > 0) || Double.isInfinite(peak)) {
            throw new IllegalArgumentException("--peak must be finite and > 0 but is " + peak + ".");
        }
        if (width < 10 || width > 1000) {
            throw new IllegalArgumentException("--width must be 10 to 1000 columns but is " + width + ".");
        }
        long before = 0;
        for (long end : ends) {
            if (end <= before || end > MOST_UPDATES) {
                throw new IllegalArgumentException("--ends must rise, from 1 to "
                        + String.format(Locale.ROOT, "%,d", MOST_UPDATES) + " at most, but are " + ends + ".");
            }
            before = end;
        }
        if (warm < 0 || warm >= ends.get(0)) {
            throw new IllegalArgumentException("--warm must be 0 to " + (ends.get(0) - 1)
                    + ", which is before the first end, but is " + warm + ".");
        }
    }

    private static void refuse(Kind k, Map<String, Object> options, boolean apply) {
        options.forEach((name, value) -> {
            if (value != null && !apply) {
                throw new IllegalArgumentException(name + " does not apply to the schedule " + k + ".");
            }
        });
    }

    private StableDecay plan(Kind k) {
        double low = floor == null ? 0.1 : share("--floor", floor);
        Shape how = shape == null ? Shape.INVERSE : shape;
        if (!k.falls()) {
            return StableDecay.of(warm, ends, 0, DecayOf.SEGMENT, low, Shape.LINEAR);
        }
        StableDecay d;
        List<String> lengths = decay == null ? List.of("10%") : decay;
        if (lengths.size() == 1 && lengths.get(0).endsWith("%")) {
            d = StableDecay.of(
                    warm,
                    ends,
                    share("--decay", lengths.get(0)),
                    decayOf == null ? DecayOf.SEGMENT : decayOf,
                    low,
                    how);
        } else {
            if (decayOf != null || lengths.size() != 1 && lengths.size() != ends.size()) {
                throw new IllegalArgumentException("--decay is a share such as 10%, one number of updates, or one for"
                        + " each of the " + ends.size() + " ends, but is " + String.join(",", lengths)
                        + (decayOf == null ? "." : "; --decay-of needs a share."));
            }
            List<Long> each = new ArrayList<>();
            for (int i = 0; i < ends.size(); i++) {
                each.add(whole(lengths.get(lengths.size() == 1 ? 0 : i)));
            }
            d = new StableDecay(warm, ends, each, low, how, 0);
        }
        return rewarm == null ? d : new StableDecay(warm, ends, d.decays(), low, how, rewarm);
    }

    private static long whole(String text) {
        try {
            return Long.parseLong(text.strip());
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(
                    "--decay has '" + text + "'; expected a number of updates, or one share such as 10%.", e);
        }
    }

    /** 10% or 0.1. */
    private static double share(String option, String text) {
        try {
            String s = text.strip();
            double v =
                    s.endsWith("%") ? Double.parseDouble(s.substring(0, s.length() - 1)) / 100 : Double.parseDouble(s);
            if (v >= 0 && v <= 1) {
                return v;
            }
        } catch (NumberFormatException e) {
            // told below, together with numbers that are no shares
        }
        throw new IllegalArgumentException(option + " is '" + text + "'; expected a share such as 10% or 0.1.");
    }

    private RateCurves curves(Kind k, StableDecay plan) {
        long last = ends.get(ends.size() - 1);
        List<Run> runs = new ArrayList<>();
        switch (k) {
            case WSD_S -> runs.add(new Run("the run", 0, last, plan));
            case CYCLIC_COSINE -> runs.add(new Run("the run", 0, last, k.method.schedule(plan, 0)));
            case WSD -> {
                List<StableDecay.Branch> branches = plan.branches();
                runs.add(new Run("trunk", 0, branches.get(branches.size() - 1).from(), plan.trunk()));
                for (int i = 0; i < branches.size(); i++) {
                    if (branches.get(i).from() < ends.get(i)) {
                        runs.add(new Run("branch " + (i + 1), branches.get(i).from(), ends.get(i), plan.branch(i)));
                    }
                }
            }
            case COSINE -> {
                for (int i = ends.size() - 1; i >= 0; i--) {
                    runs.add(new Run("run to " + ends.get(i), 0, ends.get(i), k.method.schedule(plan, i)));
                }
            }
            case STEPS -> {
                if (milestones == null) {
                    throw new IllegalArgumentException("The schedule steps needs --milestones.");
                }
                runs.add(new Run(
                        "the run", 0, last, new Warmed(warm, new Steps(milestones, gamma == null ? 0.1 : gamma))));
            }
            case CONSTANT -> runs.add(new Run("the run", 0, last, new Warmed(warm, Constant.ONE)));
        }
        return RateCurves.of(k.label, peak, runs);
    }

    /** A warm-up in front; after it the other schedule counts on. */
    private record Warmed(long warm, Schedule then) implements Schedule, Stateless {
        @Override
        public double at(long step) {
            return step < warm ? (step + 1.0) / warm : then.at(step);
        }

        @Override
        public String phase(long step) {
            return step < warm ? "warm-up" : then.phase(step).isEmpty() ? "stable" : then.phase(step);
        }
    }

    /** Branches cost what their falls take, so they are only counted where falls are drawn. */
    private static Map<String, Long> costs(Kind k, StableDecay plan) {
        Map<String, Long> costs = new LinkedHashMap<>();
        for (CheckpointMethod m : CheckpointMethod.values()) {
            if (k.falls() || m == CheckpointMethod.CYCLIC_COSINE || m == CheckpointMethod.COSINE) {
                costs.put(m.label(), m.updates(plan));
            }
        }
        return costs;
    }

    private SchedulePage page(Kind k, RateCurves c, List<Phase> phases, Map<String, Long> costs) {
        return new SchedulePage(
                c.title(),
                c.runs().stream()
                        .map(r -> new SchedulePage.Curve(r.name(), c.points(r, POINTS, ends)))
                        .toList(),
                phases.stream()
                        .map(p -> new SchedulePage.Phase(p.run(), p.name(), p.from(), p.to(), p.first(), p.last()))
                        .toList(),
                ends,
                costs,
                k.method == null ? "" : k.method.label());
    }

    private void writeCsv(RateCurves c) {
        StringBuilder b = new StringBuilder(Csv.line(List.of("run", "update", "rate")));
        for (Run r : c.runs()) {
            for (long t = r.from(); t < r.to(); t++) {
                b.append(Csv.line(List.of(r.name(), t, c.rate(r, t))));
            }
        }
        try {
            Files.writeString(csv, b, StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(
                    "Cannot write " + csv + ": " + e.getMessage() + "\nMaybe choose another --csv.", e);
        }
    }
}
