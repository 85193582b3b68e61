package dev.holdfast.evaluate.calibration;

/** Scores that the true probabilities minimise in expectation: calibration and sharpness together. Pure functions. */
public final class ProperScores {
    private ProperScores() {}

    /** Mean over rows of the squared distance between the probabilities and the class, summed over columns. */
    public static double brier(LabelledProbabilities x) {
        double sum = 0;
        for (int i = 0; i < x.size(); i++) {
            for (int c = 0; c < x.classes(); c++) {
                double d = x.p(i, c) - (x.label(i) == c ? 1 : 0);
                sum += d * d;
            }
        }
        return sum / x.size();
    }

    /** Mean of -log p of the true class in nats; a probability of 0 counts as the smallest normal number (708 nats). */
    public static double negativeLogLikelihood(LabelledProbabilities x) {
        double sum = 0;
        for (int i = 0; i < x.size(); i++) {
            sum -= Math.log(Math.max(Double.MIN_NORMAL, x.p(i, x.label(i))));
        }
        return sum / x.size();
    }
}
