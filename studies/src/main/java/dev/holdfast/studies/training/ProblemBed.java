package dev.holdfast.studies.training;

import dev.holdfast.language.TaskFamily;
import dev.holdfast.language.token.ByteTokenizer;
import dev.holdfast.language.train.GradientShards;
import dev.holdfast.language.train.Pretraining;
import dev.holdfast.language.train.ProblemBatches;
import dev.holdfast.language.train.ProblemBatches.Kind;
import dev.holdfast.language.train.TokenBatch;
import dev.holdfast.language.train.TokenObjective;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.DecoderConfig;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.optim.Optimizer;
import dev.holdfast.optim.ParamGroup;
import dev.holdfast.optim.rule.Adam;
import dev.holdfast.optim.schedule.Cosine;
import dev.holdfast.optim.schedule.WarmUp;
import dev.holdfast.optim.transform.Clip;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A byte-level decoder that is trained from nothing on a mixture of problems, half of them with their chain of thought;
 * kept under its configuration and seed, so that whatever starts from it trains it once.
 *
 * @param width of the residual stream
 * @param blocks of the decoder
 * @param steps of 64 problems
 */
record ProblemBed(int width, int blocks, int steps) {
    static final int ROWS = 64;
    private static final int CONTEXT = 128;
    private static final double RATE = 3e-3;

    /** What is trained on, each kind as often as it is named: long sums are the hard part. */
    static List<Kind> mixture() {
        List<Kind> all = new ArrayList<>();
        for (int level = 1; level <= 4; level++) {
            all.add(new Kind(TaskFamily.COPY, level));
            all.add(new Kind(TaskFamily.REV, level));
        }
        for (int level : new int[] {1, 1, 2, 2}) {
            all.add(new Kind(TaskFamily.ADD, level));
        }
        for (int level : new int[] {1, 2, 10, 10, 10, 10, 10, 10}) {
            all.add(new Kind(TaskFamily.SUM, level));
        }
        for (int level : new int[] {1, 2, 10}) {
            all.add(new Kind(TaskFamily.PARITY, level));
        }
        return all;
    }

    /**
     * @param lossAtEnd mean of the last twenty losses, nats a token
     * @param tokensPerSecond of training, padding not counted
     */
    record Trained(Decoder model, double lossAtEnd, double tokensPerSecond) {}

    Trained trained(StudyContext c, long seed) {
        Rng rng = Rng.of(seed);
        Decoder model = DecoderConfig.of(new ByteTokenizer().size(), width, blocks, 4)
                .withContext(CONTEXT)
                .build(rng.child("model"), ScalarType.Float);
        State kept = c.assets()
                .get(
                        "problem-bed " + this + " " + mixture() + " rate " + RATE + " seed " + seed,
                        () -> train(c, model, rng));
        model.load(kept.child("model"));
        return new Trained(model, kept.number("loss"), kept.number("tokensPerSecond"));
    }

    private State train(StudyContext c, Decoder model, Rng rng) {
        ProblemBatches data = new ProblemBatches(mixture(), 0.5, ROWS, rng.child("data"));
        double last = 0;
        long tokens = 0;
        long start = System.nanoTime();
        try (GradientShards shards = new GradientShards(2)) {
            Pretraining training = new Pretraining(
                    model,
                    optimizer(model.parameters()),
                    data,
                    TokenObjective.CROSS_ENTROPY,
                    shards,
                    rng.child("pass"));
            int tail = Math.min(20, steps);
            for (int t = 0; t < steps && !c.cancelled(); t++) {
                try (Scope s = Scope.open()) {
                    double loss = training.step().loss();
                    last += t >= steps - tail ? loss / tail : 0;
                }
                if (t % 50 == 0) {
                    c.progress(t, steps, "training on problems");
                }
            }
        }
        double seconds = (System.nanoTime() - start) / 1e9;
        for (int t = 0; t < Math.min(steps, 20); t++) {
            try (Scope s = Scope.open()) {
                TokenBatch b = data.at(t);
                tokens += b.mask() == null ? b.ids().numel() : b.mask().sum().item_long();
            }
        }
        double all = (double) tokens / Math.min(steps, 20) * steps;
        return new State()
                .put("model", model)
                .put("loss", last)
                .put("tokensPerSecond", all / seconds)
                .copy();
    }

    private Optimizer optimizer(Parameters p) {
        int warm = Math.max(1, steps / 20);
        return new ChainOptimizer(
                p,
                List.of(Clip.norm(1)),
                new Adam(p, 0.9, 0.95, 1e-8),
                List.of(ParamGroup.all(
                        RATE, new WarmUp(warm, 0, new Cosine(steps - warm, 0.1, 0)), 0, ParamGroup.Decay.NONE)));
    }
}
