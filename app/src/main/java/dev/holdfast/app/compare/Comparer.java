package dev.holdfast.app.compare;

import dev.holdfast.app.report.Comparison;
import dev.holdfast.app.report.Ranks;
import dev.holdfast.app.report.ReportFiles;
import dev.holdfast.app.report.TerminalTable;
import dev.holdfast.app.terminal.Console;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Target;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.corrupt.NamedCorruption;
import dev.holdfast.data.source.Splits;
import dev.holdfast.evaluate.Mislabelled;
import dev.holdfast.evaluate.Prequential;
import dev.holdfast.evaluate.Trial;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.Registry;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * Runs every learner through the same streams, data set after data set and seed after seed, and keeps what is finished
 * on disk after every trial.
 */
public final class Comparer {
    /**
     * What to compare on what.
     *
     * @param data specs of the data sets
     * @param dataOptions how they are read, for the record
     * @param learners names; empty = the short list of those that fit the first stream; "all" = all that fit
     * @param noise what is done to the rows before; what is learnt from spoilt labels is tested on clean ones
     * @param tuning how settings are chosen before the comparison; null = as given
     */
    public record Plan(
            List<String> data,
            List<String> dataOptions,
            String scenario,
            List<String> learners,
            Settings settings,
            int seeds,
            Budget budget,
            long dataSeed,
            boolean resume,
            List<NamedCorruption> noise,
            Tuning tuning) {
        public Plan {
            noise = List.copyOf(noise);
            if (noise.stream().filter(c -> c.kind().wrongsLabels()).count() > 1) {
                throw new IllegalArgumentException("--noise changes labels in one way at a time, here " + noise + ".");
            }
            if (noise.stream().anyMatch(c -> c.kind().wrongsLabels())
                    && noise.stream().anyMatch(c -> c.kind().hidesLabels())) {
                throw new IllegalArgumentException(
                        "--noise makes labels of one class a row wrong, or hides labels of label" + " sets, here "
                                + noise + ".");
            }
            if (seeds < 1) {
                throw new IllegalArgumentException("--seeds must be >= 1 but is " + seeds + ".");
            }
            if (tuning != null && tuning.on() == null && data.size() > 1) {
                throw new IllegalArgumentException("--tune needs --tune-on when there are several data sets, here "
                        + data + ": one half of the classes can be tuned on only where the other half is all.");
            }
        }

        /** Whether labels to learn from are made wrong or hidden. */
        public boolean doubtful() {
            return noise.stream()
                    .anyMatch(c -> c.kind().wrongsLabels() || c.kind().hidesLabels());
        }
    }

    /** Times as many passes where labels are wrong: networks learn them by heart late, and cures show then. */
    private static final int UNTIL_MEMORISED = 10;

    /** Rows with wrong labels that every learner is asked about at the end. */
    private static final int ASKED = 1000;

    /** 97.5 % of the standard normal distribution lie below. */
    private static final double Z95 = 1.96;

    /** Opens a data set: split for training and testing, or with all rows for training in their order. */
    public interface Opener {
        DataPair open(String spec, boolean inOrder);
    }

    private final Plan plan;
    private final Registry registry;
    private final ReportFiles files;
    private final Comparison.Machine machine;
    private final Console console;
    private final BooleanSupplier cancelled;
    private Comparison.Tuning tuning;

    public Comparer(
            Plan plan,
            Registry registry,
            ReportFiles files,
            Comparison.Machine machine,
            Console console,
            BooleanSupplier cancelled) {
        this.plan = plan;
        this.registry = registry;
        this.files = files;
        this.machine = machine;
        this.console = console;
        this.cancelled = cancelled;
    }

    /** Runs what is missing and writes all files; cut off, it writes what is there. */
    public Comparison run(Opener open) {
        boolean doubtful = plan.doubtful();
        boolean hidden = plan.noise.stream().anyMatch(c -> c.kind().hidesLabels());
        int passes = doubtful && plan.scenario.equals("joint") ? UNTIL_MEMORISED : 1;
        StreamChoice<?> stream = StreamChoice.of(registry, plan.scenario, plan.settings, passes * plan.budget.epochs);
        List<Long> seeds = LongStream.rangeClosed(1, plan.seeds).boxed().toList();
        List<Comparison.Bed> beds = new ArrayList<>();
        List<Contender<?>> contenders = null;
        Comparison.Request request = null;
        Optional<Comparison> old = Optional.empty();
        Supplier<Comparison.Tuning> flattered = null;
        for (String spec : plan.data) {
            if (contenders != null && cancelled.getAsBoolean()) {
                break;
            }
            boolean inOrder = stream.plugin().inOrder();
            Spoilt spoilt = Spoilt.of(open.open(spec, inOrder), plan.noise, plan.dataSeed);
            DataPair whole = spoilt.pair();
            DataPair pair = plan.tuning == null ? whole : plan.tuning.toScore(whole);
            Dataset train =
                    inOrder ? first(pair.train(), plan.budget.trainRows) : capped(pair.train(), plan.budget.trainRows);
            Dataset test = inOrder ? pair.test() : capped(pair.test(), plan.budget.testRows);
            Comparison.Data facts = facts(pair, train, test);
            console.say(facts.name() + ": " + facts.note());
            Scenario first = stream.lay(train, test, seeds.get(0));
            if (contenders == null) {
                boolean cures = plan.learners.isEmpty() && doubtful;
                contenders = Contender.choose(
                        registry,
                        plan.settings,
                        cures ? Contender.cures(registry, plan.settings, first, hidden) : plan.learners,
                        first);
                if (plan.learners.isEmpty() && !cures) {
                    Contender.unfit(registry, plan.settings, first).forEach(console::say);
                }
                if (plan.tuning != null) {
                    Tuning.Result tuned = tune(
                            contenders,
                            stream,
                            plan.tuning.toTune(whole, s -> Spoilt.of(open.open(s, false), plan.noise, plan.dataSeed)
                                    .pair()),
                            train,
                            test);
                    contenders = tuned.contenders();
                    tuning = tuned.report();
                    flattered = tuned.flattered();
                }
                request = new Comparison.Request(
                        plan.data,
                        plan.dataOptions,
                        plan.scenario,
                        ConfigBinder.json(stream.config()),
                        contenders.stream().map(Contender::configured).toList(),
                        seeds,
                        plan.budget.name());
                old = plan.resume ? files.unfinished(request) : Optional.empty();
            }
            console.say(first.table());
            int index = beds.size();
            List<Trial.Result> done = new ArrayList<>(old.filter(c -> c.beds().size() > index)
                    .map(c -> kept(c.beds().get(index), facts))
                    .orElse(List.of()));
            beds.add(Comparison.Bed.of(facts, stream(first), done));
            Trial.Options options = spoilt.truth()
                    .map(t -> Trial.Options.defaults().with(Mislabelled.of(train, t, ASKED)))
                    .orElse(Trial.Options.defaults());
            trials(request, beds, contenders, stream, first, train, test, options, done);
        }
        if (plan.tuning != null && plan.tuning.conventional() && !cancelled.getAsBoolean()) {
            console.say("Scoring every setting where the comparison scores.");
            tuning = flattered.get();
        }
        Comparison result = comparison(request, beds);
        files.write(result);
        files.writeReport(result);
        return result;
    }

    private <S extends Record> Tuning.Result tune(
            List<Contender<?>> contenders, StreamChoice<S> stream, DataPair on, Dataset train, Dataset test) {
        DataPair capped = new DataPair(
                on.name(),
                on.note(),
                capped(on.train(), plan.budget.trainRows),
                capped(on.test(), plan.budget.testRows),
                on.preprocessing());
        return plan.tuning.run(
                contenders, stream, capped, stream.bed(train, test), files.tuning(plan.resume), console, cancelled);
    }

    private void trials(
            Comparison.Request request,
            List<Comparison.Bed> beds,
            List<Contender<?>> contenders,
            StreamChoice<?> stream,
            Scenario first,
            Dataset train,
            Dataset test,
            Trial.Options options,
            List<Trial.Result> done) {
        long all = request.seeds().size()
                * contenders.stream().mapToLong(c -> c.plannedSteps(first)).sum();
        long before = 0;
        try (Console.Meter meter = console.meter("compare", " steps", all)) {
            for (long seed : request.seeds()) {
                Scenario s = seed == request.seeds().get(0) ? first : stream.lay(train, test, seed);
                for (Contender<?> c : contenders) {
                    long start = before;
                    before += c.plannedSteps(s);
                    if (cancelled.getAsBoolean()
                            || done.stream().anyMatch(r -> r.learner().equals(c.name()) && r.seed() == seed)) {
                        meter.at(before, c.name());
                        continue;
                    }
                    Trial.Result r = c.run(
                            c.dealt().isEmpty() ? s : stream.with(c.dealt()).lay(train, test, seed),
                            seed,
                            options,
                            cancelled,
                            (steps, planned) -> meter.at(start + steps, c.name()));
                    if (r.status() != Trial.Status.CANCELLED) {
                        done.add(r);
                        meter.line(TerminalTable.line(r));
                        Comparison.Bed bed = beds.remove(beds.size() - 1);
                        beds.add(Comparison.Bed.of(bed.data(), bed.stream(), done));
                        files.write(comparison(request, beds));
                    }
                }
            }
        }
    }

    /** Finished trials of an earlier run, if its rows were the same. */
    private List<Trial.Result> kept(Comparison.Bed old, Comparison.Data now) {
        if (!old.data().fingerprint().equals(now.fingerprint())) {
            throw new IllegalArgumentException(
                    "The rows of '" + now.name() + "' are not those of the earlier run (then "
                            + old.data().fingerprint() + ", now " + now.fingerprint()
                            + "), so its results cannot be continued.\nMaybe leave --resume out to start afresh.");
        }
        // what failed may work now; a learner that does not fit stays so
        return old.trials().stream()
                .filter(r -> r.status() != Trial.Status.FAILED)
                .toList();
    }

    private Comparison comparison(Comparison.Request request, List<Comparison.Bed> beds) {
        return new Comparison(
                Comparison.FORMAT,
                Instant.now().truncatedTo(ChronoUnit.SECONDS).toString(),
                request,
                machine,
                beds,
                Ranks.of(beds),
                tuning);
    }

    private Comparison.Data facts(DataPair pair, Dataset train, Dataset test) {
        String budget = train.size() == pair.train().size()
                ? ""
                : String.format(
                        Locale.ROOT,
                        "; budget %s: %,d of %,d rows for training",
                        plan.budget.name().toLowerCase(Locale.ROOT),
                        train.size(),
                        pair.train().size());
        String measure = train.schema().target() == Target.MultiLabel.class && test.size() > 0
                ? "; accuracy of label sets is the mean over labels of their average precision (mAP)"
                : "";
        return new Comparison.Data(
                pair.name(),
                pair.note() + budget + measure,
                train.size(),
                test.size(),
                train.schema().classes().size(),
                train.schema().classes().columns().stream().map(c -> c.name()).toList(),
                train.fingerprint());
    }

    private static Comparison.Stream stream(Scenario s) {
        List<Long> ends = new ArrayList<>();
        long rows = 0;
        for (Experience e : s.experiences()) {
            rows += e.pace().epochs() * e.train().size();
            ends.add(rows);
        }
        Trial.Options options = Trial.Options.defaults();
        int curveRows = (int) s.tests().stream()
                .mapToLong(t -> Math.min(options.curveRows(), t.data().size()))
                .min()
                .orElse(0);
        return new Comparison.Stream(
                s.name(),
                s.tests().stream().map(t -> t.name()).toList(),
                ends,
                s.taskIdAtTest(),
                curveRows,
                curveRows == 0 ? 0 : Z95 * 0.5 / Math.sqrt(curveRows),
                options.dense(),
                s.tests().isEmpty() ? Prequential.headline(s.schema()) : null,
                s.table());
    }

    private static Dataset first(Dataset d, long rows) {
        return d.size() <= rows
                ? d
                : d.subset(IntStream.range(0, Math.toIntExact(rows)).toArray());
    }

    private Dataset capped(Dataset d, long rows) {
        if (d.size() > rows && d.schema().target() == Target.MultiLabel.class) {
            int[] order = Rng.of(plan.dataSeed).child("budget").permutation(Math.toIntExact(d.size()));
            return d.subset(IntStream.of(order).limit(rows).sorted().toArray());
        }
        return d.size() <= rows
                ? d
                : d.subset(
                        Splits.sample(d.classIds(), rows, Rng.of(plan.dataSeed).child("budget")));
    }
}
