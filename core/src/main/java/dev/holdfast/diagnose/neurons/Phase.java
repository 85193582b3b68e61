package dev.holdfast.diagnose.neurons;

/**
 * What a network has made of training labels of which a share is wrong, from its accuracy on them and on right labels. "About"
 * is within 0.05; the boundaries are ours. Doshi et al., arXiv 2310.13061, section 3.1.
 */
public enum Phase {
    /** Fits the training labels, right and wrong, and nothing else. */
    MEMORISATION,
    /** Fits them and generalises all the same. */
    COEXISTENCE,
    /** Generalises, and contradicts some of the wrong labels. */
    PARTIAL_INVERSION,
    /** Generalises, and contradicts all of them. */
    FULL_INVERSION,
    /** Does neither. */
    FORGETTING,
    /** Something in between. */
    OTHER;

    private static final double ABOUT = 0.05;

    /**
     * @param train accuracy on the training labels as given
     * @param test accuracy on right labels of other rows
     * @param wrong share of the training labels that is wrong
     */
    public static Phase of(double train, double test, double wrong) {
        for (double share : new double[] {train, test, wrong}) {
            if (!(share >= 0 && share <= 1)) {
                throw new IllegalArgumentException("Accuracies and the share of wrong labels must be in [0, 1] but are "
                        + train + ", " + test + " and " + wrong + ".");
            }
        }
        boolean fits = train >= 1 - ABOUT;
        boolean generalises = test >= 1 - ABOUT;
        if (fits) {
            return generalises ? COEXISTENCE : MEMORISATION;
        }
        if (generalises && train >= 1 - wrong - ABOUT) {
            return train > 1 - wrong + ABOUT ? PARTIAL_INVERSION : FULL_INVERSION;
        }
        return train < 0.5 && test < 0.5 ? FORGETTING : OTHER;
    }
}
