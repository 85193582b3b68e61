package dev.holdfast.learner;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossInput;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.head.HeadSpec;
import dev.holdfast.objective.NetObjective;
import dev.holdfast.objective.Objective;
import dev.holdfast.optim.Optimizer;
import dev.holdfast.optim.Schedule;
import dev.holdfast.optim.Step;
import dev.holdfast.run.StepReport;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.ParamVector;
import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Stateless;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.function.ToDoubleFunction;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/**
 * A network with the optimizer that moves it: what gradient learners are composed around. It admits rows, gives unseen
 * classes a column, takes steps, predicts, and carries the state of both; what a step minimises is the learner's
 * business.
 *
 * <p>One thread learns, any number may {@link #predict} meanwhile: a prediction sees the parameters as they were between
 * two steps.
 */
public final class Net implements Stateful {
    private final NetConfig config;
    private final Admission admission;
    private final Rng rng;
    private final Schedule rate;
    private final ToDoubleFunction<ParamMeta> rateFactor;
    private final Loss loss = new CrossEntropy();
    private final ReadWriteLock lock = new ReentrantReadWriteLock();

    private Model model;
    private Optimizer optimizer;
    private long step;

    /** A fresh network for rows of this schema; a pure function of its arguments. */
    public Net(NetConfig config, Schema schema, Rng rng) {
        this(config, schema, rng, HeadSpec.linear(), UnaryOperator.identity(), null, null);
    }

    /** The same with a factor on the learning rate, whose state is not the network's: the learner moves and saves it. */
    public Net(NetConfig config, Schema schema, Rng rng, Schedule rate) {
        this(config, schema, rng, HeadSpec.linear(), UnaryOperator.identity(), new Borrowed(rate), null);
    }

    /** The same with another head. */
    public Net(NetConfig config, Schema schema, Rng rng, HeadSpec head) {
        this(config, schema, rng, head, UnaryOperator.identity(), null, null);
    }

    /** The same with a change of the fresh network, before its head gets columns and its optimizer is made. */
    public Net(NetConfig config, Schema schema, Rng rng, UnaryOperator<Model> change) {
        this(config, schema, rng, HeadSpec.linear(), change, null, null);
    }

    /** As {@link #Net(NetConfig, Schema, Rng, UnaryOperator)} with a factor of its own on the rate of every leaf. */
    public Net(
            NetConfig config,
            Schema schema,
            Rng rng,
            UnaryOperator<Model> change,
            ToDoubleFunction<ParamMeta> rateFactor) {
        this(config, schema, rng, HeadSpec.linear(), change, null, rateFactor);
    }

    /**
     * The same with another head, too. A head that says yes or no to every label takes rows with label sets where the schema
     * has them.
     */
    public Net(
            NetConfig config,
            Schema schema,
            Rng rng,
            HeadSpec head,
            UnaryOperator<Model> change,
            ToDoubleFunction<ParamMeta> rateFactor) {
        this(config, schema, rng, head, change, null, rateFactor);
    }

    private Net(
            NetConfig config,
            Schema schema,
            Rng rng,
            HeadSpec head,
            UnaryOperator<Model> change,
            Schedule rate,
            ToDoubleFunction<ParamMeta> rateFactor) {
        this.config = config;
        this.rate = rate;
        this.rateFactor = rateFactor;
        this.rng = rng;
        this.model = change.apply(config.backbone().build(schema, rng.child("init"), head));
        config.backbone().requirePrecision(model);
        this.admission = new Admission(schema, model.head().kind() == Prediction.Kind.SIGMOID_LOGITS);
        if (config.allClassesFromStart()) {
            model.head().grow(schema.classes().columns(), rng.child("head", 0));
        }
        this.optimizer = optimizerOf(model);
    }

    /** A copy that shares nothing that moves, with an optimizer that has not moved yet. */
    private Net(Net of) {
        this.config = of.config;
        this.rate = of.rate;
        this.rateFactor = of.rateFactor;
        this.admission = of.admission;
        this.rng = of.rng;
        this.model = of.model.copy();
        this.optimizer = optimizerOf(model);
        this.step = of.step;
    }

    private Optimizer optimizerOf(Model m) {
        if (rateFactor != null) {
            return config.optimizer().build(m.parameters(), rateFactor);
        }
        return rate == null
                ? config.optimizer().build(m.parameters())
                : config.optimizer().build(m.parameters(), rate);
    }

    /** A schedule without its state. */
    private record Borrowed(Schedule of) implements Schedule, Stateless {
        @Override
        public double at(long step) {
            return of.at(step);
        }

        @Override
        public String phase(long step) {
            return of.phase(step);
        }
    }

    /**
     * The network as the coming step will meet these rows, with a column for every class among them: this very network
     * where there is nothing new, else a copy. For looking ahead with {@link #peek}; rows that do not fit are refused.
     */
    public Net ahead(Batch b) {
        for (long id : admission.labelled(b)) {
            if (columns().columnOf((int) id) < 0) {
                Net copy = new Net(this);
                copy.admit(b);
                return copy;
            }
        }
        return this;
    }

    public Schema schema() {
        return admission.schema();
    }

    public Model model() {
        return model;
    }

    public Optimizer optimizer() {
        return optimizer;
    }

    public Parameters parameters() {
        return optimizer.parameters();
    }

    /** Meaning of the score columns. */
    public ClassIndex columns() {
        return model.head().columns();
    }

    /** Updates taken. */
    public long step() {
        return step;
    }

    /** A random stream for one purpose in the coming step: the same stream if the step is repeated. */
    public Rng draws(String purpose) {
        return rng.child(purpose, step);
    }

    /** Refuses rows that do not fit; then gives classes that have no column yet one, old columns untouched. */
    public void admit(Batch b) {
        Set<Integer> fresh = new LinkedHashSet<>();
        for (long id : admission.labelled(b)) {
            if (columns().columnOf((int) id) < 0) {
                fresh.add((int) id);
            }
        }
        grow(fresh, b.task());
    }

    /**
     * As {@link #admit(Batch)} with a column for every pair of class and task: a class that comes again in another task
     * gets another column there.
     */
    public void admit(Batch b, int task) {
        Set<Integer> fresh = new LinkedHashSet<>();
        Set<Integer> known = new HashSet<>();
        columns().columns().stream().filter(c -> c.task() == task).forEach(c -> known.add(c.classId()));
        for (long id : admission.labelled(b)) {
            if (!known.contains((int) id)) {
                fresh.add((int) id);
            }
        }
        grow(fresh, task);
    }

    /** Gives the classes of a part a column before its first row comes. */
    public void expect(ClassIndex classes, int task) {
        Set<Integer> fresh = new LinkedHashSet<>();
        classes.columns().stream()
                .map(ClassIndex.Column::classId)
                .filter(id -> columns().columnOf(id) < 0)
                .forEach(fresh::add);
        grow(fresh, task);
    }

    private void grow(Set<Integer> fresh, int task) {
        if (fresh.isEmpty()) {
            return;
        }
        List<ClassIndex.Column> added = new ArrayList<>();
        for (int id : fresh) {
            ClassIndex.Column known =
                    schema().classes().columns().get(schema().classes().columnOf(id));
            added.add(new ClassIndex.Column(id, known.name(), known.level(), task));
        }
        write(() -> optimizer.resize(
                model.head().grow(added, rng.child("head", columns().size()))));
    }

    /** A fresh optimizer for the same network: moments and counters begin anew. */
    public void restart() {
        write(() -> optimizer = optimizerOf(model));
    }

    /** A training pass of the coming step. */
    public Pass pass() {
        return Pass.train(draws("pass"));
    }

    /** The training pass of the coming step, with the same draws, but without a trace in the network's buffers. */
    public Pass peek() {
        return pass().withoutTrace();
    }

    /** Scores [n, columns] with graph. */
    public Tensor scores(Inputs x, Pass pass) {
        return model.scores(x, pass);
    }

    /**
     * Mean cross entropy of scores with the batch's classes, weighted if the rows are; where the schema has classes at
     * several levels, each row is compared with the classes of its level only.
     */
    public Tensor crossEntropy(Tensor scores, Batch b) {
        return loss.value(lossInput(scores, b)).total(b.rows().weights());
    }

    /** What a loss looks at in a training step. */
    public LossInput lossInput(Tensor scores, Batch b) {
        return new LossInput(scores, b.target(), b.rows(), columns(), Map.of(), true);
    }

    /** One step down the gradient of {@code loss}. */
    public Step descend(Tensor loss) {
        return descend(Autograd.grad(loss, parameters(), false));
    }

    /** One step along a gradient that the learner has put together itself. */
    public Step descend(ParamVector gradient) {
        Step[] taken = new Step[1];
        write(() -> taken[0] = optimizer.step(gradient, null));
        step++;
        return taken[0];
    }

    /** The report of a step; {@code rows} includes rehearsed ones. */
    public StepReport report(Tensor loss, long rows, Step taken) {
        StepReport r = new StepReport(loss.item_double(), rows);
        return taken.skipped()
                ? r.with(new StepReport.Event(
                        StepReport.Event.Kind.STEP_SKIPPED, "the gradient was not finite; nothing moved"))
                : r;
    }

    /** Refuses labelled rows that do not fit the schema. */
    public void requireFits(Batch b) {
        admission.labelled(b);
    }

    /** Refuses rows to predict that do not fit the schema. */
    public void requireFits(Inputs x) {
        admission.inputs(x);
    }

    /** Logits of all columns; refused before any class was learnt. */
    public Prediction predict(Inputs x) {
        return predict(x, m -> m.scores(x, Pass.eval()));
    }

    /**
     * As {@link #predict(Inputs)} for learners with a forward pass of their own.
     *
     * @param how the network, as it stands between two steps, to scores [n, columns]
     */
    public Prediction predict(Inputs x, Function<Model, Tensor> how) {
        admission.inputs(x);
        lock.readLock().lock();
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            requireColumns(columns());
            Tensor scores = how.apply(model);
            return new Prediction(s.keep(scores), columns(), kind());
        } finally {
            lock.readLock().unlock();
        }
    }

    /** How scores are to be read: one logit a label of label sets, as they are, or for a softmax. */
    public Prediction.Kind kind() {
        if (schema().target() == Target.MultiLabel.class) {
            return Prediction.Kind.SIGMOID_LOGITS;
        }
        return model.head().kind() == Prediction.Kind.SCORES ? Prediction.Kind.SCORES : Prediction.Kind.LOGITS;
    }

    /** Runs what reads the parameters in its own way, without a gradient and without a move in between. */
    public <T> T look(Supplier<T> reader) {
        lock.readLock().lock();
        try (var mode = Autograd.noGrad()) {
            return reader.get();
        } finally {
            lock.readLock().unlock();
        }
    }

    /** Refuses to predict without a class. */
    public static void requireColumns(ClassIndex columns) {
        if (columns.size() == 0) {
            throw new IllegalStateException("Nothing can be predicted before the first batch was learnt.");
        }
    }

    /** The mean cross entropy over data, as a function of these parameters, in evaluation mode. */
    public Objective objective(DataSource data) {
        return new NetObjective(model, loss, data);
    }

    /** Another loss over data, as a function of these parameters, in evaluation mode. */
    public Objective objective(DataSource data, UnaryOperator<Loss> measuredBy) {
        return new NetObjective(model, measuredBy.apply(loss), data);
    }

    /** A frozen copy for distillation; it shares nothing with this network. */
    public Model teacher() {
        return model.copy();
    }

    /** What the network and its optimizer hold. */
    public Footprint footprint(long more) {
        long bytes = 0;
        for (Tensor t : state().tensors().values()) {
            bytes += t.nbytes();
        }
        return new Footprint(
                parameters().count(),
                bytes + more,
                config.backbone().describe(schema()) + ", " + columns().size() + " classes");
    }

    @Override
    public State state() {
        return new State()
                .put("step", step)
                .put("rng", rng.key())
                .put("model", model)
                .put("optimizer", optimizer);
    }

    @Override
    public void load(State saved) {
        if (saved.integer("rng") != rng.key()) {
            throw new IllegalArgumentException("The saved network was made with another seed (stream "
                    + saved.value("rng") + ", here " + rng.key() + "), so it would not go on with the same bits."
                    + "\nMaybe create the learner with the seed it was saved with.");
        }
        // a copy takes the numbers first, so that a refusal half-way leaves nothing behind
        long newStep = saved.integer("step");
        Model newModel = model.copy();
        newModel.load(saved.child("model"));
        Optimizer newOptimizer = optimizerOf(newModel);
        newOptimizer.load(saved.child("optimizer"));
        write(() -> {
            model = newModel;
            optimizer = newOptimizer;
            step = newStep;
        });
    }

    /**
     * Runs a change of what is predicted from (leaves moved by other means than {@link #descend}) between two
     * predictions.
     */
    public <T> T change(Supplier<T> move) {
        lock.writeLock().lock();
        try {
            return move.get();
        } finally {
            lock.writeLock().unlock();
        }
    }

    private void write(Runnable move) {
        change(() -> {
            move.run();
            return null;
        });
    }
}
