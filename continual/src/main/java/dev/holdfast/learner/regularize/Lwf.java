package dev.holdfast.learner.regularize;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.Schema;
import dev.holdfast.distill.SoftLogits;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Net;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.NetLearner;
import dev.holdfast.learner.SplitsGradient;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.optim.Step;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.TreeSet;
import org.bytedeco.pytorch.Tensor;

/**
 * Learning without forgetting: on the new rows, the network is held to what the network before this task says about the
 * old classes: cross entropy + alpha * distillation at temperature T, over the columns of classes seen before the task.
 *
 * <p>Li, Hoiem, <i>Learning without Forgetting</i>, arXiv 1606.09282. The warm-up of the new columns that the paper
 * suggests is left out. The settings {@code over} and {@code freeFirstStep} give the form of De Lange et al., arXiv
 * 2205.13452.
 */
public final class Lwf implements NetLearner, SplitsGradient {
    /** Which columns the softmax of the distillation runs over; those of old classes are compared either way. */
    public enum Over {
        /** The columns of old classes alone. */
        OLD_ONLY,
        /** All columns, of which those of old classes are then taken: their shares need not sum to 1. */
        SLICED
    }

    /**
     * @param alpha weight of the distillation, >= 0; 0 = fine-tuning
     * @param temperature T > 0
     * @param form KL divergence or cross entropy; the same gradient, another value
     * @param over which columns the softmax of the distillation runs over
     * @param freeFirstStep true: no distillation in the first step of a task, where both networks are equal
     */
    public record Config(
            NetConfig net,
            @Doc("weight of the distillation; 0 = fine-tuning") double alpha,
            @Doc("temperature of the softened logits") double temperature,
            @Doc("which of two values with the same gradient is reported") SoftLogits.Form form,
            @Doc("which columns the softmax of the distillation runs over") Over over,
            @Doc("leave the distillation out of the first step of a task") boolean freeFirstStep) {
        public Config {
            if (!(alpha >= 0) || Double.isInfinite(alpha)) {
                throw new IllegalArgumentException("alpha must be finite and >= 0 but is " + alpha + ".");
            }
            new SoftLogits(temperature, form);
        }

        /** KL divergence over the columns of old classes, from the first step on. */
        public static Config of(NetConfig net, double alpha, double temperature) {
            return new Config(net, alpha, temperature, SoftLogits.Form.KL, Over.OLD_ONLY, false);
        }
    }

    private final Config config;
    private final Net net;
    private final SoftLogits distillation;

    /** The network as the last task left it, and the columns it had seen rows of; null before. */
    private Model teacher;

    private int[] taught = new int[0];

    /** Whether no step was taken since the last task ended. */
    private boolean fresh;

    private final TreeSet<Integer> seen = new TreeSet<>();

    public Lwf(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.net = new Net(config.net, schema, rng.child("net"));
        this.distillation = new SoftLogits(config.temperature, config.form);
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.BOUNDED_MEMORY);
    }

    @Override
    public StepReport learn(Batch b) {
        net.admit(b);
        for (int c : net.columns().columnsOf(b.classIds())) {
            seen.add(c);
        }
        Pass pass = net.pass();
        Tensor scores = net.scores(b.inputs(), pass);
        Tensor task = net.crossEntropy(scores, b);
        Tensor held = held(scores, b);
        Tensor loss = held == null ? task : task.add(held);
        Step step = net.descend(loss);
        fresh &= step.skipped();
        StepReport r = net.report(loss, b.size(), step);
        return new StepReport(r.loss(), r.rows(), List.of(new Term("task", task.item_double())), r.events());
    }

    /** alpha * distillation, or null where there is none in the coming step. */
    private Tensor held(Tensor scores, Batch b) {
        if (teacher == null || config.alpha == 0 || config.freeFirstStep && fresh) {
            return null;
        }
        Tensor before;
        try (var mode = Autograd.noGrad()) {
            before = teacher.scores(b.inputs(), Pass.eval());
        }
        Tensor old = Tensors.ids(taught);
        Tensor value = config.over == Over.SLICED
                ? distillation.sliced(scores, before, old)
                : distillation.value(scores.index_select(1, old), before.index_select(1, old));
        return value.mul(Tensors.scalar(config.alpha));
    }

    @Override
    public Split split(Batch b) {
        Net ahead = net.ahead(b);
        Tensor scores = ahead.scores(b.inputs(), ahead.peek());
        Tensor held = held(scores, b);
        ParamVector g = Autograd.grad(ahead.crossEntropy(scores, b), ahead.parameters(), false, true);
        return held == null
                ? Split.plastic(g, Stability.DISTILLATION)
                : new Split(g, Autograd.grad(held, ahead.parameters(), false), Stability.DISTILLATION);
    }

    @Override
    public void end(Experience e) {
        fresh = true;
        teacher = net.teacher();
        taught = seen.stream().mapToInt(Integer::intValue).toArray();
    }

    @Override
    public Net net() {
        return net;
    }

    @Override
    public Footprint footprint() {
        long teacherBytes = teacher == null
                ? 0
                : teacher.state().tensors().values().stream()
                        .mapToLong(Tensor::nbytes)
                        .sum();
        return net.footprint(teacherBytes);
    }

    @Override
    public State state() {
        State s = new State()
                .put("net", net)
                .put("fresh", Boolean.toString(fresh))
                .put("taught", Tensors.ids(taught))
                .put(
                        "seen",
                        Tensors.ids(seen.stream().mapToInt(Integer::intValue).toArray()));
        return teacher == null ? s : s.put("teacher", teacher);
    }

    @Override
    public void load(State saved) {
        int[] newTaught = Columns.saved(saved, "taught");
        int[] newSeen = Columns.saved(saved, "seen");
        boolean newFresh = saved.flag("fresh");
        State savedTeacher = saved.child("teacher");
        Model newTeacher = null;
        if (!savedTeacher.values().isEmpty() || !savedTeacher.tensors().isEmpty()) {
            newTeacher = net.teacher();
            newTeacher.load(savedTeacher);
        }
        net.load(saved.child("net"));
        taught = newTaught;
        fresh = newFresh;
        seen.clear();
        for (int c : newSeen) {
            seen.add(c);
        }
        teacher = newTeacher;
    }

    /** {@code lwf}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "lwf";
        }

        @Override
        public String summary() {
            return "learning without forgetting: held to its former answers on the new rows; stores nothing";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Li, Hoiem 2016, arXiv 1606.09282";
        }

        @Override
        public Config defaults() {
            return Config.of(NetConfig.defaults(), 1, 2);
        }

        @Override
        public Lwf create(Config config, Schema schema, Rng rng) {
            return new Lwf(config, schema, rng);
        }
    }
}
