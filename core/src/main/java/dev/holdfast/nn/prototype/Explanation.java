package dev.holdfast.nn.prototype;

import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * Why one row was given its class, as the calculation itself: what agreed with the winning reasoning, what did not, and
 * which components weighed most. The four parts sum to 1, the two agreements to {@link #agreement}.
 *
 * @param column predicted score column
 * @param reasoning row of the tables that won
 * @param rival best reasoning of another class, or -1
 * @param rivalAgreement its agreement, or 0
 * @param positiveAgreement {@code d . r+}: expected and there
 * @param negativeAgreement {@code (1 - d) . r-}: not expected and not there
 * @param positiveDisagreement {@code (1 - d) . r+}: expected and not there
 * @param negativeDisagreement {@code d . r-}: not expected and there
 * @param components every component in this reasoning, those that moved the agreement most first
 */
public record Explanation(
        int column,
        int reasoning,
        int rival,
        double rivalAgreement,
        double positiveAgreement,
        double negativeAgreement,
        double positiveDisagreement,
        double negativeDisagreement,
        List<Evidence> components) {
    /**
     * One component in the winning reasoning.
     *
     * @param detection how surely it is there, in [0, 1]
     * @param positive how much its presence counts
     * @param negative how much its absence counts
     */
    public record Evidence(int component, double detection, double positive, double negative) {
        /** What it adds to the agreement. */
        public double agrees() {
            return positive * detection + negative * (1 - detection);
        }

        /** What it takes away. */
        public double disagrees() {
            return positive * (1 - detection) + negative * detection;
        }

        /** {@code P(k)}: how much the component counts at all. */
        public double prior() {
            return positive + negative;
        }

        /** Whether the reasoning rather expects the component to be there. */
        public boolean expected() {
            return positive >= negative;
        }
    }

    public Explanation {
        components = List.copyOf(components);
    }

    /** Probability of the winning reasoning. */
    public double agreement() {
        return positiveAgreement + negativeAgreement;
    }

    /** 1 less the agreement, for tables that sum to 1. */
    public double disagreement() {
        return positiveDisagreement + negativeDisagreement;
    }

    /** Explanations of rows from their detections [B, K], in plain numbers. */
    public static List<Explanation> of(org.bytedeco.pytorch.Tensor detections, Reasoning tables) {
        double[][] d = Tensors.rows(detections);
        double[][] p = Tensors.rows(tables.probability(detections));
        double[][] positive = Tensors.rows(tables.positive());
        double[][] negative = Tensors.rows(tables.negative());
        int[] owner = tables.owner();
        List<Explanation> all = new ArrayList<>();
        for (int row = 0; row < d.length; row++) {
            all.add(of(d[row], p[row], positive, negative, owner));
        }
        return all;
    }

    private static Explanation of(double[] d, double[] p, double[][] positive, double[][] negative, int... owner) {
        int best = highest(p, IntStream.range(0, p.length));
        int rival = highest(p, IntStream.range(0, p.length).filter(j -> owner[j] != owner[best]));
        List<Evidence> evidence = new ArrayList<>();
        for (int k = 0; k < d.length; k++) {
            evidence.add(new Evidence(k, d[k], positive[best][k], negative[best][k]));
        }
        evidence.sort(Comparator.comparingDouble(e -> -Math.max(e.agrees(), e.disagrees())));
        return new Explanation(
                owner[best],
                best,
                rival,
                rival < 0 ? 0 : p[rival],
                evidence.stream().mapToDouble(e -> e.positive * e.detection).sum(),
                evidence.stream()
                        .mapToDouble(e -> e.negative * (1 - e.detection))
                        .sum(),
                evidence.stream()
                        .mapToDouble(e -> e.positive * (1 - e.detection))
                        .sum(),
                evidence.stream().mapToDouble(e -> e.negative * e.detection).sum(),
                evidence);
    }

    private static int highest(double[] p, IntStream among) {
        return among.reduce(-1, (a, b) -> a < 0 || p[b] > p[a] ? b : a);
    }

    /**
     * The reasoning in words, one line a component, the {@code most} weightiest.
     *
     * @param name of the predicted class
     * @param rivalName of the class of the rival, or null
     */
    public String words(String name, String rivalName, int most) {
        StringBuilder b = new StringBuilder();
        b.append(String.format(Locale.ROOT, "%s with probability %.3f", name, agreement()));
        if (rivalName != null) {
            b.append(String.format(Locale.ROOT, "; next %s with %.3f", rivalName, rivalAgreement));
        }
        b.append(String.format(
                Locale.ROOT,
                "%n  for: %.3f expected and there, %.3f unexpected and absent; against: %.3f expected and absent, %.3f"
                        + " unexpected and there",
                positiveAgreement,
                negativeAgreement,
                positiveDisagreement,
                negativeDisagreement));
        components.stream()
                .limit(most)
                .forEach(e -> b.append(String.format(
                        Locale.ROOT,
                        "%n  component %d is %s (detected %.2f) and %s: +%.3f for, %.3f against",
                        e.component,
                        e.detection >= 0.5 ? "there" : "absent",
                        e.detection,
                        e.expected() ? "is expected" : "should be absent",
                        e.agrees(),
                        e.disagrees())));
        return b.toString();
    }
}
