package dev.holdfast.calibrate.bin;

import dev.holdfast.calibrate.Calibrated;
import dev.holdfast.calibrate.Calibrator;
import dev.holdfast.calibrate.HeldOut;
import dev.holdfast.calibrate.PostProcessor;
import dev.holdfast.calibrate.ProbabilityMap;
import dev.holdfast.config.Doc;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Target;
import dev.holdfast.registry.CalibratorPlugin;
import dev.holdfast.run.RunContext;
import java.util.Arrays;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Calibrators that treat each class against the rest, or the top probability alone; a row's named class may change. A
 * class that no calibration row has keeps its probability.
 */
public final class BinningCalibrators {
    private BinningCalibrators() {}

    /** No options. */
    public record None() {}

    /** How many bins. */
    public record Bins(@Doc("bins of probability") int bins) {
        public Bins {
            if (bins < 1) {
                throw new IllegalArgumentException("Bins must be >= 1 but are " + bins + ".");
            }
        }
    }

    /** How bent a spline may be. */
    public record Knots(@Doc("knots of the spline, >= 2") int knots) {
        public Knots {
            if (knots < 2) {
                throw new IllegalArgumentException("A spline needs at least 2 knots but has " + knots + ".");
            }
        }
    }

    private record Binned(Function<HeldOut, ProbabilityMap> fit, Supplier<ProbabilityMap> empty) implements Calibrator {
        @Override
        public PostProcessor fit(Prediction raw, Target labels, RunContext c) {
            return Calibrated.fit(raw, labels, c, (rows, context) -> fit.apply(rows));
        }

        @Override
        public PostProcessor unfitted() {
            return new Calibrated(empty.get(), 0);
        }
    }

    private static Calibrator steps(Function<OneVsRest, Steps> each) {
        return new Binned(rows -> steps(OneVsRest.of(rows), each), StepMap::new);
    }

    private static StepMap steps(OneVsRest[] all, Function<OneVsRest, Steps> each) {
        return new StepMap(
                Arrays.stream(all).map(x -> x.occurs() ? each.apply(x) : null).toArray(Steps[]::new));
    }

    /** Frequencies in bins of equal width, class by class. */
    public static Calibrator histogram(Bins b) {
        return steps(x -> StepFits.histogram(x, b.bins));
    }

    /** The best rising step function, class by class. */
    public static Calibrator isotonic() {
        return steps(StepFits::isotonic);
    }

    /** Histograms of many sizes, averaged. */
    public static Calibrator bbq() {
        return steps(StepFits::bbq);
    }

    /** A logistic function, then bins. */
    public static Calibrator scalingBinning(Bins b) {
        return steps(x -> StepFits.scalingBinning(x, b.bins));
    }

    /** Frequencies in bins that keep the most information, shared by all classes. */
    public static Calibrator mutualInformation(Bins b) {
        return new Binned(
                rows -> {
                    OneVsRest[] all = OneVsRest.of(rows);
                    OneVsRest merged = OneVsRest.merged(all);
                    Steps shared = Steps.frequencies(merged, StepFits.informativeEdges(merged, b.bins));
                    return steps(all, x -> shared);
                },
                StepMap::new);
    }

    /** Beta functions, class by class. */
    public static Calibrator beta() {
        return new Binned(
                rows -> new BetaMap(
                        Arrays.stream(OneVsRest.of(rows)).map(BetaMap::fit).toArray(double[][]::new)),
                BetaMap::new);
    }

    /** The top probability through a spline. */
    public static Calibrator spline(Knots k) {
        return new Binned(rows -> SplineMap.fit(rows, k.knots), SplineMap::new);
    }

    /** {@code histogram}. */
    public static final class HistogramPlugin implements CalibratorPlugin<Bins> {
        @Override
        public String name() {
            return "histogram";
        }

        @Override
        public String summary() {
            return "frequencies in bins of equal width, class by class";
        }

        @Override
        public String paper() {
            return "Zadrozny, Elkan 2001, ICML";
        }

        @Override
        public Bins defaults() {
            return new Bins(15);
        }

        @Override
        public Calibrator create(Bins c) {
            return histogram(c);
        }
    }

    /** {@code isotonic}. */
    public static final class IsotonicPlugin implements CalibratorPlugin<None> {
        @Override
        public String name() {
            return "isotonic";
        }

        @Override
        public String summary() {
            return "the rising step function that fits best, class by class";
        }

        @Override
        public String paper() {
            return "Zadrozny, Elkan 2002, KDD";
        }

        @Override
        public None defaults() {
            return new None();
        }

        @Override
        public Calibrator create(None c) {
            return isotonic();
        }
    }

    /** {@code beta}. */
    public static final class BetaPlugin implements CalibratorPlugin<None> {
        @Override
        public String name() {
            return "beta";
        }

        @Override
        public String summary() {
            return "beta functions of probabilities, class by class";
        }

        @Override
        public String paper() {
            return "Kull et al. 2017, AISTATS";
        }

        @Override
        public None defaults() {
            return new None();
        }

        @Override
        public Calibrator create(None c) {
            return beta();
        }
    }

    /** {@code bbq}. */
    public static final class BbqPlugin implements CalibratorPlugin<None> {
        @Override
        public String name() {
            return "bbq";
        }

        @Override
        public String summary() {
            return "histograms of many sizes averaged by their likelihood, class by class";
        }

        @Override
        public String paper() {
            return "Naeini et al. 2015, AAAI";
        }

        @Override
        public None defaults() {
            return new None();
        }

        @Override
        public Calibrator create(None c) {
            return bbq();
        }
    }

    /** {@code scaling-binning}. */
    public static final class ScalingBinningPlugin implements CalibratorPlugin<Bins> {
        @Override
        public String name() {
            return "scaling-binning";
        }

        @Override
        public String summary() {
            return "a logistic function, then its means in bins of equal mass, class by class";
        }

        @Override
        public String paper() {
            return "Kumar et al. 2019, arXiv 1909.10155";
        }

        @Override
        public Bins defaults() {
            return new Bins(15);
        }

        @Override
        public Calibrator create(Bins c) {
            return scalingBinning(c);
        }
    }

    /** {@code mutual-information}. */
    public static final class MutualInformationPlugin implements CalibratorPlugin<Bins> {
        @Override
        public String name() {
            return "mutual-information";
        }

        @Override
        public String summary() {
            return "frequencies in bins that keep the most information, shared by all classes";
        }

        @Override
        public String paper() {
            return "Patel et al. 2021, arXiv 2006.13092";
        }

        @Override
        public Bins defaults() {
            return new Bins(15);
        }

        @Override
        public Calibrator create(Bins c) {
            return mutualInformation(c);
        }
    }

    /** {@code spline}. */
    public static final class SplinePlugin implements CalibratorPlugin<Knots> {
        @Override
        public String name() {
            return "spline";
        }

        @Override
        public String summary() {
            return "top probability by the slope of a spline through cumulated hits";
        }

        @Override
        public String paper() {
            return "Gupta et al. 2021, arXiv 2006.12800";
        }

        @Override
        public Knots defaults() {
            return new Knots(6);
        }

        @Override
        public Calibrator create(Knots c) {
            return spline(c);
        }
    }
}
