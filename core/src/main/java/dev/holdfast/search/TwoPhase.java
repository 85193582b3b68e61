package dev.holdfast.search;

import dev.holdfast.config.Doc;
import dev.holdfast.config.Records;
import dev.holdfast.evaluate.Trial;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * Tunes learners on one data set and scores them, settings frozen, on another: the ranking that somebody gets who cannot
 * see the tasks to come. Usually learners are tuned and scored on the same stream, which flatters those with many knobs;
 * how much is measured by scoring all settings on the second data set, too.
 *
 * <p>Phase 1 draws R settings of every learner and runs each with S seeds over the stream of the tuning data; the best mean
 * wins. Phase 2 runs the winner with S' seeds over a stream of the same configuration from the other data. What a run
 * gives is a function of (learner, setting, scenario, rows, seed) alone, so a part of a protocol, repeated, gives the same
 * numbers. A seed fixes the order of classes, the order of rows and the start of the network.
 *
 * <p>Phase 1 never touches the second data set: it is asked for afterwards.
 *
 * <p>Cha, Cho, <i>Hyperparameters in Continual Learning: A Reality Check</i>, arXiv 2403.09066; successive halving:
 * Jamieson, Talwalkar, arXiv 1502.07943.
 */
public final class TwoPhase {
    /** Which settings get how many rows. */
    public enum Method {
        /** Every setting runs over all rows. */
        RANDOM,
        /** All settings run over few rows, the best 1 of eta over eta times as many, and so on up to all rows. */
        HALVING
    }

    /**
     * How to search.
     *
     * @param trials settings R of every learner; a learner without a search space has one
     * @param seeds seeds S of every setting
     * @param evaluationSeeds seeds S' of the winner
     * @param root where draws of settings come from
     */
    public record Config(
            @Doc("settings drawn of every learner") int trials,
            @Doc("seeds that every setting is run with") int seeds,
            @Doc("seeds that the winner is scored with") int evaluationSeeds,
            @Doc("what the best setting is best in") Selection selection,
            @Doc("which settings run over how many rows") Method method,
            @Doc("successive halving: one setting of so many goes on, with so many times the rows") int eta,
            @Doc("all learners draw from the same random numbers, so common leading axes get the same values")
                    boolean paired,
            @Doc("seconds after which no learner begins another setting; 0 = no limit") double maxSeconds,
            @Doc("seed of the draws of settings") long root) {
        public Config {
            if (trials < 1 || seeds < 1 || evaluationSeeds < 1) {
                throw new IllegalArgumentException("A search needs trials, seeds and evaluationSeeds >= 1 but has "
                        + trials + ", " + seeds + " and " + evaluationSeeds + ".");
            }
            if (eta < 2) {
                throw new IllegalArgumentException("eta must be >= 2 but is " + eta + ".");
            }
            if (!(maxSeconds >= 0)) {
                throw new IllegalArgumentException("maxSeconds must be >= 0 but is " + maxSeconds + ".");
            }
        }

        /** 30 settings with 5 seeds each, as in the paper. */
        public static Config defaults() {
            return new Config(30, 5, 5, Selection.AVERAGE, Method.RANDOM, 3, false, 0, 1);
        }

        /** The same search with other numbers of settings and seeds. */
        public Config withRuns(int newTrials, int newSeeds, int newEvaluationSeeds) {
            return new Config(
                    newTrials, newSeeds, newEvaluationSeeds, selection, method, eta, paired, maxSeconds, root);
        }

        public Config withMethod(Method m) {
            return Records.with(this, "method", m);
        }
    }

    /** Hears what is about to run. */
    public interface Listener {
        void run(String learner, int trial, long seed);
    }

    /** Thrown when somebody asked to stop; what is finished is on record. */
    public static final class Cancelled extends RuntimeException {
        private static final long serialVersionUID = 1;

        Cancelled() {
            super("The search was cut off; its finished runs are on record.");
        }
    }

    private final Config config;
    private final List<Candidate<?>> candidates;
    private final Journal journal;
    private final BooleanSupplier cancelled;
    private final Listener listener;

    /**
     * @param candidates names distinct
     * @param journal where finished runs are found and put
     * @param cancelled asked between steps
     */
    public TwoPhase(
            Config config,
            List<Candidate<?>> candidates,
            Journal journal,
            BooleanSupplier cancelled,
            Listener listener) {
        Set<String> names = new HashSet<>();
        for (Candidate<?> c : candidates) {
            if (!names.add(c.name())) {
                throw new IllegalArgumentException(
                        "Two candidates are named '" + c.name() + "'; expected distinct names.");
            }
        }
        if (candidates.isEmpty()) {
            throw new IllegalArgumentException("There is nobody to tune; expected at least one candidate.");
        }
        this.config = config;
        this.candidates = List.copyOf(candidates);
        this.journal = journal;
        this.cancelled = cancelled;
        this.listener = listener;
    }

    /**
     * Both phases, and for contrast the conventional protocol: every setting scored on the second data set.
     *
     * @param evaluation the second data set; asked for when phase 1 is over
     * @param overlap whether both data sets may share classes or rows; then the report is a conventional one
     * @param conventional whether to run every setting there, which costs R times phase 2
     */
    public TwoPhaseReport run(
            Bed<?> tuning, Supplier<? extends Bed<?>> evaluation, boolean overlap, boolean conventional) {
        List<Tuned> tuned = tune(tuning);
        Bed<?> second = evaluation.get();
        requireApart(tuning, second, overlap);
        return evaluate(tuned, second, conventional);
    }

    /**
     * Phase 2: what the chosen settings reach on the second data set.
     *
     * @param tuned what {@link #tune} gave
     * @param conventional whether to run all other settings, too
     */
    public TwoPhaseReport evaluate(List<Tuned> tuned, Bed<?> second, boolean conventional) {
        List<List<List<Outcome>>> scored = new ArrayList<>();
        for (int a = 0; a < candidates.size(); a++) {
            scored.add(score(candidates.get(a), tuned.get(a), second, conventional));
        }
        return TwoPhaseReport.of(config.selection, tuned, scored);
    }

    /** Refuses two data sets that share classes or rows (unless they may), or whose streams differ in their parts. */
    public static void requireApart(Bed<?> tuning, Bed<?> evaluation, boolean overlap) {
        if (!overlap) {
            Overlap.refuse(tuning, evaluation);
        }
        int first = tuning.lay(Map.of(), 1, 1).experiences().size();
        int second = evaluation.lay(Map.of(), 1, 1).experiences().size();
        if (first != second) {
            throw new IllegalArgumentException("With this scenario the "
                    + tuning.train().schema().classes().size() + " classes to tune on arrive in " + first
                    + " parts but the " + evaluation.train().schema().classes().size() + " to score on in " + second
                    + "; expected equally many.\nMaybe set first and increment of the scenario.");
        }
    }

    /** Phase 1: the best setting of every learner on these data, in the order of the candidates. */
    public List<Tuned> tune(Bed<?> data) {
        for (Candidate<?> c : candidates) {
            c.space().requireFits(c.name(), c.base(), data.config());
        }
        return config.method == Method.RANDOM ? random(data) : halving(data);
    }

    /** Setting by setting, all learners in turn, so that all have tried equally many whenever time is up. */
    private List<Tuned> random(Bed<?> data) {
        List<List<Tuned.Tried>> tried = empty();
        double seconds = 0;
        for (int r = 0; r < config.trials && !timeIsUp(r, seconds); r++) {
            for (int a = 0; a < candidates.size(); a++) {
                Candidate<?> c = candidates.get(a);
                if (r < settings(c)) {
                    Tuned.Tried t = tried(c, r, data, 1);
                    tried.get(a).add(t);
                    seconds += seconds(t);
                }
            }
        }
        return finished(tried);
    }

    /** Rung by rung: share eta^-k of the rows for R / eta^(K-k) settings, the last rung over all rows. */
    private List<Tuned> halving(Bed<?> data) {
        int rungs = (int) Math.floor(Math.log(config.trials) / Math.log(config.eta) + 1e-9) + 1;
        List<List<Tuned.Tried>> tried = empty();
        double seconds = 0;
        for (int k = 0; k < rungs && !timeIsUp(k, seconds); k++) {
            double share = Math.pow(config.eta, k - rungs + 1);
            for (int a = 0; a < candidates.size(); a++) {
                for (int r : climbing(tried.get(a), settings(candidates.get(a)), k)) {
                    Tuned.Tried t = tried(candidates.get(a), r, data, share);
                    if (k == 0) {
                        tried.get(a).add(t);
                    } else {
                        tried.get(a).set(r, t);
                    }
                    seconds += seconds(t);
                }
            }
        }
        return finished(tried);
    }

    /** Positions of the settings that run on rung k: the best of the rung below. */
    private List<Integer> climbing(List<Tuned.Tried> tried, int settings, int k) {
        if (k == 0) {
            return IntStream.range(0, settings).boxed().toList();
        }
        double below = tried.stream().mapToDouble(Tuned.Tried::share).max().orElse(1);
        int keep = Math.max(1, (int) Math.floor(settings / Math.pow(config.eta, k)));
        return IntStream.range(0, tried.size())
                .filter(r -> tried.get(r).share() == below
                        && Selection.valid(tried.get(r).scores()))
                .boxed()
                .sorted(Comparator.comparingDouble(
                        (Integer r) -> -config.selection.mean(tried.get(r).scores())))
                .limit(keep)
                .sorted()
                .toList();
    }

    private boolean timeIsUp(int round, double seconds) {
        return round > 0 && config.maxSeconds > 0 && seconds > config.maxSeconds;
    }

    private List<List<Tuned.Tried>> empty() {
        List<List<Tuned.Tried>> all = new ArrayList<>();
        candidates.forEach(c -> all.add(new ArrayList<>()));
        return all;
    }

    private List<Tuned> finished(List<List<Tuned.Tried>> tried) {
        return IntStream.range(0, candidates.size())
                .mapToObj(a -> Tuned.of(candidates.get(a).name(), tried.get(a), config.selection))
                .toList();
    }

    /** Nothing to vary: one setting tells all. */
    private int settings(Candidate<?> c) {
        return c.space().axes().isEmpty() ? 1 : config.trials;
    }

    /** Setting r of a learner: the same in every run of the protocol, whoever else takes part. */
    private Map<String, String> setting(Candidate<?> c, int r) {
        Rng rng = Rng.of(config.root).child("settings");
        return c.space().draw((config.paired ? rng : rng.child(c.name())).child("trial", r));
    }

    private Tuned.Tried tried(Candidate<?> c, int r, Bed<?> data, double share) {
        Map<String, String> setting = setting(c, r);
        List<Outcome> seeds = new ArrayList<>();
        for (long seed = 1; seed <= config.seeds; seed++) {
            seeds.add(outcome(c, r, setting, data, seed, share));
        }
        return new Tuned.Tried(setting, share, seeds);
    }

    /** Phase 2: one list a setting, one outcome a seed; settings that were not asked for have none. */
    private List<List<Outcome>> score(Candidate<?> c, Tuned tuned, Bed<?> data, boolean all) {
        List<List<Outcome>> scored = new ArrayList<>();
        for (int r = 0; r < tuned.trials().size(); r++) {
            List<Outcome> seeds = new ArrayList<>();
            if (all || (tuned.selected().isPresent() && tuned.selected().getAsInt() == r)) {
                for (long seed = 1; seed <= config.evaluationSeeds; seed++) {
                    seeds.add(outcome(c, r, tuned.trials().get(r).setting(), data, seed, 1));
                }
            }
            scored.add(seeds);
        }
        return scored;
    }

    private Outcome outcome(Candidate<?> c, int r, Map<String, String> setting, Bed<?> data, long seed, double share) {
        if (cancelled.getAsBoolean()) {
            throw new Cancelled();
        }
        listener.run(c.name(), r, seed);
        Map<String, String> ofScenario = SearchSpace.ofScenario(setting);
        String key;
        try {
            key = c.plugin().name() + " " + ConfigBinder.json(c.configured(setting)) + " " + data.describe(ofScenario)
                    + " seed " + seed + " share " + share;
        } catch (IllegalArgumentException refused) {
            // options that are fine one by one may not go together
            return Outcome.failed(refused.getMessage());
        }
        return journal.of(c.name(), setting, seed, key, () -> {
                    Scenario s = data.lay(ofScenario, seed, share);
                    Trial.Result result = c.run(setting, s, seed, cancelled);
                    return result.status() == Trial.Status.CANCELLED
                            ? Optional.empty()
                            : Optional.of(Outcome.of(result, s));
                })
                .orElseThrow(Cancelled::new);
    }

    private static double seconds(Tuned.Tried t) {
        return t.outcomes().stream()
                .mapToDouble(o -> o.learnSeconds() + o.evaluateSeconds())
                .sum();
    }
}
