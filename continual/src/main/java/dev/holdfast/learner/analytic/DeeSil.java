package dev.holdfast.learner.analytic;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.estimate.LinearSvm;
import dev.holdfast.learner.Admission;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.bytedeco.pytorch.Tensor;

/**
 * DeeSIL: frozen features, and for every class one linear support vector machine that is trained once, when its part ends,
 * against the other classes of that part, and then kept. Machines of different parts never saw each other's rows, so their
 * scores need not compare; {@link Fetril} is a cure. A class that is alone in its part is learnt from its own rows alone.
 *
 * <p>Belouadah, Popescu, <i>DeeSIL: Deep-Shallow Incremental Learning</i>, arXiv 1808.06396.
 */
public final class DeeSil implements Learner {
    /**
     * @param features where features come from; as published, a network trained on the first part
     * @param c C of the support vector machines, > 0
     * @param tolerance largest entry of their gradient at the end, relative to the start
     */
    public record Config(
            FeatureSpace.Config features,
            @Doc("C of the support vector machines") double c,
            @Doc("gradient at which the machines' search ends, relative to its start") double tolerance) {
        public Config {
            new LinearSvm.Config(c, tolerance);
        }
    }

    private final Config config;
    private final Admission admission;
    private final FeatureSpace space;
    private final long key;
    private final ReadWriteLock lock = new ReentrantReadWriteLock();

    private ClassIndex columns = ClassIndex.EMPTY;

    /** [C, D+1] of the machines, intercept last. */
    private Tensor weights;

    public DeeSil(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.admission = new Admission(schema);
        this.space = new FeatureSpace(config.features, schema, rng.child("features"));
        this.key = rng.key();
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.REREADS, Trait.LEARNS_AT_END, Trait.BOUNDED_MEMORY);
    }

    @Override
    public StepReport learn(Batch b) {
        admission.labelled(b);
        return space.frozen() ? new StepReport(Double.NaN, 0) : space.train(b);
    }

    @Override
    public void end(Experience e) {
        try (Scope s = Scope.open()) {
            PartRows part = PartRows.of(space, e.train());
            ClassIndex index = place(part.ids());
            List<LinearSvm.Block> set = new ArrayList<>();
            for (int k = 0; k < part.rows().size(); k++) {
                set.add(PartRows.block(FeatureTranslation.normalise(part.rows().get(k)), k));
            }
            int width = (int) part.rows().get(0).size(1);
            LinearSvm.Fit fit = new LinearSvm(
                            new LinearSvm.Config(config.c, config.tolerance), () -> set, set.size(), width)
                    .fit(null);
            Tensor fresh = Tensors.cat(1, fit.weight(), fit.bias().unsqueeze(1));
            commit(index, weights == null ? fresh : Tensors.cat(0, weights, fresh));
            space.freeze();
        }
    }

    /** The columns with those of this part's classes appended, in their order. */
    private ClassIndex place(List<Integer> ids) {
        ClassIndex known = admission.schema().classes();
        for (int id : ids) {
            if (columns.columnOf(id) >= 0) {
                throw new IllegalArgumentException(
                        "Class " + id + " arrives again, but the method trains a class once, in"
                                + " its own part.\nMaybe another learner or another scenario is meant.");
            }
        }
        return columns.plus(
                ids.stream().map(id -> known.columns().get(known.columnOf(id))).toList());
    }

    private void commit(ClassIndex index, Tensor newWeights) {
        lock.writeLock().lock();
        try {
            Tensor old = weights;
            columns = index;
            weights = newWeights == null ? null : Scope.own(newWeights);
            if (old != null) {
                old.close();
            }
        } finally {
            lock.writeLock().unlock();
        }
    }

    @Override
    public Prediction predict(Inputs x) {
        admission.inputs(x);
        lock.readLock().lock();
        try (Scope s = Scope.open()) {
            if (weights == null) {
                throw new IllegalStateException("Nothing can be predicted before the first part has ended.");
            }
            Tensor f = FeatureTranslation.normalise(space.features(x));
            int d = (int) f.size(1);
            Tensor scores = f.matmul(Tensors.slice(weights, 1, 0, d).t()).add_(weights.select(1, d));
            return new Prediction(s.keep(scores), columns, Prediction.Kind.SCORES);
        } finally {
            lock.readLock().unlock();
        }
    }

    @Override
    public Footprint footprint() {
        return new Footprint(
                space.parameters() + (weights == null ? 0 : weights.numel()),
                space.bytes() + (weights == null ? 0 : weights.nbytes()),
                "support vector machines on " + space.describe() + ", " + columns.size() + " classes");
    }

    @Override
    public State state() {
        return new State()
                .put("rng", key)
                .put("space", space)
                .put(
                        "classes",
                        Tensors.of(
                                columns.columns().stream()
                                        .mapToLong(ClassIndex.Column::classId)
                                        .toArray(),
                                columns.size()))
                .put("weights", weights);
    }

    @Override
    public void load(State saved) {
        if (saved.integer("rng") != key) {
            throw new IllegalArgumentException("The saved learner was made with another seed."
                    + "\nMaybe create the learner with the seed it was saved with.");
        }
        ClassIndex known = admission.schema().classes();
        Tensors.requireShape("saved classes", saved.tensor("classes"), -1);
        ClassIndex newColumns = ClassIndex.of(Arrays.stream(known.columnsOf(Tensors.longs(saved.tensor("classes"))))
                .mapToObj(known.columns()::get)
                .toList());
        int n = newColumns.size();
        if (n > 0) {
            Tensors.requireShape("saved weights", saved.tensor("weights"), n, space.width() + 1);
        }
        space.load(saved.child("space"));
        commit(newColumns, n > 0 ? Tensors.copy(saved.tensor("weights")) : null);
    }

    /** {@code deesil}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "deesil";
        }

        @Override
        public String summary() {
            return "DeeSIL: one machine a class, trained once against the other classes of its part";
        }

        @Override
        public String system() {
            return "18-fetril";
        }

        @Override
        public String paper() {
            return "Belouadah, Popescu 2018, arXiv 1808.06396";
        }

        @Override
        public Config defaults() {
            return new Config(
                    new FeatureSpace.Config(FeatureSpace.Extractor.FIRST_PART, NetConfig.defaults()), 1, 1e-6);
        }

        @Override
        public List<Axis> space() {
            return List.of(new Axis("c", List.of(0.1, 1.0, 10.0)));
        }

        @Override
        public DeeSil create(Config config, Schema schema, Rng rng) {
            return new DeeSil(config, schema, rng);
        }
    }
}
