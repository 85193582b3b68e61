package dev.holdfast.learner.project;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.learner.SplitsGradient;
import dev.holdfast.nn.Pass;
import dev.holdfast.objective.PerSampleGradients;
import dev.holdfast.optim.Step;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.optim.transform.OrthogonalGradient;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;

/**
 * Orthogonal gradient descent: when a part is over, the gradients of the logits that some of its rows have for their own
 * class are remembered; every later step is at right angles to all of them, so these logits stand still to first order.
 *
 * <p>Farajtabar, Azizan, Mott, Li, <i>Orthogonal Gradient Descent for Continual Learning</i>, arXiv 1910.07104, algorithm
 * 1, variant OGD-GTL. A remembered row costs as many numbers as the network has weights, and time in every step.
 */
public final class OrthogonalDescent implements NetLearner, SplitsGradient {
    /**
     * @param rowsPerPart rows of a part whose gradients are remembered, drawn when it is over
     * @param competing which score columns compete in training
     */
    public record Config(
            NetConfig net,
            @Doc("rows of a part whose gradients are remembered") int rowsPerPart,
            @Doc("which score columns compete in training") Competing competing) {
        public Config {
            PartLoss.check(net, "ogd");
            if (rowsPerPart < 1) {
                throw new IllegalArgumentException("rowsPerPart must be >= 1 but is " + rowsPerPart + ".");
            }
        }
    }

    private final Config config;
    private final Net net;
    private final PartLoss parts;
    private final OrthogonalGradient projection = new OrthogonalGradient(Integer.MAX_VALUE);

    public OrthogonalDescent(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.net = new Net(config.net, schema, rng.child("net"));
        this.parts = new PartLoss(config.competing);
    }

    @Override
    public Capabilities capabilities() {
        // with every part there are more directions, for as long as the stream goes on
        return Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.REREADS);
    }

    @Override
    public void begin(Experience e) {
        parts.begin(e, net);
    }

    @Override
    public StepReport learn(Batch b) {
        long[] before = sizes(net.parameters());
        net.admit(b);
        projection.grow(before, sizes(net.parameters()));
        parts.note(b, net);
        Tensor loss = parts.loss(net, net.scores(b.inputs(), parts.pass(net)), b);
        ParamVector g = Autograd.grad(loss, net.parameters(), false);
        Step step = net.descend(projection.apply(g, null));
        return net.report(loss, b.size(), step);
    }

    private static long[] sizes(Parameters p) {
        return Arrays.stream(p.tensors()).mapToLong(Tensor::numel).toArray();
    }

    @Override
    public Split split(Batch b) {
        Net ahead = net.ahead(b);
        PartLoss now = new PartLoss(config.competing);
        now.load(parts.state());
        now.noteAhead(b);
        Pass pass = parts.finished() == 0 ? ahead.peek() : Pass.eval();
        ParamVector g = Autograd.grad(now.loss(ahead, ahead.scores(b.inputs(), pass), b), ahead.parameters(), false);
        OrthogonalGradient held = projection;
        if (ahead != net) {
            held = new OrthogonalGradient(Integer.MAX_VALUE);
            held.load(projection.state());
            held.grow(sizes(net.parameters()), sizes(ahead.parameters()));
        }
        return new Split(g, held.apply(g, null).plus(-1, g), Stability.PROJECTION);
    }

    @Override
    public void end(Experience e) {
        Loader rows = e.train().batches(Pace.shuffled(1, config.rowsPerPart), net.draws("remember"));
        try (Scope s = Scope.open()) {
            Batch b = rows.next();
            Tensor scores = net.scores(b.inputs(), Pass.eval());
            Tensor own = Tensors.ids(net.columns().columnsOf(b.classIds())).unsqueeze(1);
            PerSampleGradients.forEach(
                    scores.gather(1, own).squeeze(1), net.parameters(), (g, row) -> projection.remember(g));
        }
        rows.close();
        parts.end();
    }

    /** Directions at right angles to which every step is. */
    int remembered() {
        return projection.size();
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        return net.footprint(projection.state().tensors().values().stream()
                .mapToLong(Tensor::nbytes)
                .sum());
    }

    @Override
    public State state() {
        return new State().put("net", net).put("parts", parts).put("projection", projection);
    }

    @Override
    public void load(State saved) {
        Snapshot.loadAll(saved, Map.of("net", net, "parts", parts, "projection", projection));
    }

    /** {@code ogd}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "ogd";
        }

        @Override
        public String summary() {
            return "orthogonal gradient descent: no step moves the logits of remembered rows, to first order";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Farajtabar et al. 2020, arXiv 1910.07104";
        }

        /** Heads that do not compete are for streams whose task is known. */
        @Override
        public boolean madeFor(Scenario s) {
            return s.taskIdAtTest();
        }

        /** A step projects against every remembered row. */
        @Override
        public boolean shortlisted() {
            return false;
        }

        @Override
        public Config defaults() {
            return new Config(
                    new NetConfig(NetConfig.defaults().backbone(), OptimizerConfig.sgd(0.03), false),
                    200,
                    Competing.OWN_PART);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(0.003, 0.01, 0.03, 0.1)),
                    new Axis("rowsPerPart", List.of(50, 100, 200)));
        }

        @Override
        public OrthogonalDescent create(Config config, Schema schema, Rng rng) {
            return new OrthogonalDescent(config, schema, rng);
        }
    }
}
