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
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.Taps;
import dev.holdfast.optim.Step;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.optim.transform.SubspaceProjection;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * Gradient projection memory: when a part is over, every layer keeps the main directions of what entered it (patches, for
 * convolutions); later gradients lose what acts on them, {@code G - G M M'}, so that old inputs pass through as before.
 * Biases, norms and all else that has no such basis move in the first part only.
 *
 * <p>Saha, Garg, Roy, <i>Gradient Projection Memory for Continual Learning</i>, arXiv 2103.09762, algorithm 1.
 */
public final class GradientMemory implements NetLearner, SplitsGradient {
    /**
     * @param rowsPerPart rows of a part whose activations are looked at when it is over
     * @param threshold share of the activations' energy that is protected, in (0, 1]
     * @param thresholdStep added to the threshold for every finished part in networks with convolutions, at most to 1
     * @param competing which score columns compete in training; with ALL the head is protected like any other layer
     */
    public record Config(
            NetConfig net,
            @Doc("rows of a part whose activations are looked at") int rowsPerPart,
            @Doc("share of the activations' energy that is protected") double threshold,
            @Doc("added to the threshold for every finished part in networks with convolutions") double thresholdStep,
            @Doc("which score columns compete in training") Competing competing) {
        public Config {
            PartLoss.check(net, "gpm");
            if (rowsPerPart < 1) {
                throw new IllegalArgumentException("rowsPerPart must be >= 1 but is " + rowsPerPart + ".");
            }
            if (!(threshold > 0 && threshold <= 1) || !(thresholdStep >= 0 && thresholdStep < 1)) {
                throw new IllegalArgumentException("threshold must be in (0, 1] and thresholdStep in [0, 1) but are "
                        + threshold + " and " + thresholdStep + ".");
            }
        }
    }

    private final Config config;
    private final Net net;
    private final PartLoss parts;
    private final SubspaceProjection projection;

    public GradientMemory(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.net = new Net(config.net, schema, rng.child("net"));
        this.parts = new PartLoss(config.competing);
        Set<String> free = new HashSet<>();
        if (config.competing == Competing.OWN_PART) {
            // a part's own rows of the head are nobody else's
            net.model().head().parameters().meta().forEach(m -> free.add(m.name()));
        }
        this.projection = new SubspaceProjection(m -> !free.contains(m.name()));
    }

    @Override
    public Capabilities capabilities() {
        // the bases grow with the parts, and a step with them, until they span their layers
        return Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.REREADS);
    }

    @Override
    public void begin(Experience e) {
        parts.begin(e, net);
    }

    @Override
    public StepReport learn(Batch b) {
        net.admit(b);
        parts.note(b, net);
        Tensor loss = parts.loss(net, net.scores(b.inputs(), parts.pass(net)), b);
        ParamVector g = Autograd.grad(loss, net.parameters(), false);
        Step step = net.descend(projection.apply(g, null));
        return net.report(loss, b.size(), step);
    }

    @Override
    public Split split(Batch b) {
        Net ahead = net.ahead(b);
        PartLoss now = new PartLoss(config.competing);
        now.load(parts.state());
        now.noteAhead(b);
        Pass pass = parts.finished() == 0 ? ahead.peek() : Pass.eval();
        ParamVector g = Autograd.grad(now.loss(ahead, ahead.scores(b.inputs(), pass), b), ahead.parameters(), false);
        return new Split(g, projection.apply(g, null).plus(-1, g), Stability.PROJECTION);
    }

    @Override
    public void end(Experience e) {
        Loader rows = e.train().batches(Pace.shuffled(1, config.rowsPerPart), net.draws("activations"));
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            Batch b = rows.next();
            Taps taps = Taps.where(n -> n.startsWith("site:") && n.endsWith(".in"));
            net.scores(b.inputs(), Pass.eval().withTaps(taps));
            List<Site> layers = protectedLayers();
            boolean convolves = layers.stream().anyMatch(l -> l.geometry().kind() == Geometry.Kind.CONV);
            double share = Math.min(1, config.threshold + (convolves ? config.thresholdStep * parts.finished() : 0));
            for (Site l : layers) {
                Tensor in = inputs(l.geometry(), taps.get("site:" + l.name() + ".in"));
                projection.protect(l.source().leaves().get(0).meta().name(), in, share);
            }
        }
        rows.close();
        parts.end();
    }

    private List<Site> protectedLayers() {
        Set<Site> free = config.competing == Competing.OWN_PART
                ? new HashSet<>(Inventory.of(net.model().head()).sites())
                : Set.of();
        return Inventory.of(net.model()).sites().stream()
                .filter(s -> !free.contains(s))
                .filter(s -> s.geometry().kind() == Geometry.Kind.LINEAR
                        || s.geometry().kind() == Geometry.Kind.CONV)
                .toList();
    }

    /**
     * What a weight is multiplied with, one vector a column [in, n]: rows, tokens, or the patches under a kernel.
     *
     * @param x what entered the layer
     */
    static Tensor inputs(Geometry g, Tensor x) {
        if (g.kind() == Geometry.Kind.LINEAR) {
            return x.reshape(-1, x.size(-1)).t();
        }
        if (g.groups() != 1) {
            throw new IllegalArgumentException("gpm cannot protect a convolution of " + g.groups() + " groups.");
        }
        long[] kernel = {g.shape().get(2), g.shape().get(3)};
        Tensor patches = torch.im2col(x.contiguous(), kernel, g.dilation(), g.padding(), g.stride());
        return patches.transpose(0, 1).reshape(g.fanIn(), -1);
    }

    /** Directions that are protected in a layer, by the name of its weight. */
    SubspaceProjection projection() {
        return projection;
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

    /** {@code gpm}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "gpm";
        }

        @Override
        public String summary() {
            return "gradient projection memory: layers learn only outside of what entered them in earlier parts";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Saha et al. 2021, arXiv 2103.09762";
        }

        /** Heads that do not compete are for streams whose task is known. */
        @Override
        public boolean madeFor(Scenario s) {
            return s.taskIdAtTest();
        }

        @Override
        public Config defaults() {
            return new Config(
                    new NetConfig(NetConfig.defaults().backbone(), OptimizerConfig.sgd(0.03), false),
                    300,
                    0.95,
                    0.003,
                    Competing.OWN_PART);
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(0.003, 0.01, 0.03, 0.1)),
                    new Axis("threshold", List.of(0.9, 0.95, 0.97, 0.99)));
        }

        @Override
        public GradientMemory create(Config config, Schema schema, Rng rng) {
            return new GradientMemory(config, schema, rng);
        }
    }
}
