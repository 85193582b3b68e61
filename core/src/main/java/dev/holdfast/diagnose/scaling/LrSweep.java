package dev.holdfast.diagnose.scaling;

import dev.holdfast.language.train.TokenBatches;
import dev.holdfast.tensor.Rng;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Small models of several sizes, each trained at several rates on the same data from the same start: how much a wrong rate
 * costs at each size, which instability is at work, and where it will strike larger models.
 *
 * @param runs shape by shape, rates rising; fewer than the whole grid if it was cut off
 */
public record LrSweep(ProxyRecipe recipe, List<ProxyRun> runs) {
    public LrSweep {
        runs = List.copyOf(runs);
    }

    /**
     * Width of the residual stream and number of blocks: what tells the models of a family apart.
     *
     * @param layers blocks
     */
    public record Shape(int width, int layers) implements Comparable<Shape> {
        public Shape {
            if (width < 1 || layers < 1) {
                throw new IllegalArgumentException(
                        "A model needs a width and blocks of at least 1 but has " + width + " and " + layers + ".");
            }
        }

        @Override
        public int compareTo(Shape o) {
            return width != o.width ? Integer.compare(width, o.width) : Integer.compare(layers, o.layers);
        }

        /** {@code 64x3}: width 64, 3 blocks. */
        @Override
        public String toString() {
            return width + "x" + layers;
        }
    }

    /** The grid of a sweep; shapes and rates rising. */
    public record Grid(List<Shape> shapes, List<Double> rates) {
        public Grid {
            shapes = shapes.stream().sorted().distinct().toList();
            rates = rates.stream().sorted().distinct().toList();
            if (shapes.isEmpty() || rates.isEmpty()) {
                throw new IllegalArgumentException(
                        "A sweep needs at least one shape and one rate but has " + shapes + " and " + rates + ".");
            }
            if (!(rates.get(0) > 0) || !Double.isFinite(rates.get(rates.size() - 1))) {
                throw new IllegalArgumentException("Learning rates must be finite and > 0 but are " + rates + ".");
            }
        }

        /** Every width with every number of blocks. */
        public static Grid of(List<Integer> widths, List<Integer> layers, List<Double> rates) {
            return new Grid(
                    widths.stream()
                            .flatMap(w -> layers.stream().map(l -> new Shape(w, l)))
                            .toList(),
                    rates);
        }

        /** Rates, evenly spaced in the logarithm. */
        public static List<Double> rates(double low, double high, int count) {
            List<Double> all = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                all.add(low * Math.pow(high / low, count == 1 ? 0 : i / (count - 1.0)));
            }
            return all;
        }

        public int runs() {
            return shapes.size() * rates.size();
        }
    }

    /**
     * Trains the whole grid. What does not fit (a width that heads do not divide, a rate below the floor) is refused before
     * anything is trained.
     *
     * @param train what is trained on, the same for all
     * @param held what the loss is measured on
     * @param looks how often each run is looked into, >= 1
     * @param rng equal streams give equal sweeps
     * @param after told each run when it has ended
     * @param cancelled asked at every step; the runs that ended remain
     */
    public static LrSweep run(
            ProxyRecipe recipe,
            Grid grid,
            TokenBatches train,
            TokenBatches held,
            int looks,
            Rng rng,
            Consumer<ProxyRun> after,
            BooleanSupplier cancelled) {
        grid.shapes.forEach(recipe::decoder);
        if (grid.rates.get(0) < recipe.floor()) {
            throw new IllegalArgumentException("The lowest rate, " + grid.rates.get(0) + ", is below the floor of "
                    + recipe.floor() + " at which training ends.");
        }
        List<ProxyRun> runs = new ArrayList<>();
        int every = Math.max(1, recipe.steps() / Math.max(1, looks));
        for (Shape shape : grid.shapes) {
            for (double rate : grid.rates) {
                if (cancelled.getAsBoolean()) {
                    return new LrSweep(recipe, runs);
                }
                ProxyRun r = ProxyRun.of(recipe, shape, rate, train, held, every, rng, cancelled);
                if (!cancelled.getAsBoolean()) {
                    runs.add(r);
                    after.accept(r);
                }
            }
        }
        return new LrSweep(recipe, runs);
    }

    /** Shapes that were trained, rising. */
    public List<Shape> shapes() {
        return runs.stream().map(ProxyRun::shape).distinct().sorted().toList();
    }

    /** Rates that were trained, rising. */
    public List<Double> rates() {
        return runs.stream().map(ProxyRun::rate).distinct().sorted().toList();
    }

    /** The run of a shape and a rate, if there was one. */
    public Optional<ProxyRun> at(Shape shape, double rate) {
        return runs.stream()
                .filter(r -> r.shape().equals(shape) && r.rate() == rate)
                .findFirst();
    }

    /** How much a wrong rate costs a shape, by held-out loss. */
    public LrSensitivity sensitivity(Shape shape) {
        List<ProxyRun> of = runs.stream().filter(r -> r.shape().equals(shape)).toList();
        if (of.isEmpty()) {
            throw new IllegalArgumentException(
                    "No model of shape " + shape + " was trained; there are " + shapes() + ".");
        }
        return LrSensitivity.of(
                of.stream().mapToDouble(ProxyRun::rate).toArray(),
                of.stream().mapToDouble(ProxyRun::loss).toArray(),
                of.get(0).initialLoss());
    }

    /** How an instability's number grows with size at a rate; empty with one size, or where it is not above 0 for all. */
    public Optional<ScalingFit> fit(Instability of, double rate) {
        List<ProxyRun> at = runs.stream().filter(r -> r.rate() == rate).toList();
        double[] sizes = at.stream().mapToDouble(ProxyRun::size).toArray();
        double[] values = at.stream()
                .mapToDouble(r -> of.value(r.last(), recipe.epsilon()))
                .toArray();
        boolean fits = sizes.length > 1 && Arrays.stream(values).allMatch(v -> v > 0 && Double.isFinite(v));
        return fits ? Optional.of(ScalingFit.line(sizes, values)) : Optional.empty();
    }

    /**
     * An instability that showed in a run.
     *
     * @param value its number there
     */
    public record Found(Instability instability, Shape shape, double rate, double value) {}

    /** Every instability that showed, in each run where it did. */
    public List<Found> found() {
        List<Found> all = new ArrayList<>();
        for (Instability i : Instability.values()) {
            for (ProxyRun r : runs) {
                double v = i.value(r.last(), recipe.epsilon());
                if (i.reached(v)) {
                    all.add(new Found(i, r.shape(), r.rate(), v));
                }
            }
        }
        return all;
    }

    /**
     * What the small models say about larger ones at a rate.
     *
     * @param slope exponent with which the number grows with size
     * @param value predicted at the size that was asked about; NaN where none was
     * @param low least prediction when one size in turn is left out; NaN with two sizes
     * @param high the largest of them
     * @param from size from which on the threshold is passed; NaN where it never is
     * @param unstable whether the predicted value has passed it
     */
    public record Prediction(
            Instability instability,
            double rate,
            double slope,
            double value,
            double low,
            double high,
            double from,
            boolean unstable) {}

    /**
     * Predictions for every rate and every instability that follows size, from runs of two or more sizes.
     *
     * @param size numbers in the leaves of the larger model; NaN if none is asked about
     */
    public List<Prediction> predictions(double size) {
        List<Prediction> all = new ArrayList<>();
        for (Instability i : List.of(Instability.ATTENTION_LOGITS, Instability.VANISHING_GRADIENTS)) {
            for (double rate : rates()) {
                fit(i, rate).ifPresent(f -> {
                    ScalingFit.Band band = f.band(size);
                    boolean asked = !Double.isNaN(size);
                    all.add(new Prediction(
                            i,
                            rate,
                            f.slope(),
                            asked ? f.at(size) : Double.NaN,
                            band.low(),
                            band.high(),
                            i.strikesFrom(f).orElse(Double.NaN),
                            asked && i.reached(f.at(size))));
                });
            }
        }
        return all;
    }
}
