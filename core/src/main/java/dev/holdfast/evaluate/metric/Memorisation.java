package dev.holdfast.evaluate.metric;

/**
 * What a model says about training rows whose label is wrong: whether it has learnt the wrong label by heart, or sees
 * through it. Shares of the mislabelled rows; NaN if there are none.
 *
 * @param mislabelled rows whose given label is not the true one
 * @param memorised share that is predicted as given, wrongly
 * @param corrected share that is predicted as true
 */
public record Memorisation(int mislabelled, double memorised, double corrected) {
    /** From predicted, given and true class ids of the same rows. */
    public static Memorisation of(int[] predicted, long[] given, long[] truth) {
        if (predicted.length != given.length || predicted.length != truth.length) {
            throw new IllegalArgumentException("There are " + predicted.length + " predictions, " + given.length
                    + " given and " + truth.length + " true classes; expected as many of each.");
        }
        int wrong = 0;
        int memorised = 0;
        int corrected = 0;
        for (int i = 0; i < predicted.length; i++) {
            if (given[i] != truth[i]) {
                wrong++;
                memorised += predicted[i] == given[i] ? 1 : 0;
                corrected += predicted[i] == truth[i] ? 1 : 0;
            }
        }
        return new Memorisation(wrong, (double) memorised / wrong, (double) corrected / wrong);
    }
}
