package dev.holdfast.language.train;

import dev.holdfast.nn.Pass;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.nn.lm.TokenLoss;
import dev.holdfast.optim.Evaluated;
import dev.holdfast.optim.Optimizer;
import dev.holdfast.optim.Step;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Trains a decoder from tokens: one batch, one gradient, one update at a time. What it is is its parameters, its
 * optimizer and how many batches it has seen; a training that loads another's state goes on with the same bits. One
 * thread.
 */
public final class Pretraining implements Stateful {
    private final Decoder model;
    private final Optimizer optimizer;
    private final TokenBatches data;
    private final TokenObjective objective;
    private final GradientShards shards;
    private final Rng rng;
    private long steps;

    /**
     * @param optimizer moves the model's leaves, or some of them
     * @param shards computes gradients; closed by whoever made it
     * @param rng of what a training pass draws
     */
    public Pretraining(
            Decoder model,
            Optimizer optimizer,
            TokenBatches data,
            TokenObjective objective,
            GradientShards shards,
            Rng rng) {
        this.model = model;
        this.optimizer = optimizer;
        this.data = data;
        this.objective = objective;
        this.shards = shards;
        this.rng = rng;
    }

    /** With plain gradients, on the calling thread. */
    public Pretraining(Decoder model, Optimizer optimizer, TokenBatches data, TokenObjective objective, Rng rng) {
        this(model, optimizer, data, objective, new GradientShards(1), rng);
    }

    /**
     * What one step did; it belongs to the scope of the step.
     *
     * @param index steps before it
     * @param loss the objective before the update
     * @param gradient of the objective, before the optimizer changed it
     * @param update what the optimizer did; refused if the gradient is not finite
     */
    public record Trained(long index, double loss, ParamVector gradient, Step update) {}

    /** Learns from the next batch; to be called inside a scope. A loss that is not finite moves nothing, and is told. */
    public Trained step() {
        TokenBatch b = data.at(steps);
        Rng draws = rng.child("pass", steps);
        Evaluated now = shards.of(
                b,
                (part, shard) -> objective.of(forward(part, Pass.train(draws.child("shard", shard))), part.labels()),
                optimizer.parameters());
        Trained t = new Trained(steps, now.loss(), now.gradient(), optimizer.step(now.gradient()));
        steps++;
        return t;
    }

    /**
     * So many steps; the loss of each.
     *
     * @throws IllegalStateException if a loss is not finite
     */
    public double[] run(int count) {
        double[] losses = new double[count];
        for (int i = 0; i < count; i++) {
            try (Scope s = Scope.open()) {
                losses[i] = step().loss();
            }
            if (!Double.isFinite(losses[i])) {
                throw new IllegalStateException("The loss of step " + (steps - 1) + " is " + losses[i]
                        + ".\nMaybe the learning rate is too high, or gradients are to be clipped.");
            }
        }
        return losses;
    }

    /** Mean cross-entropy in nats of the tokens of the first batches of {@code held}; moves nothing. */
    public double evaluate(TokenBatches held, int batches) {
        double sum = 0;
        long tokens = 0;
        for (int i = 0; i < batches; i++) {
            try (Scope s = Scope.open();
                    var mode = Autograd.noGrad()) {
                TokenBatch b = held.at(i);
                long n = b.counted();
                sum += n * Tensors.item(TokenLoss.mean(forward(b, Pass.eval()), b.labels()));
                tokens += n;
            }
        }
        return sum / tokens;
    }

    private Tensor forward(TokenBatch b, Pass pass) {
        return model.forward(b.ids(), b.mask() == null ? pass : pass.withMask(b.mask()));
    }

    public Decoder model() {
        return model;
    }

    public Optimizer optimizer() {
        return optimizer;
    }

    /** Batches seen. */
    public long steps() {
        return steps;
    }

    @Override
    public State state() {
        return new State().put("steps", steps).put("model", model).put("optimizer", optimizer);
    }

    @Override
    public void load(State saved) {
        long newSteps = saved.integer("steps");
        Snapshot.loadAll(saved, Map.of("model", model, "optimizer", optimizer));
        steps = newSteps;
    }
}
