package dev.holdfast.learner.analytic;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.estimate.NearestMean;
import dev.holdfast.estimate.StatisticHead;
import dev.holdfast.estimate.StreamingLda;
import dev.holdfast.learner.Admission;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Forgets;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.Mergeable;
import dev.holdfast.learner.Net;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Snapshot;
import dev.holdfast.tensor.State;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.bytedeco.pytorch.Tensor;

/**
 * A {@link StatisticHead} on frozen features: every row is learnt once and thrown away, in any order and mixture of
 * classes; merging with another learner and forgetting rows are exact.
 *
 * <p>A second pass over the same rows would count them twice, so rows of later epochs are passed over. With an extractor
 * that is trained on the first part, the statistics begin when that part ends; until then its network predicts.
 */
public final class ClosedFormLearner implements Learner, Mergeable, Forgets {
    private final String what;
    private final FeatureSpace space;
    private final RandomBuffer buffer;
    private final StatisticHead head;
    private final Admission admission;

    /** Names the stream that fixed parts were drawn from: equal keys, equal features and expansion. */
    private final long key;

    private final ReadWriteLock lock = new ReentrantReadWriteLock();

    /**
     * @param what name of the method for people
     * @param buffer fixed map from features [n, D] to the head's rows [n, M]
     */
    ClosedFormLearner(
            String what, FeatureSpace space, RandomBuffer buffer, StatisticHead head, Schema schema, Rng rng) {
        this.key = rng.key();
        this.what = what;
        this.space = space;
        this.buffer = buffer;
        this.head = head;
        this.admission = new Admission(schema);
    }

    @Override
    public Capabilities capabilities() {
        Set<Trait> traits = EnumSet.of(Trait.ONE_PASS, Trait.BOUNDED_MEMORY);
        if (space.trains()) {
            traits.addAll(EnumSet.of(Trait.NEEDS_BOUNDARIES, Trait.REREADS));
        }
        return new Capabilities(traits);
    }

    @Override
    public StepReport learn(Batch b) {
        if (b.size() == 0) {
            return new StepReport(Double.NaN, 0);
        }
        admission.labelled(b);
        if (!space.frozen()) {
            return space.train(b);
        }
        if (b.rows().epoch() > 0) {
            return new StepReport(Double.NaN, 0);
        }
        update(rows(b.inputs()), b.classIds());
        return new StepReport(Double.NaN, b.size());
    }

    private void update(Tensor rows, long[] classIds) {
        lock.writeLock().lock();
        try {
            head.update(rows, admission.schema().classes(), classIds);
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** The rows [n, M] that the head sees for inputs. */
    Tensor rows(Inputs x) {
        return buffer.apply(space.features(x));
    }

    @Override
    public void end(Experience e) {
        if (space.frozen()) {
            return;
        }
        // predictions wait: the network's scores end where those of the statistics of the whole part begin
        lock.writeLock().lock();
        try {
            space.each(e.train(), (features, ids) -> update(buffer.apply(features), ids));
            space.freeze();
        } finally {
            lock.writeLock().unlock();
        }
    }

    @Override
    public Prediction predict(Inputs x) {
        admission.inputs(x);
        lock.readLock().lock();
        try (Scope s = Scope.open()) {
            if (!space.frozen()) {
                Prediction p = space.predict(x);
                s.keep(p.scores());
                return p;
            }
            Net.requireColumns(head.columns());
            Tensor scores = head.scores(rows(x));
            return new Prediction(s.keep(scores), head.columns(), Prediction.Kind.SCORES);
        } finally {
            lock.readLock().unlock();
        }
    }

    /** The head, for those who want its weights; no other thread may learn meanwhile. */
    public StatisticHead head() {
        return head;
    }

    @Override
    public void merge(Learner other) {
        if (!(other instanceof ClosedFormLearner o) || !o.what.equals(what)) {
            throw new IllegalArgumentException("A " + what + " learner merges only with one of its kind, not with "
                    + other.getClass().getSimpleName() + ".");
        }
        requireFrozen("merge");
        o.requireFrozen("be merged");
        if (key != o.key || !space.state().sameAs(o.space.state())) {
            throw new IllegalArgumentException("The two learners see rows through different features, so their"
                    + " statistics do not add up.\nMaybe they were made with different seeds or configurations.");
        }
        lock.writeLock().lock();
        try (Scope s = Scope.open()) {
            head.merge(o.head);
        } finally {
            lock.writeLock().unlock();
        }
    }

    @Override
    public void forget(Batch b) {
        admission.labelled(b);
        requireFrozen("forget");
        lock.writeLock().lock();
        try (Scope s = Scope.open()) {
            head.remove(rows(b.inputs()), b.classIds());
        } finally {
            lock.writeLock().unlock();
        }
    }

    private void requireFrozen(String verb) {
        if (!space.frozen()) {
            throw new IllegalStateException("Before its first part has ended, a learner with an extractor of its own"
                    + " has no statistics to " + verb + ".");
        }
    }

    @Override
    public Footprint footprint() {
        return new Footprint(
                head.parameters() + buffer.parameters() + space.parameters(),
                head.bytes() + buffer.bytes() + space.bytes(),
                what + " on " + space.describe() + ", " + head.columns().size() + " classes");
    }

    @Override
    public State state() {
        return new State().put("rng", key).put("space", space).put("head", head);
    }

    @Override
    public void load(State saved) {
        if (saved.integer("rng") != key) {
            throw new IllegalArgumentException("The saved learner was made with another seed, so it sees rows through"
                    + " other random features.\nMaybe create the learner with the seed it was saved with.");
        }
        lock.writeLock().lock();
        try {
            Snapshot.loadAll(saved, Map.of("space", space, "head", head));
        } finally {
            lock.writeLock().unlock();
        }
    }

    /** Only where features come from. */
    public record NcmConfig(FeatureSpace.Config features) {}

    /** {@code ncm}. */
    public static final class NcmPlugin implements LearnerPlugin<NcmConfig> {
        @Override
        public String name() {
            return "ncm";
        }

        @Override
        public String summary() {
            return "nearest class mean; merges and forgets exactly";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Mensink et al. 2013, TPAMI 35(11)";
        }

        @Override
        public NcmConfig defaults() {
            return new NcmConfig(FeatureSpace.Config.inputs());
        }

        @Override
        public ClosedFormLearner create(NcmConfig c, Schema schema, Rng rng) {
            FeatureSpace space = new FeatureSpace(c.features, schema, rng.child("features"));
            return new ClosedFormLearner(
                    "nearest class mean", space, RandomBuffer.identity(), new NearestMean(space.width()), schema, rng);
        }
    }

    /** Where features come from, and the discriminant analysis. */
    public record SldaConfig(FeatureSpace.Config features, StreamingLda.Config lda) {}

    /** {@code slda}. */
    public static final class SldaPlugin implements LearnerPlugin<SldaConfig> {
        @Override
        public String name() {
            return "slda";
        }

        @Override
        public String summary() {
            return "streaming linear discriminant analysis; merges and forgets exactly";
        }

        @Override
        public String system() {
            return "19-cl-survey";
        }

        @Override
        public String paper() {
            return "Hayes, Kanan 2020, arXiv 1909.01520";
        }

        @Override
        public SldaConfig defaults() {
            return new SldaConfig(
                    FeatureSpace.Config.inputs(), new StreamingLda.Config(1e-4, StreamingLda.Covariance.POOLED));
        }

        @Override
        public ClosedFormLearner create(SldaConfig c, Schema schema, Rng rng) {
            FeatureSpace space = new FeatureSpace(c.features, schema, rng.child("features"));
            return new ClosedFormLearner(
                    "streaming LDA",
                    space,
                    RandomBuffer.identity(),
                    new StreamingLda(c.lda, space.width()),
                    schema,
                    rng);
        }
    }
}
