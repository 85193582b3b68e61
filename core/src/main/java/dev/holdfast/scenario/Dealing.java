package dev.holdfast.scenario;

import dev.holdfast.data.DataSource;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Pace;

/**
 * How the rows of every experience are dealt, whatever the scenario.
 *
 * @param epochs passes over each part; 1 when online
 * @param batchSize rows a batch
 * @param online one pass, and nobody may read the part again
 * @param boundaries whether learners are told when a part begins and ends, and its task
 */
public record Dealing(int epochs, int batchSize, boolean online, boolean boundaries) {
    public Dealing {
        if (epochs < 1 || batchSize < 1) {
            throw new IllegalArgumentException(
                    "Dealing needs epochs >= 1 and batchSize >= 1 but has " + epochs + " and " + batchSize + ".");
        }
        if (online && epochs != 1) {
            throw new IllegalArgumentException("An online scenario is one pass but epochs is " + epochs
                    + ".\nMaybe set epochs=1, or online=false.");
        }
    }

    /** Announced parts, so many passes each. */
    public static Dealing offline(int epochs, int batchSize) {
        return new Dealing(epochs, batchSize, false, true);
    }

    /** How the rows of a part are dealt. */
    public Pace pace() {
        return Pace.shuffled(epochs, batchSize);
    }

    /** The rows of a part as a learner gets them: once, or as often as it asks. */
    public DataSource source(Dataset part) {
        return online ? new OnePass(part) : part;
    }

    /** What is said of it in the name of a scenario. */
    public String suffix() {
        return (online ? ", online" : "") + (boundaries ? "" : ", hidden boundaries");
    }
}
