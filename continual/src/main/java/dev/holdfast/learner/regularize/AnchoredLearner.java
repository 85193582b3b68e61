package dev.holdfast.learner.regularize;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.learner.SplitsGradient;
import dev.holdfast.optim.Step;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.penalty.Anchored;
import dev.holdfast.penalty.Importance;
import dev.holdfast.penalty.Penalty;
import dev.holdfast.penalty.RiemannianWalk;
import dev.holdfast.penalty.SynapticIntelligence;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.bytedeco.pytorch.Tensor;

/**
 * Training with a quadratic price on moving weights that mattered for finished tasks; the methods differ only in how
 * they measure what matters ({@link Anchored}: EWC, MAS, L2; {@link SynapticIntelligence}; {@link RiemannianWalk}: R-Walk,
 * EWC++).
 *
 * <p>The gradient of the task loss and that of the penalty are kept apart, so a penalty that watches the path sees the
 * task's gradient alone.
 */
public final class AnchoredLearner implements NetLearner, SplitsGradient {
    private final Net net;
    private final Penalty penalty;
    private final Capabilities capabilities;

    AnchoredLearner(NetConfig net, Penalty penalty, Set<Trait> traits, Schema schema, Rng rng) {
        this.net = new Net(net, schema, rng.child("net"));
        this.penalty = penalty;
        this.capabilities = new Capabilities(traits);
    }

    @Override
    public Capabilities capabilities() {
        return capabilities;
    }

    @Override
    public StepReport learn(Batch b) {
        net.admit(b);
        Tensor task = net.crossEntropy(net.scores(b.inputs(), net.pass()), b);
        ParamVector g = Autograd.grad(task, net.parameters(), false);
        double price = penalty.value(net.parameters()).item_double();
        Step step = net.descend(g.plus(1, penalty.gradient(net.parameters())));
        if (penalty.observes()) {
            penalty.observe(g, step);
        }
        StepReport r = net.report(task, b.size(), step);
        return new StepReport(r.loss() + price, r.rows(), List.of(new Term("penalty", price)), r.events());
    }

    @Override
    public Split split(Batch b) {
        Net ahead = net.ahead(b);
        Tensor task = ahead.crossEntropy(ahead.scores(b.inputs(), ahead.peek()), b);
        return new Split(
                Autograd.grad(task, ahead.parameters(), false),
                penalty.gradient(ahead.parameters()),
                Stability.PENALTY);
    }

    @Override
    public void end(Experience e) {
        penalty.consolidate(net.objective(e.train(), penalty::measuredBy));
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        long bytes = penalty.state().tensors().values().stream()
                .mapToLong(Tensor::nbytes)
                .sum();
        return net.footprint(bytes);
    }

    @Override
    public State state() {
        return new State().put("net", net).put("penalty", penalty);
    }

    @Override
    public void load(State saved) {
        Snapshot.loadAll(saved, Map.of("net", net, "penalty", penalty));
    }

    /** Network, and an anchor whose importance is measured when a task ends. */
    public record EwcConfig(NetConfig net, Anchored.Config anchor) {}

    /** {@code ewc}: online elastic weight consolidation, and by its settings EWC with separate anchors, MAS and L2. */
    public static final class EwcPlugin implements LearnerPlugin<EwcConfig> {
        @Override
        public String name() {
            return "ewc";
        }

        @Override
        public String summary() {
            return "elastic weight consolidation (online): holds weights where the Fisher information is high";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Kirkpatrick et al. 2017, arXiv 1612.00796; online: Schwarz et al. 2018, arXiv 1805.06370";
        }

        @Override
        public EwcConfig defaults() {
            return new EwcConfig(NetConfig.defaults(), Anchored.Config.onlineEwc(100, 1));
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                    new Axis("anchor.strength", List.of(1.0, 10.0, 100.0, 1000.0)));
        }

        @Override
        public AnchoredLearner create(EwcConfig c, Schema schema, Rng rng) {
            Set<Trait> traits = EnumSet.of(Trait.NEEDS_BOUNDARIES);
            if (c.anchor.importance() != Importance.UNIFORM) {
                traits.add(Trait.REREADS);
            }
            if (c.anchor.accumulate() != Anchored.Accumulate.SEPARATE) {
                // else there is one more anchor with every task, for as long as the stream goes on
                traits.add(Trait.BOUNDED_MEMORY);
            }
            return new AnchoredLearner(c.net, new Anchored(c.anchor, rng.child("anchor")), traits, schema, rng);
        }
    }

    /**
     * @param strength c >= 0
     * @param xi damping > 0
     * @param clip whether negative new importances count as 0
     */
    public record SiConfig(
            NetConfig net,
            @Doc("strength c of the anchor") double strength,
            @Doc("damping xi of the importance") double xi,
            @Doc("count negative new importances as 0") boolean clip) {
        public SiConfig {
            new SynapticIntelligence(strength, xi, clip);
        }
    }

    /** {@code si}. */
    public static final class SiPlugin implements LearnerPlugin<SiConfig> {
        @Override
        public String name() {
            return "si";
        }

        @Override
        public String summary() {
            return "synaptic intelligence: holds weights that made the loss fall on the way";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Zenke et al. 2017, arXiv 1703.04200";
        }

        @Override
        public SiConfig defaults() {
            NetConfig d = NetConfig.defaults();
            return new SiConfig(
                    new NetConfig(d.backbone(), OptimizerConfig.sgd(0.1).withClipNorm(5), d.allClassesFromStart()),
                    1,
                    0.1,
                    true);
        }

        @Override
        public AnchoredLearner create(SiConfig c, Schema schema, Rng rng) {
            return new AnchoredLearner(
                    c.net,
                    new SynapticIntelligence(c.strength, c.xi, c.clip),
                    Set.of(Trait.NEEDS_BOUNDARIES, Trait.BOUNDED_MEMORY),
                    schema,
                    rng);
        }
    }

    /** Network, and an importance that is measured along the way. */
    public record WalkConfig(NetConfig net, RiemannianWalk.Config walk) {}

    private static AnchoredLearner walk(WalkConfig c, Schema schema, Rng rng) {
        return new AnchoredLearner(
                c.net, new RiemannianWalk(c.walk), Set.of(Trait.NEEDS_BOUNDARIES, Trait.BOUNDED_MEMORY), schema, rng);
    }

    /** {@code r-walk}. */
    public static final class RWalkPlugin implements LearnerPlugin<WalkConfig> {
        @Override
        public String name() {
            return "r-walk";
        }

        @Override
        public boolean shortlisted() {
            return false;
        }

        @Override
        public String summary() {
            return "Riemannian walk: a Fisher information and scores that run along with training";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Chaudhry et al. 2018, arXiv 1801.10112";
        }

        @Override
        public WalkConfig defaults() {
            return new WalkConfig(NetConfig.defaults(), RiemannianWalk.Config.walk(0.1));
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                    new Axis("walk.strength", List.of(0.01, 0.1, 1.0, 10.0)));
        }

        @Override
        public AnchoredLearner create(WalkConfig c, Schema schema, Rng rng) {
            return walk(c, schema, rng);
        }
    }

    /** {@code ewcpp}: EWC++. */
    public static final class EwcPlusPlusPlugin implements LearnerPlugin<WalkConfig> {
        @Override
        public String name() {
            return "ewcpp";
        }

        @Override
        public boolean shortlisted() {
            return false;
        }

        @Override
        public String summary() {
            return "EWC++: elastic weight consolidation with a Fisher information that runs along with training";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Chaudhry et al. 2018, arXiv 1801.10112";
        }

        @Override
        public WalkConfig defaults() {
            return new WalkConfig(NetConfig.defaults(), RiemannianWalk.Config.fisher(100));
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("net.optimizer.rate", List.of(3e-4, 1e-3, 3e-3)),
                    new Axis("walk.strength", List.of(1.0, 10.0, 100.0, 1000.0)));
        }

        @Override
        public AnchoredLearner create(WalkConfig c, Schema schema, Rng rng) {
            return walk(c, schema, rng);
        }
    }
}
