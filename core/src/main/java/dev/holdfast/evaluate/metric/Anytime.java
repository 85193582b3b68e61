package dev.holdfast.evaluate.metric;

import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * What a learner is worth at any time of a stream, not only at its ends: accuracies on the test rows of all classes seen
 * so far. Pure functions of the numbers given; shares in [0, 1].
 *
 * <p>Koh et al., <i>Online Continual Learning on Class Incremental Blurry Task Configuration with Anytime Inference</i>,
 * arXiv 2110.10031, section 3.
 *
 * @param areaUnderCurve A_AUC = mean over evaluations that are a fixed number of updates (or rows) apart
 * @param average A_avg = mean over the ends of tasks
 * @param last A_last = at the end of the last task
 * @param forgetting F_last = mean, over classes that ever had a positive accuracy at the end of a task before the last, of
 *     their highest such accuracy less that at the end; NaN without such classes or without accuracies of classes
 */
public record Anytime(double areaUnderCurve, double average, double last, double forgetting) {
    /**
     * @param periodic accuracy at evaluations a fixed number of rows apart, at least one
     * @param atTaskEnds accuracy at the end of each task, at least one
     * @param classes accuracy of each class at the end of each task [task][class], 0 before it was seen; or null
     */
    public static Anytime of(double[] periodic, double[] atTaskEnds, double[][] classes) {
        requireShares("the curve", periodic);
        requireShares("the ends of tasks", atTaskEnds);
        if (classes != null) {
            if (classes.length != atTaskEnds.length) {
                throw new IllegalArgumentException("There are accuracies of classes for " + classes.length
                        + " ends of tasks but " + atTaskEnds.length + " ends.");
            }
            for (double[] row : classes) {
                requireShares("classes", row);
                if (row.length != classes[0].length) {
                    throw new IllegalArgumentException("Accuracies of " + row.length + " and of " + classes[0].length
                            + " classes were given; expected one for each class at every end.");
                }
            }
        }
        return new Anytime(
                Arrays.stream(periodic).average().orElseThrow(),
                Arrays.stream(atTaskEnds).average().orElseThrow(),
                atTaskEnds[atTaskEnds.length - 1],
                classes == null ? Double.NaN : forgetting(classes));
    }

    /**
     * Of curves whose evaluations are regular, as an {@code UpdateEvaluator} draws them: those at
     * multiples of the spacing make the area; those at the ends of tasks alone do not.
     *
     * @param testRows rows in the test set of each task, so that every row counts the same
     */
    public static Anytime of(AccuracyCurves curves, long... testRows) {
        if (testRows.length < curves.tasks() || Arrays.stream(testRows).anyMatch(n -> n < 1)) {
            throw new IllegalArgumentException("Every one of " + curves.tasks()
                    + " tasks needs a test set of >= 1 row but" + " they have " + Arrays.toString(testRows) + ".");
        }
        double[] seen = new double[curves.size()];
        for (int n = 0; n < seen.length; n++) {
            double right = 0;
            long rows = 0;
            for (int i = 0; i <= curves.task()[n]; i++) {
                right += curves.accuracy()[n][i] * testRows[i];
                rows += testRows[i];
            }
            seen[n] = right / rows;
        }
        double[] regular = IntStream.range(0, seen.length)
                .filter(n -> curves.step()[n] % curves.spacing() == 0)
                .mapToDouble(n -> seen[n])
                .toArray();
        if (regular.length == 0) {
            throw new IllegalArgumentException("None of " + seen.length + " evaluations is at a multiple of "
                    + curves.spacing() + " updates.\nMaybe evaluate more often.");
        }
        double[] ends = new double[curves.tasks()];
        Arrays.setAll(ends, i -> seen[curves.last(i)]);
        return of(regular, ends, null);
    }

    private static double forgetting(double[][] classes) {
        int last = classes.length - 1;
        double sum = 0;
        int counted = 0;
        for (int c = 0; c < classes[0].length; c++) {
            double most = 0;
            for (int t = 0; t < last; t++) {
                most = Math.max(most, classes[t][c]);
            }
            if (most > 0) {
                sum += most - classes[last][c];
                counted++;
            }
        }
        return counted == 0 ? Double.NaN : sum / counted;
    }

    private static void requireShares(String what, double[] values) {
        if (values.length == 0) {
            throw new IllegalArgumentException("There is no accuracy for " + what + "; at least one is needed.");
        }
        for (double v : values) {
            if (!(v >= 0 && v <= 1)) {
                throw new IllegalArgumentException("An accuracy for " + what + " is " + v
                        + "; expected a share in [0, 1].\nMaybe these are percent.");
            }
        }
    }
}
