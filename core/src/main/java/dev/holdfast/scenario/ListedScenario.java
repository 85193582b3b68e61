package dev.holdfast.scenario;

import dev.holdfast.data.Schema;
import java.util.List;

/** A scenario whose parts are laid out in advance. */
public record ListedScenario(
        String name, Schema schema, List<Experience> experiences, List<TestSet> tests, boolean taskIdAtTest)
        implements Scenario {
    public ListedScenario {
        experiences = List.copyOf(experiences);
        tests = List.copyOf(tests);
        if (experiences.isEmpty()) {
            throw new IllegalArgumentException("Scenario '" + name + "' has no experience; it needs at least one.");
        }
        if (tests.isEmpty() && experiences.stream().noneMatch(e -> e.protocol().scored())) {
            throw new IllegalArgumentException("Scenario '" + name + "' scores nothing: it has no test set, and none of"
                    + " its " + experiences.size() + " experiences is tested before it is learnt.");
        }
    }
}
