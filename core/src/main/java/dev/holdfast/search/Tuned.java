package dev.holdfast.search;

import dev.holdfast.evaluate.metric.SessionScores;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Set;

/**
 * What the search of one learner found.
 *
 * @param trials every setting that was drawn, in order
 * @param selection by what the best was chosen
 * @param selected position of the best among those tried on the largest share of rows; empty if none is valid
 */
public record Tuned(String learner, List<Tried> trials, Selection selection, OptionalInt selected) {
    /**
     * One setting.
     *
     * @param share the largest share of the training rows that it was tried on
     * @param outcomes one a seed, on that share
     */
    public record Tried(Map<String, String> setting, double share, List<Outcome> outcomes) {
        public Tried {
            outcomes = List.copyOf(outcomes);
        }

        /** Scores, one a seed; null where the run failed. */
        public List<SessionScores> scores() {
            return outcomes.stream().map(Outcome::scores).toList();
        }
    }

    public Tuned {
        trials = List.copyOf(trials);
    }

    /** Chooses among what was tried. */
    public static Tuned of(String learner, List<Tried> trials, Selection selection) {
        double largest = trials.stream().mapToDouble(Tried::share).max().orElse(1);
        return new Tuned(
                learner,
                trials,
                selection,
                selection.best(trials.stream()
                        .map(t -> t.share() == largest ? t.scores() : List.<SessionScores>of())
                        .toList()));
    }

    /** The chosen setting; an error that says why if there is none. */
    public Map<String, String> setting() {
        if (selected.isEmpty()) {
            throw new IllegalStateException("No setting of '" + learner + "' went through: "
                    + trials.stream()
                            .flatMap(t -> t.outcomes.stream())
                            .map(Outcome::message)
                            .filter(m -> !m.isEmpty())
                            .findFirst()
                            .orElse("none was tried")
                    + ".");
        }
        return trials.get(selected.getAsInt()).setting();
    }

    /** Settings of which a seed failed or diverged. */
    public long failed() {
        return trials.stream()
                .filter(t -> t.scores().stream().anyMatch(Objects::isNull))
                .count();
    }

    /** Wall seconds of all runs. */
    public double seconds() {
        return trials.stream()
                .flatMap(t -> t.outcomes.stream())
                .mapToDouble(o -> o.learnSeconds() + o.evaluateSeconds())
                .sum();
    }

    /**
     * How much each option matters: the spread (largest minus smallest) of the mean score over its values, other options
     * as they were drawn. Options of which fewer than two values were tried are left out.
     */
    public Map<String, Double> sensitivity() {
        Map<String, Double> spread = new LinkedHashMap<>();
        Set<String> options = new LinkedHashSet<>();
        trials.forEach(t -> options.addAll(t.setting.keySet()));
        for (String option : options) {
            Map<String, List<Double>> byValue = new LinkedHashMap<>();
            for (Tried t : trials) {
                if (Selection.valid(t.scores())) {
                    byValue.computeIfAbsent(t.setting.get(option), v -> new ArrayList<>())
                            .add(selection.mean(t.scores()));
                }
            }
            if (byValue.size() > 1) {
                double[] means = byValue.values().stream()
                        .mapToDouble(v -> v.stream()
                                .mapToDouble(Double::doubleValue)
                                .average()
                                .orElseThrow())
                        .sorted()
                        .toArray();
                spread.put(option, means[means.length - 1] - means[0]);
            }
        }
        return spread;
    }
}
