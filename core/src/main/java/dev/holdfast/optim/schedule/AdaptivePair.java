package dev.holdfast.optim.schedule;

import dev.holdfast.config.Doc;
import dev.holdfast.optim.Schedule;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.hipparchus.stat.descriptive.StreamingStatistics;
import org.hipparchus.stat.inference.TTest;

/**
 * A rate that finds itself on a stream without an end: a high and a low factor, low = step * high, take turns; the falls of
 * the loss reached under each are compared by Welch's one-sided t-test, and the pair moves down when low is better, up when
 * high is.
 *
 * <p>{@link #observe} gets the mean fall of the losses since the last turn and ends the turn. When the last {@code length}
 * falls under either are known: p &lt; significance → high = low, low *= step; p &gt; 1 - significance → low = high, high /=
 * step; both begin their lists anew and the present turn goes to the other one. Without any spread p is 1/2.
 *
 * <p>Koh et al., <i>Online Continual Learning on Class Incremental Blurry Task Configuration with Anytime Inference</i>,
 * arXiv 2110.10031, section 4.3. One writer.
 */
public final class AdaptivePair implements Schedule {
    /**
     * @param step low = step * high, in (0, 1)
     * @param length falls under either that are compared, at least 2
     * @param significance of the test, in (0, 0.5)
     */
    public record Config(
            @Doc("the lower rate as a share of the higher") double step,
            @Doc("measurements of either rate that are compared") int length,
            @Doc("significance of the test") double significance) {
        public Config {
            if (!(step > 0 && step < 1)) {
                throw new IllegalArgumentException("step must be in (0, 1) but is " + step + ".");
            }
            if (length < 2) {
                throw new IllegalArgumentException("length must be >= 2 but is " + length + ".");
            }
            if (!(significance > 0 && significance < 0.5)) {
                throw new IllegalArgumentException("significance must be in (0, 0.5) but is " + significance + ".");
            }
        }

        /** As published: 0.95, 10, 0.05. */
        public static Config defaults() {
            return new Config(0.95, 10, 0.05);
        }
    }

    private final Config config;
    private double high = 1;
    private double low;
    private boolean isHigh = true;
    private List<Double> highFalls = new ArrayList<>();
    private List<Double> lowFalls = new ArrayList<>();

    public AdaptivePair(Config config) {
        this.config = config;
        this.low = config.step;
    }

    @Override
    public double at(long step) {
        return isHigh ? high : low;
    }

    @Override
    public String phase(long step) {
        return isHigh ? "high" : "low";
    }

    /** Ends a turn in which the mean loss fell by so much; NaN where that is not known. */
    @Override
    public void observe(double fall) {
        if (!Double.isNaN(fall)) {
            List<Double> falls = isHigh ? highFalls : lowFalls;
            falls.add(fall);
            if (falls.size() > config.length) {
                falls.remove(0);
            }
        }
        isHigh = !isHigh;
        if (highFalls.size() < config.length || lowFalls.size() < config.length) {
            return;
        }
        double p = lowIsBetter(lowFalls, highFalls);
        if (p < config.significance) {
            high = low;
            low *= config.step;
            again();
        } else if (p > 1 - config.significance) {
            low = high;
            high /= config.step;
            again();
        }
    }

    private void again() {
        highFalls = new ArrayList<>();
        lowFalls = new ArrayList<>();
        isHigh = !isHigh;
    }

    /** One-sided p of Welch's test that the falls under the low rate are not larger. */
    private static double lowIsBetter(List<Double> low, List<Double> high) {
        StreamingStatistics a = new StreamingStatistics();
        StreamingStatistics b = new StreamingStatistics();
        low.forEach(a::addValue);
        high.forEach(b::addValue);
        if (a.getVariance() == 0 && b.getVariance() == 0) {
            return 0.5;
        }
        TTest test = new TTest();
        double twoSided = test.tTest(a, b);
        return test.t(a, b) > 0 ? twoSided / 2 : 1 - twoSided / 2;
    }

    @Override
    public State state() {
        return new State()
                .put("high", high)
                .put("low", low)
                .put("isHigh", Boolean.toString(isHigh))
                .put("highFalls", falls(highFalls))
                .put("lowFalls", falls(lowFalls));
    }

    /** In a fixed number of places, so that the state does not grow. */
    private Tensor falls(List<Double> of) {
        double[] v = new double[config.length];
        Arrays.setAll(v, i -> i < of.size() ? of.get(i) : Double.NaN);
        return Tensors.of(v, v.length);
    }

    @Override
    public void load(State saved) {
        double newHigh = saved.number("high");
        double newLow = saved.number("low");
        boolean newIsHigh = saved.flag("isHigh");
        Tensors.requireShape("saved falls", saved.tensor("highFalls"), config.length);
        Tensors.requireShape("saved falls", saved.tensor("lowFalls"), config.length);
        if (!(newHigh > newLow && newLow > 0)) {
            throw new IllegalArgumentException("The saved rates are " + newHigh + " and " + newLow
                    + "; expected high > low > 0.\nMaybe the file is damaged.");
        }
        highFalls = list(Tensors.doubles(saved.tensor("highFalls")));
        lowFalls = list(Tensors.doubles(saved.tensor("lowFalls")));
        high = newHigh;
        low = newLow;
        isHigh = newIsHigh;
    }

    private static List<Double> list(double[] v) {
        List<Double> l = new ArrayList<>();
        for (double x : v) {
            if (!Double.isNaN(x)) {
                l.add(x);
            }
        }
        return l;
    }
}
