package dev.holdfast.learner.replay;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.memory.Drawn;
import dev.holdfast.memory.ReplayBuffer;
import dev.holdfast.nn.Pass;
import dev.holdfast.optim.Step;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Dark experience replay: the memory also stores the logits that the network gave a row when it was stored, and the
 * network is held to them. DER is the cross entropy of the stream + alpha * mean squared error of drawn rows' logits (eq.
 * 6); DER++ adds beta * cross entropy of a second, independent draw.
 *
 * <p>Stored logits are those of the moment of insertion: training mode, before the step. The squared error is a mean over
 * rows and classes; columns that did not exist at insertion do not count. That is why by default all declared classes have
 * columns from the start, as in the authors' code: stored logits then also say "not one of those to come".
 *
 * <p>Buzzega et al., <i>Dark Experience for General Continual Learning</i>, arXiv 2004.07211, algorithms 1 and 2.
 */
public final class DarkReplay implements NetLearner {
    private static final String LOGITS = "logits";

    /**
     * @param capacity rows in the memory, a reservoir
     * @param replayBatch rows in each draw
     * @param alpha weight of the logits' error, >= 0
     * @param beta weight of the second draw's cross entropy, >= 0; 0 = DER
     */
    public record Config(
            NetConfig net,
            @Doc("rows in the memory") int capacity,
            @Doc("rows in each draw from the memory") int replayBatch,
            @Doc("weight of the squared error to the stored logits") double alpha,
            @Doc("weight of the second draw's cross entropy; 0 = DER") double beta) {
        public Config {
            Replays.check(capacity, replayBatch);
            Replays.checkWeight("alpha", alpha);
            Replays.checkWeight("beta", beta);
        }
    }

    private final Config config;
    private final Net net;
    private final ReplayBuffer memory;

    public DarkReplay(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.net = new Net(config.net, schema, rng.child("net"));
        this.memory = ReplayBuffer.reservoir(config.capacity, rng.child("memory"));
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.BOUNDED_MEMORY, Trait.STORES_EXAMPLES);
    }

    @Override
    public StepReport learn(Batch b) {
        memory.requireFits(b);
        net.admit(b);
        Pass pass = net.pass();
        Tensor logits = net.scores(b.inputs(), pass);
        Tensor stream = net.crossEntropy(logits, b);
        Tensor loss = stream;
        long rows = b.size();

        if (config.alpha > 0 && memory.size() > 0) {
            Drawn past = memory.draw(config.replayBatch, net.draws("logits"));
            Tensor now = net.scores(past.batch().inputs(), pass);
            loss = loss.add(logitsError(now, past.extras().get(LOGITS)).mul(Tensors.scalar(config.alpha)));
            rows += past.batch().size();
        }
        if (config.beta > 0 && memory.size() > 0) {
            Drawn past = memory.draw(config.replayBatch, net.draws("labels"));
            Tensor now = net.scores(past.batch().inputs(), pass);
            loss = loss.add(net.crossEntropy(now, past.batch()).mul(Tensors.scalar(config.beta)));
            rows += past.batch().size();
        }
        Step step = net.descend(loss);
        // what could not be learnt must not come back
        if (!step.skipped()) {
            memory.offer(b, Map.of(LOGITS, logits));
        }
        StepReport r = net.report(loss, rows, step);
        return new StepReport(r.loss(), r.rows(), List.of(new Term("stream", stream.item_double())), r.events());
    }

    /** Mean over rows and stored columns of (now - stored)^2; stored [n, c] holds NaN where a column did not exist. */
    static Tensor logitsError(Tensor now, Tensor stored) {
        Tensor old = now.size(1) == stored.size(1) ? now : Tensors.slice(now, 1, 0, stored.size(1));
        Tensor known = stored.isnan().logical_not();
        Tensor d = old.sub(stored.nan_to_num()).mul(known);
        return d.mul(d).sum().div(known.sum());
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        return net.footprint(memory.bytes());
    }

    @Override
    public State state() {
        return new State().put("net", net).put("memory", memory);
    }

    @Override
    public void load(State saved) {
        Snapshot.loadAll(saved, Map.of("net", net, "memory", memory));
    }

    /** {@code der}. */
    public static final class DerPlugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "der";
        }

        @Override
        public String summary() {
            return "dark experience replay: holds the network to the logits it once gave stored rows";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Buzzega et al. 2020, arXiv 2004.07211";
        }

        @Override
        public Config defaults() {
            return new Config(NetConfig.defaults().withAllClassesFromStart(), 200, 16, 0.3, 0);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                    new Axis("alpha", List.of(0.1, 0.3, 1.0)));
        }

        @Override
        public DarkReplay create(Config config, Schema schema, Rng rng) {
            return new DarkReplay(config, schema, rng);
        }
    }

    /** {@code derpp}. */
    public static final class DerPlusPlusPlugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "derpp";
        }

        @Override
        public String summary() {
            return "DER++: stored logits and stored labels";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Buzzega et al. 2020, arXiv 2004.07211";
        }

        @Override
        public Config defaults() {
            return new Config(NetConfig.defaults().withAllClassesFromStart(), 200, 16, 0.3, 0.5);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                    new Axis("alpha", List.of(0.1, 0.3, 1.0)),
                    new Axis("beta", List.of(0.5, 1.0)));
        }

        @Override
        public DarkReplay create(Config config, Schema schema, Rng rng) {
            return new DarkReplay(config, schema, rng);
        }
    }
}
