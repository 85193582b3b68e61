package dev.holdfast.learner.analytic;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.estimate.LinearSoftmax;
import dev.holdfast.estimate.LinearSvm;
import dev.holdfast.learner.Admission;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.Experience;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * FeTrIL: frozen features; of every past class only its mean is kept, and to train a classifier over old and new classes
 * each old class borrows the features of a similar new class, moved to its own mean ({@link FeatureTranslation}). The
 * classifier is one linear support vector machine a class on normalised rows, or one softmax layer over all of them,
 * retrained when a part ends.
 *
 * <p>Petit et al., <i>FeTrIL: Feature Translation for Exemplar-Free Class-Incremental Learning</i>, arXiv 2211.13131.
 */
public final class Fetril implements Learner {
    /** What is trained on true and borrowed rows. */
    public enum Classifier {
        /** One linear support vector machine a class. */
        SVC,
        /** One linear layer with softmax over all classes. */
        FC
    }

    /** What to do with a class that arrives again in a later part. */
    public enum Returning {
        /** The method assumes disjoint parts. */
        REFUSE,
        /** Its mean runs on; in the part where it returns it counts as new. */
        UPDATE_MEAN
    }

    /**
     * @param features where features come from
     * @param selector which rows a past class borrows
     * @param similarity how alike class means are; the paper says cosine, its code is Euclidean
     * @param rank k of KTH, from 1
     * @param classifier what is trained when a part ends
     * @param c C of the support vector machines, > 0
     * @param tolerance largest entry of their gradient at the end, relative to the start
     * @param fc how the layer of FC is trained
     * @param maxPseudoPerClass at most so many borrowed rows a past class
     * @param warmStart start from the previous weights of known classes; the minimum is the same
     * @param returning what to do with a class that arrives again
     */
    public record Config(
            FeatureSpace.Config features,
            @Doc("which rows a past class borrows") FeatureTranslation.Selector selector,
            @Doc("how alike class means are") FeatureTranslation.Similarity similarity,
            @Doc("k of the k-th most similar class, from 1") int rank,
            @Doc("support vector machines, or one fully connected layer") Classifier classifier,
            @Doc("C of the support vector machines") double c,
            @Doc("gradient at which the machines' search ends, relative to its start") double tolerance,
            LinearSoftmax.Config fc,
            @Doc("at most so many borrowed rows a past class") int maxPseudoPerClass,
            @Doc("start the search from the previous weights") boolean warmStart,
            @Doc("what to do with a class that arrives again") Returning returning) {
        public Config {
            new LinearSvm.Config(c, tolerance);
            if (rank < 1 || maxPseudoPerClass < 1) {
                throw new IllegalArgumentException(
                        "rank and maxPseudoPerClass must be >= 1 but are " + rank + " and " + maxPseudoPerClass + ".");
            }
        }

        /** Rows of the nearest class by cosine, machines with C = 1, disjoint parts: the paper's main method. */
        public static Config of(FeatureSpace.Config features) {
            return new Config(
                    features,
                    FeatureTranslation.Selector.NEAREST,
                    FeatureTranslation.Similarity.COSINE,
                    1,
                    Classifier.SVC,
                    1,
                    1e-6,
                    new LinearSoftmax.Config(50, 0.05, 0.9, 5e-4, 128),
                    Integer.MAX_VALUE,
                    true,
                    Returning.REFUSE);
        }

        /** The same with the k-th most similar class, for KTH. */
        public Config withRank(int k) {
            return new Config(
                    features,
                    selector,
                    similarity,
                    k,
                    classifier,
                    c,
                    tolerance,
                    fc,
                    maxPseudoPerClass,
                    warmStart,
                    returning);
        }

        /** The same with another classifier and another choice of rows. */
        public Config with(FeatureTranslation.Selector newSelector, Classifier newClassifier, double newC) {
            return new Config(
                    features,
                    newSelector,
                    similarity,
                    rank,
                    newClassifier,
                    newC,
                    tolerance,
                    fc,
                    maxPseudoPerClass,
                    warmStart,
                    returning);
        }
    }

    private final Config config;
    private final Admission admission;
    private final FeatureSpace space;
    private final Rng rng;
    private final ReadWriteLock lock = new ReentrantReadWriteLock();

    private ClassIndex columns = ClassIndex.EMPTY;
    private int parts;

    /** Means [C, D] and how many rows each is of; weights [C, D+1] of the machines, intercept last. */
    private Tensor means;

    private double[] counts = new double[0];
    private Tensor weights;

    public Fetril(Config config, Schema schema, Rng rng) {
        this.config = config;
        this.admission = new Admission(schema);
        this.space = new FeatureSpace(config.features, schema, rng.child("features"));
        this.rng = rng.child("selector");
    }

    @Override
    public Capabilities capabilities() {
        return Capabilities.of(Trait.NEEDS_BOUNDARIES, Trait.REREADS, Trait.LEARNS_AT_END, Trait.BOUNDED_MEMORY);
    }

    @Override
    public StepReport learn(Batch b) {
        admission.labelled(b);
        // the means of a whole part are needed before the first feature can be moved
        return space.frozen() ? new StepReport(Double.NaN, 0) : space.train(b);
    }

    @Override
    public void end(Experience e) {
        try (Scope s = Scope.open()) {
            PartRows part = PartRows.of(space, e.train());
            learn(part.ids(), part.rows());
            space.freeze();
        }
    }

    /** One state of the method: means of the new classes, borrowed features of the past ones, new classifiers. */
    private void learn(List<Integer> ids, List<Tensor> fresh) {
        ClassIndex index = place(ids);
        int[] newColumns =
                index.columnsOf(ids.stream().mapToLong(Integer::longValue).toArray());
        int width = (int) fresh.get(0).size(1);
        Tensor all = Tensors.zeros(ScalarType.Double, index.size(), width);
        double[] n = java.util.Arrays.copyOf(counts, index.size());
        if (means != null) {
            Tensors.slice(all, 0, means.size(0)).copy_(means);
        }
        Tensor[] freshMeans = new Tensor[fresh.size()];
        for (int k = 0; k < fresh.size(); k++) {
            Tensor rows = fresh.get(k);
            freshMeans[k] = rows.mean(new long[] {0}).unsqueeze(0);
            double m = rows.size(0);
            double before = n[newColumns[k]];
            n[newColumns[k]] = before + m;
            // equals the plain mean for a class seen for the first time
            all.select(0, newColumns[k])
                    .mul_(Tensors.scalar(before / (before + m)))
                    .add_(freshMeans[k].select(0, 0), Tensors.scalar(m / (before + m)));
        }
        int[] past = java.util.stream.IntStream.range(0, index.size())
                .filter(c -> java.util.Arrays.stream(newColumns).noneMatch(k -> k == c))
                .toArray();
        List<LinearSvm.Block> rows = new ArrayList<>();
        for (int k = 0; k < fresh.size(); k++) {
            rows.add(PartRows.block(FeatureTranslation.normalise(fresh.get(k)), newColumns[k]));
        }
        Tensor pastMeans = Tensors.rows(all, past);
        Tensor sourceMeans = Tensors.cat(0, freshMeans);
        int[][][] chosen = past.length == 0
                ? new int[0][][]
                : FeatureTranslation.select(
                        pastMeans,
                        sourceMeans,
                        fresh,
                        config.selector,
                        config.similarity,
                        config.rank,
                        config.maxPseudoPerClass,
                        rng.child("part", parts));
        Borrowing borrowing = new Borrowing(rows, fresh, sourceMeans, pastMeans, past, chosen);
        List<LinearSvm.Block> kept = borrowing.bytes(width) <= KEEP_BYTES ? borrowing.all() : null;
        Iterable<LinearSvm.Block> set = kept != null ? kept : borrowing;
        // a class that is alone is predicted whatever its weights
        Tensor fitted = index.size() == 1
                ? Tensors.zeros(ScalarType.Double, 1, width + 1)
                : switch (config.classifier) {
                    case SVC -> machines(set, index.size(), width);
                    case FC -> layer(set, index.size(), width);
                };
        commit(index, all, n, fitted);
    }

    /** One support vector machine a class [C, D+1]. */
    private Tensor machines(Iterable<LinearSvm.Block> set, int classes, int width) {
        LinearSvm.Fit fit = new LinearSvm(new LinearSvm.Config(config.c, config.tolerance), () -> set, classes, width)
                .fit(start(classes, width));
        return Tensors.cat(1, fit.weight(), fit.bias().unsqueeze(1));
    }

    /** A softmax layer over all classes [C, D+1]; its batches mix all rows, so they are held at once. */
    private Tensor layer(Iterable<LinearSvm.Block> set, int classes, int width) {
        List<Tensor> x = new ArrayList<>();
        List<int[]> columnOf = new ArrayList<>();
        set.forEach(b -> {
            x.add(b.x());
            columnOf.add(b.columns());
        });
        return LinearSoftmax.fit(
                config.fc,
                Tensors.cat(0, x.toArray(new Tensor[0])),
                columnOf.stream().flatMapToInt(java.util.Arrays::stream).toArray(),
                classes,
                start(classes, width),
                rng.child("layer", parts));
    }

    /** Borrowed rows up to so many bytes are made once; beyond that anew in every pass, never all at once. */
    private static final long KEEP_BYTES = 1L << 30;

    /** Blocks of true rows, then of borrowed ones, moved and normalised when asked for. */
    private record Borrowing(
            List<LinearSvm.Block> rows,
            List<Tensor> fresh,
            Tensor sourceMeans,
            Tensor pastMeans,
            int[] past,
            int[][][] chosen)
            implements Iterable<LinearSvm.Block> {
        long bytes(long width) {
            return java.util.Arrays.stream(chosen)
                    .flatMap(java.util.Arrays::stream)
                    .mapToLong(c -> 8L * width * c.length)
                    .sum();
        }

        List<LinearSvm.Block> all() {
            List<LinearSvm.Block> blocks = new ArrayList<>();
            forEach(blocks::add);
            return blocks;
        }

        @Override
        public java.util.Iterator<LinearSvm.Block> iterator() {
            var moved = java.util.stream.IntStream.range(0, past.length)
                    .boxed()
                    .flatMap(p -> java.util.stream.IntStream.range(0, fresh.size())
                            .filter(k -> chosen[p][k].length > 0)
                            .mapToObj(k -> PartRows.block(
                                    FeatureTranslation.normalise(FeatureTranslation.translate(
                                            Tensors.rows(fresh.get(k), chosen[p][k]),
                                            sourceMeans.select(0, k),
                                            pastMeans.select(0, p))),
                                    past[p])));
            return java.util.stream.Stream.concat(rows.stream(), moved).iterator();
        }
    }

    private Tensor start(int classes, int width) {
        if (weights == null || !config.warmStart) {
            return null;
        }
        Tensor w = Tensors.zeros(ScalarType.Double, classes, width + 1);
        Tensors.slice(w, 0, weights.size(0)).copy_(weights);
        return w;
    }

    /** The columns with those of unseen classes appended. */
    private ClassIndex place(List<Integer> ids) {
        List<ClassIndex.Column> added = new ArrayList<>();
        for (int id : ids) {
            if (columns.columnOf(id) < 0) {
                ClassIndex known = admission.schema().classes();
                added.add(known.columns().get(known.columnOf(id)));
            } else if (config.returning == Returning.REFUSE) {
                throw new IllegalArgumentException("Class " + id + " arrives again, but the method assumes that every"
                        + " class arrives once.\nMaybe set returning=UPDATE_MEAN.");
            }
        }
        return columns.plus(added);
    }

    private void commit(ClassIndex index, Tensor newMeans, double[] newCounts, Tensor newWeights) {
        lock.writeLock().lock();
        try {
            Tensor[] old = {means, weights};
            columns = index;
            means = Scope.own(newMeans);
            weights = Scope.own(newWeights);
            counts = newCounts;
            parts++;
            closeAll(old);
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
        long own = means == null ? 0 : means.nbytes() + weights.nbytes();
        return new Footprint(
                space.parameters() + (weights == null ? 0 : weights.numel()),
                own + space.bytes(),
                (config.classifier == Classifier.SVC ? "support vector machines" : "softmax layer")
                        + " and class means on " + space.describe() + ", " + columns.size() + " classes");
    }

    @Override
    public State state() {
        State s = new State()
                .put("rng", rng.key())
                .put("parts", parts)
                .put("space", space)
                .put("counts", Tensors.of(counts, counts.length))
                .put(
                        "classes",
                        Tensors.of(
                                columns.columns().stream()
                                        .mapToLong(ClassIndex.Column::classId)
                                        .toArray(),
                                columns.size()));
        return s.put("means", means).put("weights", weights);
    }

    @Override
    public void load(State saved) {
        if (saved.integer("rng") != rng.key()) {
            throw new IllegalArgumentException("The saved learner was made with another seed."
                    + "\nMaybe create the learner with the seed it was saved with.");
        }
        ClassIndex known = admission.schema().classes();
        Tensors.requireShape("saved classes", saved.tensor("classes"), -1);
        ClassIndex newColumns =
                ClassIndex.of(java.util.Arrays.stream(known.columnsOf(Tensors.longs(saved.tensor("classes"))))
                        .mapToObj(known.columns()::get)
                        .toList());
        int n = newColumns.size();
        Tensors.requireShape("saved counts", saved.tensor("counts"), n);
        double[] newCounts = Tensors.doubles(saved.tensor("counts"));
        int newParts = Math.toIntExact(saved.integer("parts"));
        if (n > 0) {
            Tensors.requireShape("saved means", saved.tensor("means"), n, space.width());
            Tensors.requireShape("saved weights", saved.tensor("weights"), n, space.width() + 1);
        }
        lock.writeLock().lock();
        try {
            space.load(saved.child("space"));
            Tensor[] old = {means, weights};
            columns = newColumns;
            counts = newCounts;
            parts = newParts;
            means = n > 0 ? Scope.own(Tensors.copy(saved.tensor("means"))) : null;
            weights = n > 0 ? Scope.own(Tensors.copy(saved.tensor("weights"))) : null;
            closeAll(old);
        } finally {
            lock.writeLock().unlock();
        }
    }

    private static void closeAll(Tensor... tensors) {
        for (Tensor t : tensors) {
            if (t != null) {
                t.close();
            }
        }
    }

    /** {@code fetril}. */
    public static final class Plugin implements LearnerPlugin<Config> {
        @Override
        public String name() {
            return "fetril";
        }

        @Override
        public String summary() {
            return "FeTrIL: keeps one mean a class and lets old classes borrow features of new ones";
        }

        @Override
        public String system() {
            return "18-fetril";
        }

        @Override
        public String paper() {
            return "Petit et al. 2023, arXiv 2211.13131";
        }

        @Override
        public Config defaults() {
            return Config.of(FeatureSpace.Config.inputs());
        }

        @Override
        public List<Axis> space() {
            return List.of(new Axis("c", List.of(0.1, 1.0, 10.0)));
        }

        @Override
        public Fetril create(Config config, Schema schema, Rng rng) {
            return new Fetril(config, schema, rng);
        }
    }
}
