package dev.holdfast.app.compare;

import dev.holdfast.app.report.Comparison;
import dev.holdfast.app.terminal.Console;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.ClassSubset;
import dev.holdfast.registry.Registry;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.search.Bed;
import dev.holdfast.search.Candidate;
import dev.holdfast.search.Journal;
import dev.holdfast.search.SearchAxis;
import dev.holdfast.search.SearchSpace;
import dev.holdfast.search.Tuned;
import dev.holdfast.search.TwoPhase;
import dev.holdfast.search.TwoPhaseReport;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * How settings are chosen before a comparison: on other rows than it scores, so that nobody is flattered.
 *
 * @param config how to search
 * @param on the data set to tune on; null = the first half of the classes, the comparison then has the other half
 * @param axes axes beside those that learners declare, by owner: a learner, or {@link Settings#SCENARIO} for all
 * @param conventional whether every setting is scored where the comparison scores, too, to tell how much that flatters
 * @param overlap whether both data sets may share classes or rows
 */
public record Tuning(
        TwoPhase.Config config, String on, Map<String, List<SearchAxis>> axes, boolean conventional, boolean overlap) {

    /** Texts NAME.OPTION=VALUES as axes; every name is checked. */
    public static Map<String, List<SearchAxis>> axes(Registry registry, List<String> texts) {
        Map<String, List<SearchAxis>> axes = new LinkedHashMap<>();
        for (String text : texts) {
            int eq = text.indexOf('=');
            int dot = text.indexOf('.');
            if (dot < 1 || eq < dot) {
                throw new IllegalArgumentException("--space takes NAME.OPTION=VALUES but was given '" + text
                        + "'.\nMaybe like --space er.replayBatch=16,32 or --space scenario.epochs=1,2,4.");
            }
            String owner = text.substring(0, dot);
            boolean scenario = owner.equals(Settings.SCENARIO);
            String option = text.substring(scenario ? 0 : dot + 1, eq);
            axes.computeIfAbsent(scenario ? owner : registry.learner(owner).name(), k -> new ArrayList<>())
                    .add(SearchAxis.parse(option, text.substring(eq + 1)));
        }
        return axes;
    }

    /** What the comparison scores on: all of it, or the second half of the classes. */
    DataPair toScore(DataPair whole) {
        return on != null ? whole : half(whole, false);
    }

    /** What settings are chosen on. */
    DataPair toTune(DataPair whole, Function<String, DataPair> open) {
        return on != null ? open.apply(on) : half(whole, true);
    }

    private static DataPair half(DataPair whole, boolean first) {
        List<ClassIndex.Column> all = whole.schema().classes().columns();
        int middle = all.size() / 2;
        if (middle < 2) {
            throw new IllegalArgumentException("'" + whole.name() + "' has " + all.size()
                    + " classes; halves to tune on and to score on need at least 2 each, so 4."
                    + "\nMaybe name other data with --tune-on.");
        }
        List<ClassIndex.Column> kept = first ? all.subList(0, middle) : all.subList(middle, all.size());
        Set<Integer> ids = kept.stream().map(ClassIndex.Column::classId).collect(Collectors.toSet());
        String name = whole.name() + " (" + kept.get(0).name() + " to "
                + kept.get(kept.size() - 1).name() + ")";
        return new DataPair(
                name,
                whole.note() + "; the " + (first ? "first " : "last ") + kept.size() + " of " + all.size() + " classes",
                ClassSubset.of(whole.train(), ids),
                ClassSubset.of(whole.test(), ids),
                whole.preprocessing());
    }

    /**
     * The learners with what was chosen for them.
     *
     * @param flattered scores every setting where the comparison scores and completes the report
     */
    record Result(List<Contender<?>> contenders, Comparison.Tuning report, Supplier<Comparison.Tuning> flattered) {}

    /** Chooses settings; learners that rearrange the stream (bounds) and those without options worth it stay as they are. */
    <S extends Record> Result run(
            List<Contender<?>> contenders,
            StreamChoice<S> stream,
            DataPair toTune,
            Bed<S> scored,
            Journal journal,
            Console console,
            BooleanSupplier cancelled) {
        Bed<S> tuning = stream.bed(toTune.train(), toTune.test());
        Scenario first = stream.lay(toTune.train(), toTune.test(), 1);
        if (first.tests().isEmpty()) {
            throw new IllegalArgumentException("--tune needs a scenario with test sets, but '" + first.name()
                    + "' tests every row before it is learnt.");
        }
        TwoPhase.requireApart(tuning, scored, overlap);
        List<Contender<?>> searched = contenders.stream()
                .filter(c ->
                        c.plugin().arrange(first) == first && !space(c).axes().isEmpty())
                .toList();
        if (searched.isEmpty()) {
            throw new IllegalArgumentException("None of the learners has options to search; name some with --space.");
        }
        List<Candidate<?>> candidates = new ArrayList<>();
        searched.forEach(c -> candidates.add(c.candidate(space(c))));
        console.say("Tuning on " + toTune.name() + ": " + config.trials() + " settings a learner, " + config.seeds()
                + (config.seeds() == 1 ? " seed" : " seeds") + " each.");
        if (config.trials() == 1) {
            console.say("One setting leaves nothing to choose; the comparison runs with what was drawn.");
        }
        try (Console.Meter meter =
                console.meter("tune", " runs", (long) candidates.size() * config.trials() * config.seeds())) {
            long[] runs = new long[1];
            TwoPhase protocol = new TwoPhase(
                    config, candidates, journal, cancelled, (learner, trial, seed) -> meter.at(runs[0]++, learner));
            List<Tuned> tuned = protocol.tune(tuning);
            int tried = tuned.stream().mapToInt(t -> t.trials().size()).min().orElse(0);
            boolean timeWasUp = config.maxSeconds() > 0
                    && (tried < config.trials()
                            || tuned.stream().flatMap(t -> t.trials().stream()).noneMatch(t -> t.share() == 1));
            if (timeWasUp) {
                console.say("Time was up: every learner tried " + tried + " of " + config.trials()
                        + " settings, the last of them on " + share(tuned) + " of the rows.");
            }
            Map<String, Tuned> byName = tuned.stream().collect(Collectors.toMap(Tuned::learner, Function.identity()));
            List<Contender<?>> chosen = new ArrayList<>();
            for (Contender<?> c : contenders) {
                Tuned t = byName.get(c.name());
                if (t != null && t.selected().isEmpty()) {
                    console.say("No valid setting of " + c.name() + " was found; it keeps the one it was given.");
                }
                chosen.add(t == null || t.selected().isEmpty() ? c : c.tuned(t.setting()));
            }
            return new Result(
                    List.copyOf(chosen),
                    report(toTune, tuned, null),
                    () -> report(toTune, tuned, protocol.evaluate(tuned, scored, true)));
        }
    }

    private static String share(List<Tuned> tuned) {
        double largest = tuned.stream()
                .flatMap(t -> t.trials().stream())
                .mapToDouble(Tuned.Tried::share)
                .max()
                .orElse(1);
        return largest == 1 ? "all" : String.format(Locale.ROOT, "%.0f %%", 100 * largest);
    }

    private SearchSpace space(Contender<?> c) {
        SearchSpace space = SearchSpace.of(c.plugin());
        for (String owner : List.of(Settings.SCENARIO, c.name())) {
            for (SearchAxis a : axes.getOrDefault(owner, List.of())) {
                space = space.with(a);
            }
        }
        return space;
    }

    private Comparison.Tuning report(DataPair on, List<Tuned> tuned, TwoPhaseReport r) {
        List<Comparison.Found> found = new ArrayList<>();
        for (int i = 0; i < tuned.size(); i++) {
            Tuned t = tuned.get(i);
            TwoPhaseReport.Line l = r == null ? null : r.lines().get(i);
            found.add(new Comparison.Found(
                    t.learner(),
                    t.selected().isPresent() ? t.setting() : Map.of(),
                    t.trials().size(),
                    t.failed(),
                    t.selected().isPresent()
                            ? config.selection()
                                    .mean(t.trials()
                                            .get(t.selected().getAsInt())
                                            .scores())
                            : null,
                    t.seconds(),
                    t.sensitivity(),
                    l == null || l.twoPhase() == null ? null : l.twoPhase().selection(),
                    l == null || l.conventional() == null
                            ? null
                            : l.conventional().selection(),
                    l == null || Double.isNaN(l.overestimation()) ? null : l.overestimation()));
        }
        return new Comparison.Tuning(
                on.name(),
                on.train().size(),
                config.trials(),
                config.seeds(),
                config.method().name(),
                config.selection().name(),
                found,
                r == null || Double.isNaN(r.kendallTau()) ? null : r.kendallTau());
    }
}
