package dev.holdfast.search;

import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.Plugin;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * What a search may vary: independent axes, each drawn uniformly. Without an axis there is one setting, the defaults.
 * Immutable.
 *
 * @param axes in the order in which they are drawn, options distinct
 */
public record SearchSpace(List<SearchAxis> axes) {
    /** What the names of the scenario's options begin with. */
    public static final String SCENARIO = "scenario.";

    public SearchSpace {
        axes = List.copyOf(axes);
        Set<String> seen = new HashSet<>();
        for (SearchAxis a : axes) {
            if (!seen.add(a.option())) {
                throw new IllegalArgumentException("A search space has two axes for '" + a.option() + "'.");
            }
        }
    }

    /** The axes that a plugin declares. */
    public static SearchSpace of(Plugin<?> plugin) {
        return new SearchSpace(plugin.space().stream()
                .map(a -> (SearchAxis) new SearchAxis.Values(
                        a.component(), a.values().stream().map(String::valueOf).toList()))
                .toList());
    }

    /** This space with another axis, in the place of the one for the same option, else at the end. */
    public SearchSpace with(SearchAxis axis) {
        List<SearchAxis> all = new ArrayList<>(axes);
        for (int i = 0; i < all.size(); i++) {
            if (all.get(i).option().equals(axis.option())) {
                all.set(i, axis);
                return new SearchSpace(all);
            }
        }
        all.add(axis);
        return new SearchSpace(all);
    }

    /** One setting: a value for every option; the i-th number in [0, 1) is the i-th axis'. */
    public Map<String, String> draw(double... u) {
        if (u.length != axes.size()) {
            throw new IllegalArgumentException(
                    "A draw needs one number for each of " + axes.size() + " axes but has " + u.length + ".");
        }
        Map<String, String> setting = new LinkedHashMap<>();
        for (int i = 0; i < u.length; i++) {
            setting.put(axes.get(i).option(), axes.get(i).at(u[i]));
        }
        return setting;
    }

    /** One setting from a random stream, one number an axis. */
    public Map<String, String> draw(Rng rng) {
        double[] u = new double[axes.size()];
        for (int i = 0; i < u.length; i++) {
            u[i] = rng.next();
        }
        return draw(u);
    }

    /** Refuses axes whose option does not exist in the configuration or does not take their values. */
    public void requireFits(String owner, Record learner, Record scenario) {
        for (SearchAxis a : axes) {
            boolean ofScenario = a.option().startsWith(SCENARIO);
            for (String value : a.ends()) {
                try {
                    ConfigBinder.set(
                            ofScenario ? scenario : learner,
                            Map.of(ofScenario ? a.option().substring(SCENARIO.length()) : a.option(), value));
                } catch (IllegalArgumentException e) {
                    throw new IllegalArgumentException(
                            "The search space of '" + owner + "' has " + a.option() + "=" + value
                                    + ", which is refused: " + e.getMessage(),
                            e);
                }
            }
        }
    }

    /** The part of a setting that is the scenario's, without the prefix. */
    public static Map<String, String> ofScenario(Map<String, String> setting) {
        return setting.entrySet().stream()
                .filter(e -> e.getKey().startsWith(SCENARIO))
                .collect(Collectors.toMap(
                        e -> e.getKey().substring(SCENARIO.length()),
                        Map.Entry::getValue,
                        (a, b) -> b,
                        LinkedHashMap::new));
    }

    /** The part of a setting that is the learner's. */
    static Map<String, String> ofLearner(Map<String, String> setting) {
        return setting.entrySet().stream()
                .filter(e -> !e.getKey().startsWith(SCENARIO))
                .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue, (a, b) -> b, LinkedHashMap::new));
    }
}
