package dev.holdfast.learner.hyper;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.hyper.ConditionalModel;
import dev.holdfast.nn.hyper.Hypernet;
import dev.holdfast.nn.hyper.HypernetConfig;
import dev.holdfast.optim.Step;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.bytedeco.pytorch.Tensor;

/**
 * One network for many conditions: a hypernetwork generates the weights below the head from the condition fields of each
 * row (a task code, a dose, an angle), by default in the magnitude invariant form (Ortiz et al., arXiv 2304.07645).
 *
 * <p>A step is that of plain training: cross entropy of rows whose weights differ from row to row. Norms keep weights of
 * their own, because they are shared by all rows of a batch; so does the head, which grows with the classes.
 */
public final class ConditionalNet implements NetLearner {
    /**
     * Network, hypernetwork and the range of the conditions.
     *
     * @param low smallest value of every condition, brought to 0
     * @param high largest value of every condition, brought to 1
     */
    public record Config(
            NetConfig net,
            HypernetConfig hyper,
            @Doc("smallest value of the conditions") double low,
            @Doc("largest value of the conditions") double high) {
        public Config {
            if (!(low < high) || Double.isInfinite(high - low)) {
                throw new IllegalArgumentException(
                        "Conditions need low < high but range from " + low + " to " + high + ".");
            }
        }

        /** Conditions in [0, 1]. */
        public static Config of(NetConfig net, HypernetConfig hyper) {
            return new Config(net, hyper, 0, 1);
        }
    }

    private final Net net;

    public ConditionalNet(Config config, Schema schema, Rng rng) {
        Map<String, Long> conditions = conditions(schema);
        this.net = new Net(config.net, schema, rng.child("net"), fresh -> generated(fresh, conditions, config, rng));
    }

    private static Map<String, Long> conditions(Schema schema) {
        Map<String, Long> widths = new TreeMap<>();
        for (Schema.Field f : schema.inputs()) {
            if (f.kind() == Schema.Field.Kind.CONDITION) {
                widths.put(f.name(), f.shape().stream().reduce(1L, (a, b) -> a * b));
            }
        }
        if (widths.isEmpty()) {
            throw new IllegalArgumentException("The rows have no field of kind CONDITION to generate weights from; they"
                    + " have " + schema.inputs() + ".");
        }
        return widths;
    }

    private static Model generated(Model fresh, Map<String, Long> conditions, Config config, Rng rng) {
        List<Site> head = Inventory.of(fresh.head()).sites();
        Hypernet h = Hypernet.replace(
                fresh,
                s -> s.meta().role() != Role.NORM && !head.contains(s),
                conditions,
                config.hyper,
                rng.child("hyper"));
        double[] low = new double[(int) h.conditionWidth()];
        double[] high = new double[low.length];
        Arrays.fill(low, config.low);
        Arrays.fill(high, config.high);
        h.range(low, high);
        return new ConditionalModel(fresh, conditions.keySet().stream().toList());
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.BOUNDED_MEMORY);
    }

    @Override
    public StepReport learn(Batch b) {
        net.admit(b);
        Tensor loss = net.crossEntropy(net.scores(b.inputs(), net.pass()), b);
        Step step = net.descend(loss);
        return net.report(loss, b.size(), step);
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        return net.footprint(0);
    }

    @Override
    public State state() {
        return new State().put("net", net);
    }

    @Override
    public void load(State saved) {
        net.load(saved.child("net"));
    }

    /** {@code conditional}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "conditional";
        }

        @Override
        public String summary() {
            return "a network whose weights a hypernetwork generates from each row's condition (arXiv 2304.07645)";
        }

        @Override
        public String system() {
            return "22-mip";
        }

        @Override
        public Config defaults() {
            return Config.of(NetConfig.defaults(), HypernetConfig.mip());
        }

        @Override
        public ConditionalNet create(Config config, Schema schema, Rng rng) {
            return new ConditionalNet(config, schema, rng);
        }
    }
}
