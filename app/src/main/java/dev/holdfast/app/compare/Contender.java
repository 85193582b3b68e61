package dev.holdfast.app.compare;

import dev.holdfast.app.report.Comparison;
import dev.holdfast.evaluate.Compatibility;
import dev.holdfast.evaluate.Run;
import dev.holdfast.evaluate.Trial;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.search.Candidate;
import dev.holdfast.search.SearchSpace;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * A learner with its configuration, ready to run.
 *
 * @param dealt options of the scenario that were tuned for this learner; empty where none were
 */
public record Contender<C extends Record>(LearnerPlugin<C> plugin, C config, Map<String, String> dealt) {
    static <C extends Record> Contender<C> of(LearnerPlugin<C> plugin, Settings settings) {
        return new Contender<>(plugin, settings.bind(plugin.name(), plugin.defaults()), Map.of());
    }

    /** Instead of names: every learner that fits. */
    private static final String ALL = "all";

    /**
     * The named learners, refused if one does not fit the stream, or without names the short list of those that fit; then
     * the baselines and bounds that fit.
     */
    static List<Contender<?>> choose(Registry registry, Settings settings, List<String> names, Scenario s) {
        Map<String, Contender<?>> all = new LinkedHashMap<>();
        registry.learners().forEach(p -> all.put(p.name(), of(p, settings)));
        Map<String, Contender<?>> chosen = new LinkedHashMap<>();
        boolean everyone = names.equals(List.of(ALL));
        for (String raw : everyone ? List.<String>of() : names) {
            String name = raw.strip();
            Contender<?> c = of(registry.learner(name), settings);
            List<String> why = c.obstacles(s);
            if (!why.isEmpty()) {
                throw Compatibility.unfit(
                        name,
                        why,
                        s,
                        all.values().stream()
                                .filter(o -> o.obstacles(s).isEmpty())
                                .map(Contender::name)
                                .toList());
            }
            chosen.put(name, c);
        }
        all.forEach((name, c) -> {
            boolean wanted = everyone
                    || (names.isEmpty()
                            ? c.plugin.madeFor(s) && c.plugin.shortlisted()
                            : c.plugin.role() != LearnerPlugin.Role.LEARNER);
            if (wanted && c.obstacles(s).isEmpty()) {
                chosen.putIfAbsent(name, c);
            }
        });
        return new ArrayList<>(chosen.values());
    }

    /** Learners and losses for rows with wrong labels, or with hidden ones, among those that fit. */
    static List<String> cures(Registry registry, Settings settings, Scenario s, boolean hidden) {
        List<String> names = new ArrayList<>();
        LossConfig.all().forEach((kind, loss) -> {
            if (hidden ? loss.forMissingLabels() : loss.forWrongLabels()) {
                names.add("finetune:" + kind);
            }
        });
        registry.learners().stream()
                .filter(p -> hidden ? p.forMissingLabels() : p.forWrongLabels())
                .forEach(p -> names.add(p.name()));
        return names.stream()
                .filter(n -> of(registry.learner(n), settings).obstacles(s).isEmpty())
                .toList();
    }

    /** A line about the learners that are left out for the same reasons. */
    static List<String> unfit(Registry registry, Settings settings, Scenario s) {
        Map<String, List<String>> byReason = new LinkedHashMap<>();
        for (LearnerPlugin<?> p : registry.learners()) {
            List<String> why = of(p, settings).obstacles(s);
            if (!why.isEmpty()) {
                byReason.computeIfAbsent(String.join("; ", why), k -> new ArrayList<>())
                        .add(p.name());
            }
        }
        registry.learners().stream()
                .filter(p -> !(p.madeFor(s) && p.shortlisted())
                        && of(p, settings).obstacles(s).isEmpty())
                .forEach(p -> byReason.computeIfAbsent(
                                p.madeFor(s)
                                        ? "not on the short list (--learners all runs everyone)"
                                        : "made for other data (--learners names them all the same)",
                                k -> new ArrayList<>())
                        .add(p.name()));
        return byReason.entrySet().stream()
                .map(e -> "Left out: " + String.join(", ", e.getValue()) + ": " + e.getKey() + ".")
                .toList();
    }

    String name() {
        return plugin.name();
    }

    Comparison.Configured configured() {
        return new Comparison.Configured(name(), ConfigBinder.json(config));
    }

    /** This learner as a candidate of a search. */
    Candidate<C> candidate(SearchSpace space) {
        return new Candidate<>(name(), plugin, config, space);
    }

    /** This learner with what a search chose. */
    Contender<C> tuned(Map<String, String> setting) {
        return new Contender<>(
                plugin, candidate(new SearchSpace(List.of())).configured(setting), SearchSpace.ofScenario(setting));
    }

    /** Why the learner cannot serve the scenario; empty if it can. */
    List<String> obstacles(Scenario s) {
        return Compatibility.obstacles(plugin, config, s);
    }

    /** Updates that a trial takes. */
    long plannedSteps(Scenario s) {
        return Run.plannedSteps(plugin.arrange(s));
    }

    Trial.Result run(Scenario s, long seed, Trial.Options options, BooleanSupplier cancelled, Trial.Listener listener) {
        return Trial.run(plugin, config, s, seed, options, cancelled, listener);
    }
}
