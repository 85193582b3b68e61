package dev.holdfast.diagnose.scaling;

import dev.holdfast.config.Records;
import dev.holdfast.language.train.TokenObjective;
import dev.holdfast.nn.lm.DecoderConfig;
import dev.holdfast.nn.lm.QkNorm;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.MuParam;
import dev.holdfast.optim.ParamGroup;
import dev.holdfast.optim.ParamGroup.Decay;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.schedule.WarmUp;
import dev.holdfast.optim.transform.Clip;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import java.util.Arrays;
import java.util.List;

/**
 * How the small models of a sweep are built and trained: all but their shape and their rate. Every known cure of an
 * instability is one component.
 *
 * <p>Wortsman et al., arXiv 2309.14322, section 2.1: a decoder with LayerNorm, GELU, rotary positions and an output layer of
 * its own, AdamW, a linear warm-up and half a cosine down to a rate of 1e-5.
 *
 * @param headSize size of a head, even; widths are multiples of it
 * @param length tokens a row
 * @param rows a batch
 * @param steps updates
 * @param warmUp share of the updates in which the rate rises, in (0, 1)
 * @param floor rate of the last update, >= 0, at most the lowest rate
 * @param qkNorm how queries and keys are normed
 * @param zLoss weight of log^2 Z in the loss, >= 0
 * @param decay strength of the weight decay, >= 0
 * @param mode how decay acts
 * @param decayAll whether norms decay too
 * @param beta1 of Adam
 * @param beta2 of Adam
 * @param epsilon of Adam, > 0
 * @param clip largest norm of the whole gradient; 0 = none
 * @param muParam whether rates go by width
 * @param baseWidth width at which muParam changes nothing, >= 1
 */
public record ProxyRecipe(
        int headSize,
        int length,
        int rows,
        int steps,
        double warmUp,
        double floor,
        QkNorm qkNorm,
        double zLoss,
        double decay,
        Decay mode,
        boolean decayAll,
        double beta1,
        double beta2,
        double epsilon,
        double clip,
        MuKind muParam,
        int baseWidth) {
    /** Number of bytes: every byte is a token. */
    public static final int VOCABULARY = 256;

    /** What follows the width. */
    public enum MuKind {
        NONE,
        /** Rates of linear maps. */
        SIMPLE,
        /** Also attention's scale and what fresh weights are. */
        FULL
    }

    public ProxyRecipe {
        if (headSize < 2 || headSize % 2 != 0 || length < 2 || rows < 1) {
            throw new IllegalArgumentException(
                    "Small models need an even head size, rows of at least 2 tokens and batches"
                            + " of at least 1 row but have " + headSize + ", " + length + " and " + rows + ".");
        }
        if (steps < 2 || !(warmUp > 0 && warmUp < 1) || !(floor >= 0)) {
            throw new IllegalArgumentException("Training small models needs steps >= 2, a warm-up share in (0, 1) and a"
                    + " floor >= 0 but has " + steps + ", " + warmUp + " and " + floor + ".");
        }
        if (!(zLoss >= 0) || Double.isInfinite(zLoss)) {
            throw new IllegalArgumentException(
                    "The weight of the z-loss must be finite and >= 0 but is " + zLoss + ".");
        }
        if (!(clip >= 0)) {
            throw new IllegalArgumentException("The clipping norm must be >= 0 (0 = none) but is " + clip + ".");
        }
        new ParamGroup(m -> true, 0, null, decay, mode);
        if (mode == Decay.INDEPENDENT && decay >= 1) {
            throw new IllegalArgumentException("Independent weight decay must be < 1 but is " + decay
                    + ": at the peak of the rate it would leave nothing.");
        }
        new MuParam(baseWidth);
    }

    /**
     * The published recipe on a bed for two CPU cores: heads of 16, 16 rows of 128 bytes, 5 % warm-up, LayerNorm on
     * queries and keys, z-loss 1e-4, independent decay 1e-4 of all leaves.
     */
    public static ProxyRecipe published(int steps) {
        return new ProxyRecipe(
                16,
                128,
                16,
                steps,
                0.05,
                1e-5,
                QkNorm.LAYER_NORM,
                1e-4,
                1e-4,
                Decay.INDEPENDENT,
                true,
                0.9,
                0.95,
                1e-8,
                1,
                MuKind.NONE,
                256);
    }

    public ProxyRecipe withSteps(int updates) {
        return Records.with(this, "steps", updates);
    }

    public ProxyRecipe withQkNorm(QkNorm n) {
        return Records.with(this, "qkNorm", n);
    }

    public ProxyRecipe withZLoss(double weight) {
        return Records.with(this, "zLoss", weight);
    }

    public ProxyRecipe withWarmUp(double share) {
        return Records.with(this, "warmUp", share);
    }

    public ProxyRecipe withEpsilon(double e) {
        return Records.with(this, "epsilon", e);
    }

    public ProxyRecipe withDecay(double strength, Decay how) {
        return Records.with(Records.with(this, "decay", strength), "mode", how);
    }

    /** Rates as at {@code baseWidth} for all widths. */
    public ProxyRecipe withMuParam(MuKind kind, int base) {
        return Records.with(Records.with(this, "baseWidth", base), "muParam", kind);
    }

    /** Other sizes of the bed. */
    public ProxyRecipe withBed(int newHeadSize, int newLength, int newRows) {
        return Records.with(
                Records.with(Records.with(this, "headSize", newHeadSize), "length", newLength), "rows", newRows);
    }

    /** The decoder of a shape; a width that heads do not divide is refused. */
    public DecoderConfig decoder(LrSweep.Shape shape) {
        DecoderConfig c = DecoderConfig.plain(VOCABULARY, shape.width(), shape.layers(), headSize, length)
                .withQkNorm(qkNorm);
        return muParam == MuKind.FULL ? c.withStyle(c.style().muParam(baseWidth)) : c;
    }

    /** Cross-entropy, with the z-loss if it has a weight. */
    public TokenObjective objective() {
        return zLoss == 0 ? TokenObjective.CROSS_ENTROPY : TokenObjective.withZ(zLoss);
    }

    /** AdamW at a peak rate. */
    public ChainOptimizer optimizer(Parameters model, double rate) {
        Parameters p = decayAll ? decaying(model) : model;
        long warm = Math.max(1, Math.min(steps - 1, Math.round(warmUp * steps)));
        ParamGroup all = ParamGroup.all(rate, WarmUp.toFloor(warm, steps, rate, floor), decay, mode);
        return new ChainOptimizer(
                p,
                clip == 0 ? List.of() : List.of(Clip.norm(clip)),
                new Adam(p, beta1, beta2, epsilon),
                muParam == MuKind.NONE ? List.of(all) : new MuParam(baseWidth).groups(p, all));
    }

    private static Parameters decaying(Parameters p) {
        return new Parameters(
                p.meta().stream()
                        .map(m -> new ParamMeta(m.name(), m.role(), m.fanIn(), m.fanOut(), true, m.depth()))
                        .toList(),
                Arrays.asList(p.tensors()));
    }
}
