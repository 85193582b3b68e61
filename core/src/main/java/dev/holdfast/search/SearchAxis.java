package dev.holdfast.search;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** One dimension of a search: an option by its dotted name and the values that it may take. Immutable. */
public sealed interface SearchAxis {
    /** Dotted name of the option; options of the scenario begin with {@link SearchSpace#SCENARIO}. */
    String option();

    /** The value at u in [0, 1), as a text that can be typed as a setting. */
    String at(double u);

    /** The values at both ends of the axis: what a check of its option tries. */
    List<String> ends();

    /** A list to pick from: u picks entry floor(u n). */
    record Values(String option, List<String> values) implements SearchAxis {
        public Values {
            values = List.copyOf(values);
            if (values.isEmpty()) {
                throw new IllegalArgumentException("The axis '" + option + "' has no values; expected at least one.");
            }
        }

        @Override
        public String at(double u) {
            return values.get((int) (requireShare(u) * values.size()));
        }

        @Override
        public List<String> ends() {
            return values;
        }
    }

    /** An interval: low + u (high - low), or low (high / low)^u where it is logarithmic. */
    record Range(String option, double low, double high, boolean logarithmic) implements SearchAxis {
        public Range {
            if (!(low < high) || Double.isInfinite(low) || Double.isInfinite(high) || (logarithmic && low <= 0)) {
                throw new IllegalArgumentException("The axis '" + option + "' goes from " + low + " to " + high
                        + "; expected finite ends, the smaller first" + (logarithmic ? ", both > 0." : "."));
            }
        }

        @Override
        public String at(double u) {
            requireShare(u);
            return Double.toString(logarithmic ? low * Math.pow(high / low, u) : low + u * (high - low));
        }

        @Override
        public List<String> ends() {
            return List.of(Double.toString(low), Double.toString(high));
        }
    }

    /**
     * An axis as typed: {@code 0.01,0.1,1} is a list, {@code 1e-4..1e-1} an interval, {@code 1e-4..1e-1:log} a logarithmic
     * one.
     */
    static SearchAxis parse(String option, String text) {
        int dots = text.indexOf("..");
        if (dots < 0) {
            List<String> values = new ArrayList<>();
            for (String v : text.split(",")) {
                if (!v.isBlank()) {
                    values.add(v.strip());
                }
            }
            return new Values(option, values);
        }
        boolean log = text.toLowerCase(Locale.ROOT).endsWith(":log");
        String high = text.substring(dots + 2, log ? text.length() - 4 : text.length());
        try {
            return new Range(option, Double.parseDouble(text.substring(0, dots)), Double.parseDouble(high), log);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("The axis '" + option + "' is '" + text
                    + "'; expected a list like 0.01,0.1,1 or an interval like 1e-4..1e-1 or 1e-4..1e-1:log.");
        }
    }

    private static double requireShare(double u) {
        if (!(u >= 0 && u < 1)) {
            throw new IllegalArgumentException("A draw must be in [0, 1) but is " + u + ".");
        }
        return u;
    }
}
