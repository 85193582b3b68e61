package dev.holdfast.studies.training;

import dev.holdfast.language.train.Pretraining;
import dev.holdfast.language.train.TextWindows;
import dev.holdfast.language.train.TokenBatches;
import dev.holdfast.language.train.TokenObjective;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.DecoderConfig;
import dev.holdfast.nn.quant.Grid;
import dev.holdfast.nn.quant.LowPrecision;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.GradientTransform;
import dev.holdfast.optim.ParamGroup;
import dev.holdfast.optim.Schedule;
import dev.holdfast.optim.StepContext;
import dev.holdfast.optim.UpdateRule;
import dev.holdfast.optim.config.StableSpam;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.rule.Spam;
import dev.holdfast.optim.schedule.Cosine;
import dev.holdfast.optim.schedule.WarmUp;
import dev.holdfast.optim.transform.Clip;
import dev.holdfast.optim.transform.SpikeClip;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A Llama decoder of bytes whose blocks compute with weights and inputs of four bits (groups of 32, the two largest inputs of each
 * kept), trained with a warm-up over a tenth of the steps and half a cosine down to a tenth of the rate.
 *
 * <p>The published runs of 20,000 steps reset moments every 500 and let steps of SPAM grow for 150; here both are a tenth of the run,
 * and three tenths of that. Momentum of Stable-SPAM falls over the run, as in the published scripts.
 */
final class FourBitBed {
    /** How a run is optimized. */
    enum Arm {
        ADAM("Adam", false),
        CLIPPED("Adam, clipped at norm 1", false),
        SPAM("SPAM", false),
        STABLE("Stable-SPAM", false),
        NO_CLIP("Stable-SPAM without AdaClip", true),
        NO_NORM("Stable-SPAM without AdaGN", true),
        NO_RESET("Stable-SPAM without resets", true);

        final String words;

        /** Whether it is Stable-SPAM without a part. */
        final boolean lacks;

        Arm(String words, boolean lacks) {
            this.words = words;
            this.lacks = lacks;
        }
    }

    /** How large model, batches and runs are. */
    record Size(int width, int layers, int heads, int rows, int length, int steps, int batches) {}

    /**
     * What came of a run; losses in nats a byte, NaN if a number was not finite.
     *
     * @param initial loss on the scored text before the first step
     * @param tuning loss at the end on the text that rates are chosen by
     * @param scored loss at the end on the other held-out text
     * @param spikes steps whose training loss lies more than three standard deviations and 0.1 above the mean of the 20 before
     * @param rawSpread standard deviation over mean of the length of a tensor's gradient, mean over tensors
     * @param processedSpread the same after the transforms
     */
    record Ended(double initial, double tuning, double scored, int spikes, double rawSpread, double processedSpread) {}

    private final Size size;
    private final int[] train;
    private final TokenBatches tuning;
    private final TokenBatches scored;

    FourBitBed(Size size, StudyText text) {
        this.size = size;
        this.train = text.train();
        int half = text.held().length / 2;
        int[] first = Arrays.copyOf(text.held(), half);
        int[] second = Arrays.copyOfRange(text.held(), half, text.held().length);
        // the same windows for all runs
        this.tuning = TextWindows.of(first, size.rows, size.length, Rng.of(71));
        this.scored = TextWindows.of(second, size.rows, size.length, Rng.of(72));
    }

    /**
     * Trains from the start.
     *
     * @param planted whether spikes are planted into the gradients
     */
    Ended run(Arm arm, double rate, long seed, boolean planted, BooleanSupplier cancelled) {
        Rng rng = Rng.of(seed);
        try (Scope s = Scope.open()) {
            Decoder model = DecoderConfig.of(256, size.width, size.layers, size.heads)
                    .build(rng.child("model"), ScalarType.Float);
            LowPrecision.of(Grid.INT4).withGroups(32, 32).apply(model);
            Pretraining t = new Pretraining(
                    model,
                    optimizer(arm, model.parameters(), rate, planted ? rng.child("spikes") : null),
                    TextWindows.of(train, size.rows, size.length, rng.child("data")),
                    TokenObjective.CROSS_ENTROPY,
                    rng.child("training"));
            double initial = t.evaluate(scored, size.batches);
            Lengths raw = new Lengths();
            Lengths processed = new Lengths();
            double[] losses = new double[size.steps];
            for (int i = 0; i < losses.length && !cancelled.getAsBoolean(); i++) {
                try (Scope step = Scope.open()) {
                    Pretraining.Trained done = t.step();
                    losses[i] = done.loss();
                    if (!Double.isFinite(losses[i])) {
                        return new Ended(initial, Double.NaN, Double.NaN, spikes(losses, i), Double.NaN, Double.NaN);
                    }
                    if (!done.update().skipped()) {
                        raw.add(done.gradient());
                        processed.add(done.update().gradient());
                    }
                }
            }
            return new Ended(
                    initial,
                    t.evaluate(tuning, size.batches),
                    t.evaluate(scored, size.batches),
                    spikes(losses, losses.length),
                    raw.spread(),
                    processed.spread());
        }
    }

    private ChainOptimizer optimizer(Arm arm, Parameters p, double rate, Rng spikes) {
        int every = Math.max(2, size.steps / 10);
        StableSpam whole = new StableSpam().withResetEvery(every).withTotalSteps(size.steps);
        StableSpam stable =
                switch (arm) {
                    case NO_CLIP -> whole.withClips(false);
                    case NO_NORM -> whole.withNorms(false);
                    case NO_RESET -> whole.withResetEvery(0);
                    default -> whole;
                };
        List<GradientTransform> transforms = new ArrayList<>();
        if (spikes != null) {
            transforms.add(new PlantedSpikes(spikes));
        }
        UpdateRule rule;
        switch (arm) {
            case ADAM -> rule = adam(p);
            case CLIPPED -> {
                transforms.add(Clip.norm(1));
                rule = adam(p);
            }
            case SPAM -> {
                transforms.add(new SpikeClip(5000, every, Math.max(1, every / 25)));
                rule = new Spam(p, new Spam.Config(0.9, 0.999, 1e-6, every, every * 3L / 10, 1), Rng.of(0));
            }
            default -> {
                transforms.addAll(stable.transforms());
                rule = stable.rule(p);
            }
        }
        int warm = Math.max(1, size.steps / 10);
        Schedule factor = new WarmUp(warm, 1.0 / warm, new Cosine(size.steps - warm, 0.1, 0));
        return new ChainOptimizer(p, transforms, rule, List.of(ParamGroup.all(rate, factor, 0, ParamGroup.Decay.NONE)));
    }

    private static UpdateRule adam(Parameters p) {
        return new Adam(p, 0.9, 0.999, 1e-8);
    }

    /** In two of a hundred steps, one of a hundred entries is multiplied by 1000. */
    record PlantedSpikes(Rng rng) implements GradientTransform, Stateless {
        @Override
        public ParamVector apply(ParamVector g, StepContext c) {
            Rng draws = rng.child("step", c.step());
            if (draws.next() >= 0.02) {
                return g;
            }
            Tensor[] out = new Tensor[g.size()];
            for (int i = 0; i < out.length; i++) {
                Tensor gi = g.get(i);
                if (gi != null) {
                    Tensor hit = draws.child("entries", i)
                            .uniform(gi.scalar_type().intern(), gi.shape())
                            .lt(Tensors.scalar(0.01));
                    out[i] = gi.mul(Tensors.scalar(1000)).where(hit, gi);
                }
            }
            return new ParamVector(g.of(), out);
        }
    }

    private static int spikes(double[] losses, int steps) {
        int n = 0;
        for (int i = 20; i < steps; i++) {
            double mean = 0;
            for (int j = i - 20; j < i; j++) {
                mean += losses[j] / 20;
            }
            double square = 0;
            for (int j = i - 20; j < i; j++) {
                square += Math.pow(losses[j] - mean, 2) / 20;
            }
            n += losses[i] > mean + Math.max(0.1, 3 * Math.sqrt(square)) ? 1 : 0;
        }
        return n;
    }

    /** Sums of the lengths of every tensor's gradient over the steps. */
    private static final class Lengths {
        private double[] sums;
        private double[] squares;
        private int steps;

        void add(ParamVector g) {
            sums = sums == null ? new double[g.size()] : sums;
            squares = squares == null ? new double[g.size()] : squares;
            for (int i = 0; i < sums.length; i++) {
                double length = Tensors.item(g.get(i).norm());
                sums[i] += length;
                squares[i] += length * length;
            }
            steps++;
        }

        double spread() {
            double total = 0;
            for (int i = 0; i < sums.length; i++) {
                double mean = sums[i] / steps;
                total += Math.sqrt(Math.max(0, squares[i] / steps - mean * mean)) / mean;
            }
            return total / sums.length;
        }
    }
}
