package dev.holdfast.learner.prototype;

import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.learner.prototype.ComponentConfig.Method;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.prototype.GlvqLoss;
import dev.holdfast.loss.prototype.MarginLoss;
import dev.holdfast.loss.prototype.RobustRadius;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.model.Classifier;
import dev.holdfast.nn.prototype.ComponentMaps;
import dev.holdfast.nn.prototype.ComponentNet;
import dev.holdfast.nn.prototype.Components;
import dev.holdfast.nn.prototype.LvqHead;
import dev.holdfast.nn.prototype.LvqNet;
import dev.holdfast.nn.prototype.PrototypeBounds;
import dev.holdfast.nn.prototype.Reasoning;
import dev.holdfast.nn.prototype.ReasoningHead;
import dev.holdfast.objective.Objective;
import dev.holdfast.optim.Constraint;
import dev.holdfast.optim.Step;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Classification by components that can be looked at, with a certified radius for every prediction: no shorter change of a
 * row alters it. Made for rows that come in any order; where classes come one after the other it forgets like plain
 * training. Its scores are probabilities of reasonings, one a class, which do not sum to 1 over classes.
 *
 * <p>A Robust Prototype-Based Network with Interpretable RBF Classifier Foundations, arXiv 2412.15499.
 */
public final class ComponentLearner implements NetLearner {
    private final ComponentConfig config;
    private final Net net;
    private final Loss loss;
    private final Constraint bounds;

    public ComponentLearner(ComponentConfig config, Schema schema, Rng rng) {
        this.config = config;
        Rng init = rng.child("prototypes");
        this.net = new Net(
                config.net(), schema, rng.child("net"), fresh -> model(config, schema, fresh, init), this::rateFactor);
        this.loss = config.method() == Method.LVQ
                ? new GlvqLoss()
                : config.objective() == ComponentConfig.Objective.RADIUS
                        ? new RobustRadius(config.radius())
                        : new MarginLoss(config.margin());
        boolean boxed = config.boxed(schema);
        this.bounds = new PrototypeBounds(
                boxed ? 0 : Double.NaN, 1, config.method() == Method.CLASSIC, config.method() == Method.LVQ);
    }

    /** The network in place of the fresh one, of which only the body is kept. */
    private static Model model(ComponentConfig config, Schema schema, Model fresh, Rng rng) {
        Layer body = ((Classifier) fresh).body();
        Components.Config shape = config.componentsFor(schema);
        if (config.method() == Method.LVQ) {
            LvqHead.Spec spec = new LvqHead.Spec(
                    config.perClass(), config.tangentRank(), shape.distanceEps(), shape.centre(), shape.spread());
            long width = schema.inputs().get(0).count();
            return new LvqNet(
                    body, spec.build("head", width, fresh.head().columns(), rng, ScalarType.Float), ScalarType.Float);
        }
        ReasoningHead.Form form =
                switch (config.method()) {
                    case CLASSIC -> ReasoningHead.Form.CLASSIC;
                    case RBF -> ReasoningHead.Form.POSITIVE;
                    case COMPONENTS, LVQ -> ReasoningHead.Form.STABLE;
                };
        ReasoningHead.Spec reasoning = new ReasoningHead.Spec(form, config.perClass());
        if (config.deep()) {
            long channels = dev.holdfast.nn.Inventory.of(fresh).sites().stream()
                    .filter(s -> s.meta().role() == ParamMeta.Role.HEAD
                            && s.geometry().shape().size() == 2)
                    .mapToLong(s -> s.geometry().sizes()[1])
                    .findFirst()
                    .orElseThrow();
            return new ComponentNet(
                    ComponentNet.withoutPooling(body),
                    new ComponentMaps(config.floor()),
                    reasoning.build("head", channels, fresh.head().columns(), rng, ScalarType.Float),
                    ScalarType.Float);
        }
        Components components = new Components(shape, schema.inputs().get(0).count(), rng, ScalarType.Float);
        return new ComponentNet(
                body,
                components,
                reasoning.build("head", components.count(), fresh.head().columns(), rng, ScalarType.Float),
                config.tangentFactor(),
                ScalarType.Float);
    }

    private double rateFactor(ParamMeta leaf) {
        boolean table = leaf.name().equals("sigma") || leaf.name().equals("head") && config.method() != Method.LVQ;
        return table ? config.tableRate() : 1;
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.BOUNDED_MEMORY);
    }

    @Override
    public StepReport learn(Batch b) {
        net.admit(b);
        LossValue value = loss.value(input(net.model(), b, net.pass(), true));
        Tensor total = value.total(b.rows().weights());
        Step step = net.descend(total);
        if (!step.skipped()) {
            net.change(() -> {
                bounds.apply(net.parameters(), net.step());
                return null;
            });
        }
        return net.report(total, b.size(), step);
    }

    /** Scores, and what the loss of the radius reads beside them, from one forward pass. */
    private static LossInput input(Model model, Batch b, Pass pass, boolean training) {
        if (model instanceof ComponentNet m) {
            ComponentNet.Detected d = m.detected(b.inputs().x(), pass);
            Reasoning tables = m.head().reasoning(pass);
            Tensor scores = tables.byClass(tables.probability(d.detections()));
            return new LossInput(
                    scores, b.target(), b.rows(), m.head().columns(), RobustRadius.side(d, tables), training);
        }
        return new LossInput(
                model.scores(b.inputs(), pass),
                b.target(),
                b.rows(),
                model.head().columns(),
                Map.of(),
                training);
    }

    @Override
    public Net net() {
        return net;
    }

    /** The loss that is trained with, over data. */
    @Override
    public Objective objective(DataSource data) {
        return new Trained(net.model(), loss, data);
    }

    private record Trained(Model model, Loss loss, DataSource data) implements Objective {
        @Override
        public Parameters parameters() {
            return model.parameters();
        }

        @Override
        public LossValue at(Batch b) {
            return loss.value(input(model, b, Pass.eval(), false));
        }
    }

    @Override
    public Footprint footprint() {
        Footprint f = net.footprint(0);
        String shape = config.method() == Method.LVQ
                ? config.perClass() + " prototypes a class"
                : (config.deep() ? f.shape() + " over its channels" : config.components() + " components") + ", "
                        + config.perClass() + " reasonings a class";
        return new Footprint(f.parameters(), f.bytes(), shape);
    }

    @Override
    public State state() {
        return new State().put("net", net);
    }

    @Override
    public void load(State saved) {
        net.load(saved.child("net"));
    }

    /** {@code component-net}. */
    public static final class Plugin implements LearnerPlugin<ComponentConfig> {
        @Override
        public String name() {
            return "component-net";
        }

        @Override
        public String summary() {
            return "reasons over components that can be looked at, with a certified radius for every prediction";
        }

        @Override
        public String system() {
            return "56-robust-pbn";
        }

        @Override
        public String paper() {
            return "Saralajew et al. 2025, arXiv 2412.15499";
        }

        /** Made for one part, so only where it is named. */
        @Override
        public boolean shortlisted() {
            return false;
        }

        @Override
        public ComponentConfig defaults() {
            return ComponentConfig.defaults();
        }

        @Override
        public Map<String, ComponentConfig> presets() {
            ComponentConfig c = ComponentConfig.defaults();
            Map<String, ComponentConfig> all = new LinkedHashMap<>();
            all.put("margin", c.forMargin(0.3));
            all.put("classic", c.with(Method.CLASSIC));
            all.put("rbf", c.with(Method.RBF));
            all.put("glvq", c.with(Method.LVQ));
            all.put("gtlvq", c.with(Method.LVQ).bending(4));
            all.put("deep", c.with(NetConfig.defaults()).forMargin(0.025));
            return all;
        }

        @Override
        public List<Axis> space() {
            return List.of(
                    new Axis("components", List.of(10, 20, 40)),
                    new Axis("radius", List.of(0.5, 1.0, 1.58)),
                    new Axis("net.optimizer.rate", List.of(0.005, 0.01)));
        }

        @Override
        public ComponentLearner create(ComponentConfig config, Schema schema, Rng rng) {
            return new ComponentLearner(config, schema, rng);
        }
    }
}
