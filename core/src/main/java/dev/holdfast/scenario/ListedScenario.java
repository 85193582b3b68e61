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
        if (experiences.isEmpty() || tests.isEmpty()) {
            throw new IllegalArgumentException("Scenario '" + name + "' has " + experiences.size() + " experiences and "
                    + tests.size() + " test sets; it needs at least one of each.");
        }
    }
}
