package dev.holdfast.diagnose.scaling;

import dev.holdfast.diagnose.scaling.LrSweep.Shape;
import dev.holdfast.language.train.Pretraining;
import dev.holdfast.language.train.TokenBatches;
import dev.holdfast.nn.lm.Decoder;
import dev.holdfast.optim.ChainOptimizer;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * One small model, trained once.
 *
 * @param size numbers in all leaves
 * @param initialLoss held-out loss before any step, nats a token
 * @param loss held-out loss after the last; NaN if the training diverged
 * @param trainingLoss objective of the last tenth of the steps, mean; NaN if it diverged
 * @param looks inside, on one held-out batch; the last is after the last step, or where it diverged
 */
public record ProxyRun(
        Shape shape, long size, double rate, double initialLoss, double loss, double trainingLoss, List<Look> looks) {
    private static final int HELD_BATCHES = 4;

    /** The inside of the model after so many steps. */
    public record Look(long step, InternalStatistics inside) {}

    public ProxyRun {
        looks = List.copyOf(looks);
    }

    /** Whether a loss stopped being a number. */
    public boolean diverged() {
        return !Double.isFinite(loss);
    }

    /** The last look at which everything was finite, or the first if nothing ever was. */
    public InternalStatistics last() {
        for (int i = looks.size() - 1; i > 0; i--) {
            if (looks.get(i).inside.finite()) {
                return looks.get(i).inside;
            }
        }
        return looks.get(0).inside;
    }

    /**
     * Trains a model from the start; a run that is cancelled counts as diverged.
     *
     * @param held batches that are not trained on; the first four are evaluated, the first is looked at
     * @param every steps between two looks, >= 1
     */
    static ProxyRun of(
            ProxyRecipe recipe,
            Shape shape,
            double rate,
            TokenBatches train,
            TokenBatches held,
            int every,
            Rng rng,
            BooleanSupplier cancelled) {
        try (Scope all = Scope.open()) {
            Decoder model = recipe.decoder(shape).build(rng.child("model"), ScalarType.Float);
            ChainOptimizer optimizer = recipe.optimizer(model.parameters(), rate);
            Pretraining training = new Pretraining(model, optimizer, train, recipe.objective(), rng.child("pass"));
            List<Look> looks = new ArrayList<>();
            double initial = training.evaluate(held, HELD_BATCHES);
            double[] losses = new double[recipe.steps()];
            Arrays.fill(losses, Double.NaN);
            looks.add(look(training, optimizer, held, recipe));
            for (int t = 0; t < losses.length && !cancelled.getAsBoolean(); t++) {
                try (Scope s = Scope.open()) {
                    losses[t] = training.step().loss();
                }
                boolean over = !Double.isFinite(losses[t]);
                if (over || (t + 1) % every == 0 || t + 1 == losses.length) {
                    looks.add(look(training, optimizer, held, recipe));
                }
                if (over) {
                    break;
                }
            }
            boolean whole = Double.isFinite(losses[losses.length - 1]);
            ProxyRun run = new ProxyRun(
                    shape,
                    model.parameters().count(),
                    rate,
                    initial,
                    whole ? training.evaluate(held, HELD_BATCHES) : Double.NaN,
                    Arrays.stream(losses, losses.length - Math.max(1, losses.length / 10), losses.length)
                            .average()
                            .orElseThrow(),
                    looks);
            for (Tensor t : model.parameters().tensors()) {
                t.close();
            }
            return run;
        }
    }

    private static Look look(Pretraining t, ChainOptimizer optimizer, TokenBatches held, ProxyRecipe recipe) {
        try (Scope s = Scope.open()) {
            return new Look(t.steps(), InternalStatistics.of(t.model(), optimizer, held.at(0), recipe.objective()));
        }
    }
}
