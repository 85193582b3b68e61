package dev.holdfast.learner.noisy;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.data.augment.Mixup;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.ManyNets;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.SampleEstimates;
import dev.holdfast.loss.EarlyLearning;
import dev.holdfast.loss.LossValue;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.optim.Step;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.pytorch.Tensor;

/**
 * ELR+: early-learning regularisation with two networks that tell each other what they believe about every sample, a
 * running average of the weights, and mixup. A whole pass over the data trains network A, with running targets fed by the
 * averaged B; the next pass trains B, fed by the averaged A. They predict together, by the mean of their logits.
 *
 * <p>One epoch of the paper is therefore two passes here: passes of an experience take turns, or with {@code
 * turns=BATCH} batches do, for streams that pass by once. Each of the three parts can be switched off; without all of them
 * the learner is ELR without the clamp on what enters the running targets.
 *
 * <p>Every sample needs a stable id: targets are kept by id and grow with the samples that are seen. A batch that names a
 * sample twice or has rows without an id is refused (see {@link EarlyLearning.Config}).
 *
 * <p>Liu, Niles-Weed, Razavian, Fernandez-Granda: <i>Early-Learning Regularization Prevents Memorization of Noisy
 * Labels</i>, arXiv 2007.00151, section 4; step order as in the authors' code.
 */
public final class ElrPlus implements Learner, SampleEstimates {
    /** What takes turns in training A and B. */
    public enum Turns {
        /** Passes over an experience: even ones train A, odd ones B, as in the paper. */
        PASS,
        /** Batches: for streams of one pass. */
        BATCH
    }

    /** Whose logits are averaged into a prediction. */
    public enum Voters {
        /** The trained networks. */
        NETWORKS,
        /** Their running averages. */
        AVERAGES
    }

    /**
     * @param elr loss; what enters its running targets is not clamped in the paper's ELR+
     * @param twoNetworks off: one network, which learns in every pass and feeds its own targets
     * @param weightAverage off: targets come from the network itself instead of its average
     * @param averageShare share of the old average, in [0, 1)
     * @param averageRampSteps 0: the share is min(1 - 1/(step + 1), averageShare), which suits any length of training; else
     *     it rises to averageShare by a sigmoid over so many steps (the authors' CIFAR runs: 40000)
     * @param mixup parameter of the Beta distribution; 0 = off
     * @param predictWith whose logits are averaged
     */
    public record Config(
            NetConfig net,
            EarlyLearning.Config elr,
            @Doc("two networks that feed each other's targets, or one that feeds its own") boolean twoNetworks,
            @Doc("feed targets from a running average of the weights") boolean weightAverage,
            @Doc("share of the old average in the new one") double averageShare,
            @Doc("steps over which that share rises; 0 = a plain mean at first") long averageRampSteps,
            @Doc("parameter of mixup's Beta distribution; 0 = off") double mixup,
            @Doc("what takes turns in training the two networks") Turns turns,
            @Doc("whose logits are averaged into a prediction") Voters predictWith) {
        public Config {
            if (!(averageShare >= 0 && averageShare < 1)) {
                throw new IllegalArgumentException("averageShare must be in [0, 1) but is " + averageShare + ".");
            }
            if (averageRampSteps < 0) {
                throw new IllegalArgumentException("averageRampSteps must be >= 0 but is " + averageRampSteps + ".");
            }
            if (!(mixup >= 0) || Double.isInfinite(mixup)) {
                throw new IllegalArgumentException("mixup must be finite and >= 0 but is " + mixup + ".");
            }
            if (predictWith == Voters.AVERAGES && !weightAverage) {
                throw new IllegalArgumentException("predictWith=AVERAGES needs weightAverage=true.");
            }
        }

        /** The paper's settings for ten classes with symmetric noise, around this network. */
        public static Config of(NetConfig net) {
            return new Config(
                    net,
                    new EarlyLearning.Config().withoutClamp(),
                    true,
                    true,
                    0.997,
                    0,
                    1,
                    Turns.PASS,
                    Voters.NETWORKS);
        }
    }

    private final Config config;
    private final ManyNets nets;
    private final List<AveragedNet> averages = new ArrayList<>();
    private final List<EarlyLearning> losses = new ArrayList<>();

    public ElrPlus(Config config, Schema schema, Rng rng) {
        this.config = config;
        if (config.mixup > 0) {
            Mixup.requireMixable(schema);
        }
        this.nets = new ManyNets(config.twoNetworks ? 2 : 1, config.net, schema, rng);
        for (int i = 0; i < nets.size(); i++) {
            losses.add(new EarlyLearning(config.elr));
            if (config.weightAverage) {
                averages.add(new AveragedNet(nets.get(i), config.averageShare, config.averageRampSteps));
            }
        }
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of();
    }

    @Override
    public StepReport learn(Batch b) {
        losses.get(0).requireFits(b.rows());
        admit(b);
        int turn = turn(b);
        Net net = nets.get(turn);
        EarlyLearning loss = losses.get(turn);

        Batch mixed = new Mixup(config.mixup, net.columns()).apply(b, net.draws("mixup"));
        Tensor z = net.scores(mixed.inputs(), net.pass());
        Tensor belief = belief(turn, b, mixed, z);
        // a prediction that is no number teaches the targets nothing; the step below is then refused and reported
        if (Tensors.finite(belief)) {
            loss.observe(net.lossInput(belief, b));
        }
        LossValue value = loss.value(net.lossInput(z, mixed));
        Tensor total = value.total(mixed.rows().weights());
        Step step = nets.change(() -> {
            Step taken = net.descend(total);
            if (config.weightAverage && !taken.skipped()) {
                averages.get(turn).update(net, taken);
            }
            return taken;
        });
        StepReport r = net.report(total, b.size(), step);
        return new StepReport(r.loss(), r.rows(), value.parts(), r.events());
    }

    private void admit(Batch b) {
        nets.change(() -> {
            nets.admit(b);
            for (int i = 0; i < averages.size(); i++) {
                averages.get(i).follow(nets.get(i));
            }
            return null;
        });
    }

    /** Which network learns from this batch. */
    private int turn(Batch b) {
        long steps = 0;
        for (int i = 0; i < nets.size(); i++) {
            steps += nets.get(i).step();
        }
        return (int) ((config.turns == Turns.PASS ? b.rows().epoch() : steps) % nets.size());
    }

    /** Logits that feed the running targets: the averaged peer's for the rows as they came, in training mode. */
    private Tensor belief(int turn, Batch b, Batch mixed, Tensor z) {
        if (nets.size() == 1 && averages.isEmpty() && mixed == b) {
            return z.detach();
        }
        int peer = nets.size() - 1 - turn;
        Model feeder =
                averages.isEmpty() ? nets.get(peer).model() : averages.get(peer).model();
        try (var mode = Autograd.noGrad()) {
            return feeder.scores(b.inputs(), Pass.train(nets.get(turn).draws("belief")));
        }
    }

    @Override
    public Prediction predict(Inputs x) {
        if (config.predictWith == Voters.NETWORKS) {
            return nets.predict(x);
        }
        nets.get(0).requireFits(x);
        return nets.predict(x, averages, a -> {
            try (var mode = Autograd.noGrad()) {
                return a.model().scores(x, Pass.eval());
            }
        });
    }

    /** The mean of both networks' running targets. */
    @Override
    public Optional<Estimates> sampleEstimates() {
        return losses.stream()
                .filter(l -> l.targets() != null)
                .map(l -> Estimates.of(l.targets(), nets.columns()))
                .reduce(Estimates::and);
    }

    /** The networks; others may look, only the learner moves them. */
    public ManyNets nets() {
        return nets;
    }

    @Override
    public Footprint footprint() {
        long more = 0;
        for (Tensor t : rest().tensors().values()) {
            more += t.nbytes();
        }
        return nets.footprint(more);
    }

    private State rest() {
        State s = new State();
        parts().forEach((name, part) -> {
            if (part != nets) {
                s.put(name, part);
            }
        });
        return s;
    }

    private Map<String, Stateful> parts() {
        Map<String, Stateful> parts = new LinkedHashMap<>();
        parts.put("nets", nets);
        for (int i = 0; i < averages.size(); i++) {
            parts.put("average" + i, averages.get(i));
        }
        for (int i = 0; i < losses.size(); i++) {
            parts.put("loss" + i, losses.get(i));
        }
        return parts;
    }

    @Override
    public State state() {
        return rest().put("nets", nets);
    }

    @Override
    public void load(State saved) {
        nets.change(() -> {
            Snapshot.loadAll(saved, parts());
            return null;
        });
    }

    /** {@code elr-plus}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "elr-plus";
        }

        @Override
        public String summary() {
            return "ELR+ for wrong labels: two networks, averaged weights, mixup";
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
        public Config defaults() {
            return Config.of(NetConfig.defaults());
        }

        @Override
        public List<Axis> space() {
            return Elr.space("elr.");
        }

        @Override
        public ElrPlus create(Config config, Schema schema, Rng rng) {
            return new ElrPlus(config, schema, rng);
        }
    }
}
