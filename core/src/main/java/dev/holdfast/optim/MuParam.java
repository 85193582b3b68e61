package dev.holdfast.optim;

import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Parameters;
import java.util.List;
import java.util.TreeSet;

/**
 * Rates that carry over between widths: the rate of every linear map is multiplied by base fan-in / fan-in, that of
 * embeddings, norms and biases is not. At the base width nothing changes. This is "simple" muParam; "full" also starts and
 * scales attention otherwise ({@code DecoderStyle.muParam}).
 *
 * <p>Yang et al.: <i>Tensor Programs V</i>, arXiv 2203.03466, table 3, for Adam; Wortsman et al., arXiv 2309.14322, section
 * 3.2.4.
 *
 * @param baseFanIn width at which rates were tuned, >= 1
 */
public record MuParam(long baseFanIn) {
    /** With the published base, 256. */
    public MuParam() {
        this(256);
    }

    public MuParam {
        if (baseFanIn < 1) {
            throw new IllegalArgumentException("The base fan-in of muParam must be >= 1 but is " + baseFanIn + ".");
        }
    }

    /**
     * What the rate of this leaf is multiplied by.
     *
     * @throws IllegalArgumentException if a linear map does not say its fan-in
     */
    public double multiplier(ParamMeta m) {
        if (m.role() != Role.HIDDEN && m.role() != Role.HEAD) {
            return 1;
        }
        if (m.fanIn() < 1) {
            throw new IllegalArgumentException("Leaf '" + m.name() + "' says a fan-in of " + m.fanIn()
                    + ", so muParam cannot tell its rate; expected >= 1.\nMaybe the layer that made it left it out.");
        }
        return (double) baseFanIn / m.fanIn();
    }

    /** The group {@code base}, cut into one for each multiplier that its leaves have. */
    public List<ParamGroup> groups(Parameters p, ParamGroup base) {
        TreeSet<Double> multipliers = new TreeSet<>();
        p.meta().stream().filter(base.of()).forEach(m -> multipliers.add(multiplier(m)));
        return multipliers.stream()
                .map(x -> new ParamGroup(
                        m -> base.of().test(m) && multiplier(m) == x,
                        base.peak() * x,
                        base.factor(),
                        base.decay(),
                        base.mode()))
                .toList();
    }
}
