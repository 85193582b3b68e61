package dev.holdfast.scenario;

import dev.holdfast.data.Dataset;
import java.util.List;

/** Everything at once: the yardstick that knows no forgetting. */
public final class Joint {
    private Joint() {}

    /** All rows in one experience, one test set. */
    public static Scenario of(Dealing dealing, Dataset train, Dataset test) {
        return new ListedScenario(
                "joint" + dealing.suffix(),
                train.schema(),
                List.of(new Experience(
                        0, 0, dealing.source(train), train.schema().classes(), dealing.boundaries(), dealing.pace())),
                List.of(new TestSet(0, "all", test, train.schema().classes())),
                false);
    }

    /**
     * The rows of all experiences of {@code s} in one, scored on all its tests. The pass count is that of the first
     * experience, so joint training sees every row as often as a learner of {@code s} does.
     */
    public static Scenario of(Scenario s) {
        List<Experience> parts = s.experiences();
        if (parts.stream().anyMatch(e -> e.protocol().scored())) {
            throw new IllegalArgumentException("The rows of '" + s.name()
                    + "' are tested in their order, each before it is learnt, so they cannot be learnt at once.");
        }
        Experience first = parts.get(0);
        return new ListedScenario(
                "joint of " + s.name(),
                s.schema(),
                List.of(new Experience(
                        0,
                        first.task(),
                        new ConcatSource(parts.stream().map(Experience::train).toList()),
                        s.schema().classes(),
                        first.boundaryKnown(),
                        first.pace())),
                s.tests(),
                s.taskIdAtTest());
    }
}
