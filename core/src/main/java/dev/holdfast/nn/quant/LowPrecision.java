package dev.holdfast.nn.quant;

import dev.holdfast.config.Records;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Part;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.WeightSource;
import dev.holdfast.nn.weight.Ledger;
import dev.holdfast.nn.weight.Surgery;
import dev.holdfast.tensor.ParamMeta.Role;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * Simulated training in few bits: linear maps compute with rounded weights and rounded inputs, and everything else (the master
 * weights that are trained and saved, gradients, the optimizer, embeddings, norms, the head) stays in full precision. It shows what
 * such a training would come to; it is no faster.
 *
 * <pre>{@code
 * LowPrecision.of(Grid.INT4).withGroups(32, 32).apply(decoder);
 * }</pre>
 *
 * <p>Huang et al.: <i>Stable-SPAM: How to Train in 4-Bit More Stably than 16-Bit Adam</i>, arXiv 2502.17055, section 5.
 *
 * @param weights integers: by {@link AffineQuantiser}; FP4: by {@link AbsmaxQuantiser}; FULL: not rounded
 * @param activations by {@link AbsmaxQuantiser}; FULL: not rounded
 * @param weightGroup entries of a weight that share a scale, >= 1
 * @param activationGroup entries of an input row that share a scale, >= 1
 * @param weightOutliers largest entries of every group of weights that stay as they are, on FP4 grids; 0 with integers
 * @param outliers largest entries of every group of inputs that stay as they are
 * @param includeZero of integer weights, see {@link AffineQuantiser}
 * @param stochastic round inputs up or down at random while training
 */
public record LowPrecision(
        Grid weights,
        Grid activations,
        int weightGroup,
        int activationGroup,
        int weightOutliers,
        int outliers,
        boolean includeZero,
        boolean stochastic) {
    public LowPrecision {
        if (weights.integer() || weights == Grid.FULL) {
            AbsmaxQuantiser.requireGroup(weightGroup);
            if (weightOutliers != 0) {
                throw new IllegalArgumentException("Outliers of weights are kept on FP4 grids only, but "
                        + weightOutliers + " are to be kept with weights in " + weights + ".");
            }
        } else {
            new AbsmaxQuantiser(weights, weightGroup, weightOutliers);
        }
        if (activations == Grid.FULL) {
            AbsmaxQuantiser.requireGroup(activationGroup);
        } else {
            new AbsmaxQuantiser(activations, activationGroup, outliers);
        }
    }

    /** Weights and inputs on one grid with the published settings: groups of 256, the two largest inputs of each kept. */
    public static LowPrecision of(Grid grid) {
        return new LowPrecision(grid, grid, 256, 256, grid == Grid.FP4_AUTHORS ? 2 : 0, 2, true, false);
    }

    /** The same with inputs on another grid. */
    public LowPrecision withActivations(Grid grid) {
        return Records.with(this, "activations", grid);
    }

    /** The same with other numbers of entries that share a scale. */
    public LowPrecision withGroups(int ofWeights, int ofActivations) {
        return new LowPrecision(
                weights, activations, ofWeights, ofActivations, weightOutliers, outliers, includeZero, stochastic);
    }

    /** The same with other numbers of inputs kept. */
    public LowPrecision withOutliers(int kept) {
        return Records.with(this, "outliers", kept);
    }

    /** The same with inputs that are rounded up or down at random while training. */
    public LowPrecision withStochasticRounding() {
        return Records.with(this, "stochastic", true);
    }

    /** Linear maps between hidden layers: all of a decoder's blocks, all of a multilayer perceptron but its head. */
    public static Predicate<Site> hiddenMaps() {
        return Surgery.kind(Geometry.Kind.LINEAR).and(s -> s.meta().role() == Role.HIDDEN);
    }

    /** Rounds the {@link #hiddenMaps} of a network. */
    public Ledger apply(Part net) {
        return apply(net, hiddenMaps());
    }

    /**
     * Rounds the linear maps that {@code where} picks; optimizers go on with the same leaves.
     *
     * @throws IllegalArgumentException if it picks no site, one that is no linear map, or one that is rounded or has its input
     *     changed already; the network is unchanged
     */
    public Ledger apply(Part net, Predicate<Site> where) {
        List<Site> sites = Inventory.of(net).sites();
        List<Site> picked = sites.stream().filter(where).toList();
        if (picked.isEmpty()) {
            throw new IllegalArgumentException("There is no linear map that could compute in few bits; there are "
                    + sites.stream()
                            .map(s -> s.name() + " (" + s.geometry().kind() + ", "
                                    + s.meta().role() + ")")
                            .collect(Collectors.joining(", "))
                    + ".\nMaybe a network of fully connected layers is meant.");
        }
        picked.forEach(LowPrecision::requireFree);
        if (weights != Grid.FULL) {
            Surgery.start().rule(where, this::rounded).apply(net);
        }
        if (activations != Grid.FULL) {
            AbsmaxQuantiser q = new AbsmaxQuantiser(activations, activationGroup, outliers);
            picked.forEach(s -> s.input(new QuantisedInput(s.name(), q, stochastic)));
        }
        return Ledger.of(net);
    }

    private static void requireFree(Site s) {
        if (s.geometry().kind() != Geometry.Kind.LINEAR) {
            throw new IllegalArgumentException("Site '" + s.name() + "' is no linear map but "
                    + s.geometry().kind() + ", which cannot compute in few bits.");
        }
        if (s.input() != null || s.source() instanceof QuantisedWeight) {
            throw new IllegalArgumentException(
                    "Site '" + s.name()
                            + "' is rounded, or has its input changed, already.\nMaybe LowPrecision.remove is to be called first.");
        }
    }

    private WeightSource rounded(Site s) {
        return weights.integer()
                ? QuantisedWeight.of(s, new AffineQuantiser(weights.bits(), weightGroup, includeZero))
                : QuantisedWeight.of(s, new AbsmaxQuantiser(weights, weightGroup, weightOutliers));
    }

    /** Gives every rounded site of a network its master weights and its plain input back. */
    public static void remove(Part net) {
        for (Site s : Inventory.of(net).sites()) {
            s.source(QuantisedWeight.master(s));
            if (s.input() instanceof QuantisedInput) {
                s.input(null);
            }
        }
    }
}
