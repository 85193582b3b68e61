package dev.holdfast.learner.baseline;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.learner.Admission;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.stream.LabelsetBaseline;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Looks at labels only: the class seen most often so far (majority), or the class seen last (no-change, which is hard to
 * beat on streams whose labels come in runs; Bifet et al. 2013). The plug-ins serve label sets, too, by {@link
 * LabelsetBaseline}.
 */
public final class LabelBaseline implements Learner {
    /** What is predicted. */
    public enum Rule {
        MAJORITY,
        NO_CHANGE
    }

    /** Which label is named. */
    public record Config(@Doc("the class seen most often, or the class seen last") Rule rule) {}

    private final Rule rule;
    private final Admission admission;

    /** Class ids in order of first appearance, and how often each was seen (or when last). */
    private volatile double[][] seen = new double[2][0];

    private long rows;

    public LabelBaseline(Config config, Schema schema) {
        this.rule = config.rule;
        this.admission = new Admission(schema);
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.BOUNDED_MEMORY);
    }

    @Override
    public StepReport learn(Batch b) {
        admission.labelled(b);
        double[] ids = seen[0];
        double[] weight = seen[1].clone();
        for (long y : b.classIds()) {
            int at = 0;
            while (at < ids.length && ids[at] != y) {
                at++;
            }
            if (at == ids.length) {
                ids = Arrays.copyOf(ids, at + 1);
                weight = Arrays.copyOf(weight, at + 1);
                ids[at] = y;
            }
            rows++;
            weight[at] = rule == Rule.MAJORITY ? weight[at] + 1 : rows;
        }
        seen = new double[][] {ids, weight};
        return new StepReport(Double.NaN, b.size());
    }

    @Override
    public Prediction predict(Inputs x) {
        admission.inputs(x);
        double[][] now = seen;
        List<ClassIndex.Column> columns = new ArrayList<>();
        for (double id : now[0]) {
            ClassIndex all = admission.schema().classes();
            columns.add(all.columns().get(all.columnOf((int) id)));
        }
        ClassIndex index = ClassIndex.of(columns);
        Net.requireColumns(index);
        Tensor row = Tensors.of(now[1], 1, now[1].length);
        return new Prediction(row.repeat(x.size(), 1), index, Prediction.Kind.SCORES);
    }

    @Override
    public Footprint footprint() {
        return new Footprint(seen[0].length, 16L * seen[0].length, "label counts");
    }

    @Override
    public State state() {
        return new State()
                .put("rows", rows)
                .put("ids", Tensors.of(seen[0], seen[0].length))
                .put("weight", Tensors.of(seen[1], seen[1].length));
    }

    @Override
    public void load(State saved) {
        Tensor ids = saved.tensor("ids");
        Tensors.requireShape("saved class ids", ids, -1);
        Tensors.requireShape("saved weights", saved.tensor("weight"), ids.size(0));
        double[][] loaded = {Tensors.doubles(ids), Tensors.doubles(saved.tensor("weight"))};
        for (double id : loaded[0]) {
            if (admission.schema().classes().columnOf((int) id) < 0) {
                throw new IllegalArgumentException("The saved state names class " + (long) id
                        + ", which is not declared.\nMaybe it was saved with other classes.");
            }
        }
        rows = saved.integer("rows");
        seen = loaded;
    }

    /** {@code majority}. */
    public static final class MajorityPlugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "majority";
        }

        @Override
        public String summary() {
            return "names the class or label set seen most often; looks at no input";
        }

        @Override
        public Role role() {
            return Role.BASELINE;
        }

        @Override
        public Config defaults() {
            return new Config(Rule.MAJORITY);
        }

        @Override
        public Learner create(Config config, Schema schema, Rng rng) {
            return schema.target() == Target.MultiLabel.class
                    ? LabelsetBaseline.majority(schema, rng)
                    : new LabelBaseline(config, schema);
        }
    }

    /** {@code no-change}. */
    public static final class NoChangePlugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "no-change";
        }

        @Override
        public String summary() {
            return "names the class or label set seen last; looks at no input";
        }

        @Override
        public Role role() {
            return Role.BASELINE;
        }

        @Override
        public Config defaults() {
            return new Config(Rule.NO_CHANGE);
        }

        @Override
        public Learner create(Config config, Schema schema, Rng rng) {
            return schema.target() == Target.MultiLabel.class
                    ? LabelsetBaseline.noChange(schema, rng)
                    : new LabelBaseline(config, schema);
        }
    }
}
