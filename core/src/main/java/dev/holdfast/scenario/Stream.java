package dev.holdfast.scenario;

import dev.holdfast.data.DataSource;
import dev.holdfast.data.Pace;
import java.util.List;

/**
 * Rows as they come: one pass in their own order, each batch first predicted and scored, then learnt (test then train,
 * "prequential"; Gama, Sebastiao and Rodrigues, On evaluating stream learning algorithms, 2013). There is no separate
 * test set and no announced boundary.
 */
public final class Stream {
    private Stream() {}

    /** All rows in the order of {@code rows}, {@code batchSize} at a time; nobody may read them again. */
    public static Scenario of(DataSource rows, int batchSize) {
        return new ListedScenario(
                "stream of " + batchSize + (batchSize == 1 ? " row" : " rows") + " a batch",
                rows.schema(),
                List.of(new Experience(
                        0,
                        0,
                        new OnePass(rows),
                        rows.schema().classes(),
                        false,
                        Pace.inOrder(batchSize),
                        Experience.Protocol.TEST_THEN_TRAIN)),
                List.of(),
                false);
    }
}
