package dev.holdfast.diagnose.scaling;

import java.util.Arrays;

/**
 * How much a training suffers from a wrong learning rate: the mean over a grid of rates of {@code min(loss, initial loss)
 * - best loss}, in the unit of the loss. A run that diverged counts as if it had learnt nothing. Its value depends on the
 * grid, whose rates should be spaced evenly in the logarithm.
 *
 * <p>Wortsman et al.: <i>Small-scale proxies for large-scale Transformer training instabilities</i>, arXiv 2309.14322,
 * section 2.2.
 *
 * @param sensitivity >= 0; 0 = the rate does not matter, or no run learnt anything
 * @param bestLoss lowest loss of the grid, at most the initial one
 * @param bestRate the rate that gave it, the lowest of several; NaN if all runs diverged
 * @param diverged runs whose loss is not finite or not below the initial one
 * @param allDiverged true if no run learnt anything: the sensitivity of 0 then says nothing good
 */
public record LrSensitivity(double sensitivity, double bestLoss, double bestRate, int diverged, boolean allDiverged) {
    /**
     * The sensitivity of a grid, in any order.
     *
     * @param rates > 0
     * @param losses final loss of each rate; NaN or infinite = diverged
     * @param initialLoss loss before training, finite
     */
    public static LrSensitivity of(double[] rates, double[] losses, double initialLoss) {
        if (rates.length == 0 || rates.length != losses.length) {
            throw new IllegalArgumentException("There are " + rates.length + " learning rates and " + losses.length
                    + " losses; expected as many of each, at least one.");
        }
        if (!Double.isFinite(initialLoss)) {
            throw new IllegalArgumentException("The loss before training is " + initialLoss
                    + "; expected a finite number.\nMaybe it was measured after a step.");
        }
        double best = initialLoss;
        double bestRate = Double.NaN;
        int diverged = 0;
        double[] cut = new double[losses.length];
        for (int i = 0; i < cut.length; i++) {
            if (!(rates[i] > 0) || Double.isInfinite(rates[i])) {
                throw new IllegalArgumentException(
                        "Learning rates must be finite and > 0 but are " + Arrays.toString(rates) + ".");
            }
            boolean learnt = Double.isFinite(losses[i]) && losses[i] < initialLoss;
            diverged += learnt ? 0 : 1;
            cut[i] = learnt ? losses[i] : initialLoss;
            if (cut[i] < best || cut[i] == best && learnt && rates[i] < bestRate) {
                best = cut[i];
                bestRate = rates[i];
            }
        }
        double sum = 0;
        // ascending, so that the order of the grid does not change the last bit
        Arrays.sort(cut);
        for (double loss : cut) {
            sum += loss - best;
        }
        return new LrSensitivity(sum / cut.length, best, bestRate, diverged, diverged == cut.length);
    }
}
