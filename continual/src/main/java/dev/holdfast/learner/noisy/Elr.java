package dev.holdfast.learner.noisy;

import dev.holdfast.data.Schema;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.loss.EarlyLearning;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Plugin.Axis;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import java.util.List;

/**
 * Early-learning regularisation: plain training with the loss {@link EarlyLearning}. All there is to it is the loss, so
 * {@code finetune} with {@code loss.kind=elr} is the same learner.
 */
public final class Elr {
    private Elr() {}

    static List<Axis> space(String prefix) {
        return List.of(
                new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                new Axis(prefix + "beta", List.of(0.7, 0.9)),
                new Axis(prefix + "lambda", List.of(1.0, 3.0, 7.0)));
    }

    /** {@code elr}. */
    public static final class Plugin implements LearnerPlugin<Finetune.Config> {
        @Override
        public String name() {
            return "elr";
        }

        @Override
        public String summary() {
            return "early-learning regularisation: does not memorise wrong labels, and lists them";
        }

        /** Wrong labels, which no stream tells of; elsewhere it is plain training. */
        @Override
        public boolean madeFor(Scenario s) {
            return false;
        }

        @Override
        public boolean forWrongLabels() {
            return true;
        }

        @Override
        public String system() {
            return "28-elr";
        }

        @Override
        public String paper() {
            return "Liu et al. 2020, arXiv 2007.00151";
        }

        @Override
        public Finetune.Config defaults() {
            return new Finetune.Config(NetConfig.defaults(), new EarlyLearning.Config());
        }

        @Override
        public List<Axis> space() {
            return Elr.space("loss.");
        }

        @Override
        public Finetune create(Finetune.Config config, Schema schema, Rng rng) {
            return new Finetune(config, schema, rng);
        }
    }
}
