package dev.holdfast.tck;

import dev.holdfast.data.Dataset;
import dev.holdfast.registry.LearnerPlugin;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;

/**
 * The promises of a learner as tests. Runs the learner over small vectors, small images and small vectors with label sets,
 * as far as it admits them, or over rows of your own.
 *
 * <pre>{@code
 * @TestFactory
 * Stream<DynamicTest> keepsTheContract() {
 *     return LearnerContract.of(new MyLearner.Plugin()).tests();
 * }
 * }</pre>
 *
 * <p>Every check makes learners of its own, so checks may run alone and in any order. Immutable.
 */
public final class LearnerContract<C extends Record> {
    private final LearnerPlugin<C> plugin;
    private final C config;
    private final List<SmallData> data;
    private final boolean chosen;

    private LearnerContract(LearnerPlugin<C> plugin, C config, List<SmallData> data, boolean chosen) {
        this.plugin = plugin;
        this.config = config;
        this.data = List.copyOf(data);
        this.chosen = chosen;
    }

    /** With its default configuration. */
    public static <C extends Record> LearnerContract<C> of(LearnerPlugin<C> plugin) {
        return of(plugin, plugin.defaults());
    }

    /** With a configuration. */
    public static <C extends Record> LearnerContract<C> of(LearnerPlugin<C> plugin, C config) {
        return new LearnerContract<>(
                plugin, config, List.of(SmallData.vectors(), SmallData.images(), SmallData.labelSets()), false);
    }

    /**
     * The same over rows of your own: at least 4 declared classes that follow each other in turn (0, 1, 2, ..., 0, 1, 2,
     * ...), at least 8 rows of each for training and one for testing. Of label sets, as many different ones as there are
     * labels follow each other so.
     *
     * @param name what the rows are, for the names of the tests
     */
    public LearnerContract<C> over(String name, Dataset train, Dataset test) {
        int classes = train.schema().classes().size();
        if (classes < 4 || train.size() < 8L * classes || test.size() < classes) {
            throw new IllegalArgumentException("The contract needs at least 4 classes with 8 training rows and one test"
                    + " row each, but there are " + classes + " classes, " + train.size() + " and " + test.size()
                    + " rows.");
        }
        return new LearnerContract<>(plugin, config, List.of(new SmallData(name, train, test)), true);
    }

    /** Every promise on every kind of rows that the learner admits. */
    public List<Check> checks() {
        List<Check> checks = new ArrayList<>();
        List<String> refusals = new ArrayList<>();
        for (SmallData d : data) {
            Subject<C> s;
            try {
                s = new Subject<>(plugin, config, d);
            } catch (IllegalArgumentException e) {
                refusals.add(d + ": " + e.getMessage());
                continue;
            }
            StateChecks.add(s, checks);
            PoisonChecks.add(s, checks);
            PredictChecks.add(s, checks);
            CostChecks.add(s, checks);
            CapabilityChecks.add(s, checks);
            ExactChecks.add(s, checks);
            UnlabelledChecks.add(s, checks);
        }
        if (checks.isEmpty()) {
            checks.add(new Check("admits the rows it is tested on", () -> {
                throw new AssertionError("The learner admits none of " + data + ": " + refusals
                        + (chosen ? "" : "\nMaybe give it rows of its own kind: LearnerContract.of(...).over(...)."));
            }));
        }
        return checks;
    }

    /** The checks as tests of JUnit, named {@code learner: promise}. */
    public Stream<DynamicTest> tests() {
        return checks().stream().map(c -> {
            String name = plugin.name() + ": " + c.name();
            return DynamicTest.dynamicTest(name, () -> {
                try {
                    c.run();
                } catch (AssertionError e) {
                    // reports that number their tests still say whose promise it was
                    throw new AssertionError(name + "\n" + e.getMessage(), e);
                }
            });
        });
    }
}
