package dev.holdfast.evaluate.calibration;

import java.util.function.ToDoubleFunction;

/** The one set of measures of calibration, lower is better; 15 bins unless said. */
public enum CalibrationMetric {
    ECE(
            "ECE_ew",
            Family.TOP,
            "gap of confidence and accuracy, bins of equal width",
            x -> TopLabelErrors.equalWidth(x, 15, 1)),
    ECE_R2("ECE_r2", Family.TOP, "the same, root of mean squares", x -> TopLabelErrors.equalWidth(x, 15, 2)),
    ECE_EM("ECE_em", Family.TOP, "the same, bins of equal mass", x -> TopLabelErrors.equalMass(x, 15)),
    ACE("ACE", Family.TOP, "plain mean of the gaps of bins of equal width", x -> TopLabelErrors.averageOverBins(x, 15)),
    D_ECE("dECE", Family.TOP, "bins of equal mass, the share of chance taken off", x -> TopLabelErrors.debiased(x, 15)),
    ECE_SWEEP("ECE_s_r1", Family.TOP, "bins of equal mass, as many as stay monotone", x -> TopLabelErrors.sweep(x, 1)),
    ECE_SWEEP_R2("ECE_s_r2", Family.TOP, "the same, root of mean squares", x -> TopLabelErrors.sweep(x, 2)),
    KS("KSerror", Family.TOP, "largest gap of cumulated confidence and hits", TopLabelErrors::kolmogorovSmirnov),
    MMCE("MMCE", Family.TOP, "kernel over pairs of confidences", TopLabelErrors::mmce),
    KDE_ECE("KDE_ECE", Family.TOP, "densities instead of bins", TopLabelErrors::kernelDensity),
    CWECE("CWECE_a", Family.CLASS, "ECE of each class, averaged", x -> ClasswiseErrors.average(x, 15)),
    CWECE_SUM("CWECE_s", Family.CLASS, "ECE of each class, 14 bins, summed", x -> ClasswiseErrors.sum(x, 14)),
    CWECE_R2("CWECE_r2", Family.CLASS, "the same, root of mean squares", x -> ClasswiseErrors.rootMeanSquare(x, 15)),
    T_CWECE("tCWECE", Family.CLASS, "probabilities above 1/C only", x -> ClasswiseErrors.thresholded(x, 15)),
    T_CWECE_K("tCWECE_k", Family.CLASS, "the same over k-means bins", x -> ClasswiseErrors.thresholdedClusters(x, 15)),
    SKCE("SKCE", Family.CANONICAL, "kernel over pairs of rows, unbiased", CanonicalErrors::squaredKernel),
    DKDE_CE(
            "DKDE_CE",
            Family.CANONICAL,
            "Dirichlet kernel over pairs of rows",
            x -> CanonicalErrors.dirichletKernel(x, 1)),
    BRIER("brier", Family.PROPER, "squared distance of probabilities and class", ProperScores::brier),
    NLL("NLL", Family.PROPER, "-log probability of the class, in nats", ProperScores::negativeLogLikelihood);

    /** What a measure looks at. */
    public enum Family {
        /** The top probability. */
        TOP,
        /** The probability of each class. */
        CLASS,
        /** The vector of probabilities. */
        CANONICAL,
        /** Calibration and sharpness together. */
        PROPER
    }

    private final String label;
    private final Family family;
    private final String summary;
    private final ToDoubleFunction<LabelledProbabilities> measure;

    CalibrationMetric(String label, Family family, String summary, ToDoubleFunction<LabelledProbabilities> measure) {
        this.label = label;
        this.family = family;
        this.summary = summary;
        this.measure = measure;
    }

    /** Name in tables and papers. */
    public String label() {
        return label;
    }

    public Family family() {
        return family;
    }

    /** One line for lists. */
    public String summary() {
        return summary;
    }

    /** The measure; NaN where it is undefined for these rows. */
    public double of(LabelledProbabilities x) {
        return measure.applyAsDouble(x);
    }
}
