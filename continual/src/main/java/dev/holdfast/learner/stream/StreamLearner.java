package dev.holdfast.learner.stream;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.GrowsLabels;
import dev.holdfast.learner.Partitioned;
import dev.holdfast.learner.stream.part.Example;
import dev.holdfast.learner.stream.part.FeatureSpace;
import dev.holdfast.learner.stream.part.NumberReader;
import dev.holdfast.learner.stream.part.NumberWriter;
import dev.holdfast.learner.stream.part.StreamContext;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A learner of label sets around a {@link RowModel}: checks rows, keeps one writer and many readers apart, saves and loads,
 * and turns probabilities into one tensor.
 *
 * <p>Every row of a batch is predicted, then learnt, in order; the report's loss is the mean Hamming loss of those
 * predictions, so it is a prequential one. Rows can also be given as plain arrays: {@link #learnRow}, {@link
 * #predictRow}. One thread learns, any number may predict meanwhile.
 */
public final class StreamLearner implements GrowsLabels, Partitioned {
    private final String name;
    private final Schema schema;
    private final FeatureSpace space;
    private final Rng rng;
    private final Function<StreamContext, RowModel> maker;
    private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
    private Core core;

    /** What {@link #load} and {@link #addLabels} swap as a whole. */
    private record Core(ClassIndex index, StreamContext context, RowModel model, Example example) {
        int labels() {
            return index.size();
        }
    }

    /**
     * @param name the method and its configuration, so that another one's state is refused
     * @param maker makes a fresh model
     */
    StreamLearner(String name, Schema schema, Rng rng, Function<StreamContext, RowModel> maker) {
        if (schema.target() != Target.MultiLabel.class) {
            throw new IllegalArgumentException("This learner learns sets of labels, but the rows have a target of kind "
                    + schema.target().getSimpleName()
                    + ".\nMaybe a learner of one class a row fits: holdfast learners lists them.");
        }
        if (schema.classes().size() == 0) {
            throw new IllegalArgumentException("A learner of label sets needs at least one declared label.");
        }
        this.name = name;
        this.schema = schema;
        this.space = new FeatureSpace(schema);
        this.rng = rng;
        this.maker = maker;
        this.core = fresh(schema.classes());
    }

    private Core fresh(ClassIndex index) {
        StreamContext context = new StreamContext(space, index.size(), rng);
        return new Core(index, context, maker.apply(context), new Example(context));
    }

    /** What was saved with the first {@code known} of these labels. */
    private Core restored(NumberReader r, int known, ClassIndex index) {
        Core c = fresh(index);
        c.context.restore(r);
        c.model.restore(r, known);
        r.end();
        return c;
    }

    @Override
    public ClassIndex labels() {
        lock.readLock().lock();
        try {
            return core.index;
        } finally {
            lock.readLock().unlock();
        }
    }

    @Override
    public void addLabels(List<ClassIndex.Column> added) {
        ClassIndex now = core.index;
        Set<String> names = new HashSet<>();
        now.columns().forEach(c -> names.add(c.name()));
        for (ClassIndex.Column c : added) {
            if (c.name() == null || now.columnOf(c.classId()) >= 0 || !names.add(c.name())) {
                throw new IllegalArgumentException("Label " + c.classId() + " ('" + c.name()
                        + "') is to be new, but its number or its name is known already, given twice, or missing; known are "
                        + now.columns().stream().map(ClassIndex.Column::name).toList() + ".");
            }
        }
        ClassIndex wider = now.plus(added);
        if (added.isEmpty()) {
            return;
        }
        NumberWriter w = new NumberWriter();
        core.context.save(w);
        core.model.save(w);
        Core grown = restored(new NumberReader(w.toArray()), now.size(), wider);
        lock.writeLock().lock();
        try {
            core = grown;
        } finally {
            lock.writeLock().unlock();
        }
    }

    @Override
    public Capabilities capabilities() {
        EnumSet<Capabilities.Trait> traits = EnumSet.of(Capabilities.Trait.MULTI_LABEL);
        traits.addAll(core.model.traits());
        return new Capabilities(traits);
    }

    @Override
    public StepReport learn(Batch b) {
        if (b.size() == 0) {
            throw new IllegalArgumentException("A batch without rows teaches nothing; expected at least one row.");
        }
        double[][] x = space.rows(b.inputs());
        int[][] sets = sets(b);
        double[] weights = weights(b);
        int labels = core.labels();
        double[] p = new double[labels];
        long wrong = 0;
        long exact = 0;
        lock.writeLock().lock();
        try {
            for (int i = 0; i < x.length; i++) {
                if (weights != null && weights[i] == 0) {
                    continue;
                }
                learn(x[i], sets[i], weights == null ? 1 : weights[i], p);
                int w = wrong(p, sets[i]);
                wrong += w;
                exact += w == 0 ? 1 : 0;
            }
            return new StepReport(
                    (double) wrong / ((double) x.length * labels),
                    x.length,
                    List.of(new Term("subset accuracy", (double) exact / x.length)),
                    core.model.events());
        } finally {
            lock.writeLock().unlock();
        }
    }

    private void learn(double[] x, int[] set, double weight, double[] p) {
        core.model.learn(core.example.of(x, set, set.length, weight), p);
        core.example.done();
    }

    private static int wrong(double[] p, int[] set) {
        int wrong = 0;
        for (double v : p) {
            wrong += v > 0.5 ? 1 : 0;
        }
        for (int l : set) {
            wrong += p[l] > 0.5 ? -1 : 1;
        }
        return wrong;
    }

    /** Test, then train, without tensors: learns a row and returns P(label) [labels] as they were before. */
    public double[] learnRow(double[] x, int... active) {
        long row = core.context.rows();
        int labels = core.labels();
        space.require(x, row);
        for (int i = 0; i < active.length; i++) {
            if (active[i] < 0 || active[i] >= labels || (i > 0 && active[i] <= active[i - 1])) {
                throw new IllegalArgumentException("Row " + row + " has the labels " + Arrays.toString(active)
                        + "; expected distinct ones in ascending order from 0 to " + (labels - 1) + ".");
            }
        }
        double[] p = new double[labels];
        lock.writeLock().lock();
        try {
            learn(x, active, 1, p);
            core.model.events();
        } finally {
            lock.writeLock().unlock();
        }
        return p;
    }

    /** P(label) [labels] of a row, without tensors. */
    public double[] predictRow(double[] x) {
        space.require(x, 0);
        lock.readLock().lock();
        try {
            double[] p = new double[core.labels()];
            core.model.predict(new Example(core.context).of(x), p);
            return p;
        } finally {
            lock.readLock().unlock();
        }
    }

    private int[][] sets(Batch b) {
        if (!(b.target() instanceof Target.MultiLabel m)) {
            throw new IllegalArgumentException("Expected rows with label sets but the target is "
                    + b.target().getClass().getSimpleName() + ".");
        }
        int labels = core.labels();
        Tensors.requireShape("label sets", m.y(), -1, labels);
        if (m.known() != null) {
            double[] known = Tensors.doubles(m.known());
            for (int k = 0; k < known.length; k++) {
                if (known[k] != 1) {
                    throw new IllegalArgumentException("Row " + k / labels + " (id "
                            + b.rows().ids()[k / labels] + ") does not tell whether it has label " + k % labels
                            + "; this learner needs to know every label of a row.");
                }
            }
        }
        double[] y = Tensors.doubles(m.y());
        int[][] sets = new int[b.size()][];
        int[] set = new int[labels];
        for (int i = 0; i < sets.length; i++) {
            int n = 0;
            for (int l = 0; l < labels; l++) {
                double v = y[i * labels + l];
                if (v != 0 && v != 1) {
                    throw new IllegalArgumentException("Row " + i + " (id "
                            + b.rows().ids()[i] + ") has " + v + " for label " + l + "; expected 0 or 1.");
                }
                if (v == 1) {
                    set[n++] = l;
                }
            }
            sets[i] = Arrays.copyOf(set, n);
        }
        return sets;
    }

    private static double[] weights(Batch b) {
        if (b.rows().weights() == null) {
            return null;
        }
        double[] w = Tensors.doubles(b.rows().weights());
        for (int i = 0; i < w.length; i++) {
            if (!(w[i] >= 0 && w[i] <= Float.MAX_VALUE)) {
                throw new IllegalArgumentException(
                        "Row " + i + " has weight " + w[i] + "; expected a finite weight >= 0.");
            }
        }
        return w;
    }

    @Override
    public Prediction predict(Inputs x) {
        double[][] rows = space.rows(x);
        lock.readLock().lock();
        try {
            int labels = core.labels();
            double[] all = new double[rows.length * labels];
            double[] p = new double[labels];
            Example e = new Example(core.context);
            for (int i = 0; i < rows.length; i++) {
                core.model.predict(e.of(rows[i]), p);
                System.arraycopy(p, 0, all, i * labels, labels);
            }
            return new Prediction(Tensors.of(all, rows.length, labels), core.index, Prediction.Kind.PROBABILITIES);
        } finally {
            lock.readLock().unlock();
        }
    }

    @Override
    public List<List<Integer>> partition() {
        lock.readLock().lock();
        try {
            return ids(core.model.partition());
        } finally {
            lock.readLock().unlock();
        }
    }

    @Override
    public List<Change> history() {
        lock.readLock().lock();
        try {
            return core.model.history().stream()
                    .map(c -> new Change(c.row(), c.cause(), ids(c.partition())))
                    .toList();
        } finally {
            lock.readLock().unlock();
        }
    }

    private List<List<Integer>> ids(List<List<Integer>> columns) {
        return columns.stream()
                .map(g -> g.stream()
                        .map(c -> core.index.columns().get(c).classId())
                        .toList())
                .toList();
    }

    /**
     * Lays down which labels are learnt together, for a learner whose groups are given from outside.
     *
     * @param groups score columns; disjoint, and together all of them
     */
    public void regroup(List<List<Integer>> groups) {
        int labels = core.labels();
        int[] all = groups.stream()
                .flatMap(List::stream)
                .mapToInt(Integer::intValue)
                .sorted()
                .toArray();
        boolean fits = all.length == labels && groups.stream().noneMatch(List::isEmpty);
        for (int l = 0; fits && l < labels; l++) {
            fits = all[l] == l;
        }
        if (!fits) {
            throw new IllegalArgumentException("The groups " + groups
                    + " must be disjoint, not empty, and together hold each of the labels 0 to " + (labels - 1) + ".");
        }
        lock.writeLock().lock();
        try {
            core.model.regroup(groups);
        } finally {
            lock.writeLock().unlock();
        }
    }

    @Override
    public Footprint footprint() {
        lock.readLock().lock();
        try {
            return new Footprint(core.model.parameters(), 8L * numbers().length, core.model.shape());
        } finally {
            lock.readLock().unlock();
        }
    }

    private double[] numbers() {
        NumberWriter w = new NumberWriter().add(core.labels());
        for (ClassIndex.Column c : core.index.columns()) {
            w.add(c.classId()).add(c.level()).add(c.task()).add(c.name().chars().toArray());
        }
        w.add(space.width());
        core.context.save(w);
        core.model.save(w);
        return w.toArray();
    }

    @Override
    public State state() {
        lock.readLock().lock();
        try {
            double[] n = numbers();
            return new State().put("model", name).put("numbers", Tensors.of(n, n.length));
        } finally {
            lock.readLock().unlock();
        }
    }

    @Override
    public void load(State saved) {
        String other = saved.value("model");
        if (!other.equals(name)) {
            throw new IllegalArgumentException("The saved state is of " + other + " but this learner is " + name
                    + ".\nMaybe it was saved by another configuration.");
        }
        Tensor t = saved.tensor("numbers");
        Tensors.requireShape("the saved numbers", t, -1);
        if (t.scalar_type().intern() != ScalarType.Double) {
            throw new IllegalArgumentException("The saved numbers are of type "
                    + t.scalar_type().intern() + "; expected Double.\nMaybe the file is damaged.");
        }
        NumberReader r = new NumberReader(Tensors.doubles(t));
        ClassIndex known = index(r);
        ClassIndex declared = schema.classes();
        boolean more = known.size() > declared.size();
        if (!begins(more ? declared : known, more ? known : declared)) {
            throw new IllegalArgumentException(
                    "The saved state has the labels " + known + " but this learner " + declared
                            + "; expected that the longer list begins with the shorter.\nMaybe it was saved for other data.");
        }
        r.integer(space.width(), space.width());
        Core loaded = restored(r, known.size(), more ? known : declared);
        lock.writeLock().lock();
        try {
            core = loaded;
        } finally {
            lock.writeLock().unlock();
        }
    }

    private static ClassIndex index(NumberReader r) {
        List<ClassIndex.Column> columns = new ArrayList<>();
        for (int n = r.integer(1, 1 << 24); n > 0; n--) {
            int id = r.integer(0, Integer.MAX_VALUE);
            int level = r.integer(0, Integer.MAX_VALUE);
            int task = r.integer(-1, Integer.MAX_VALUE);
            int[] name = r.ints(0, Character.MAX_CODE_POINT);
            columns.add(new ClassIndex.Column(id, new String(name, 0, name.length), level, task));
        }
        return ClassIndex.of(columns);
    }

    private static boolean begins(ClassIndex part, ClassIndex whole) {
        return whole.columns().subList(0, part.size()).equals(part.columns());
    }

    /** All labels as one group. */
    static List<List<Integer>> one(int labels) {
        List<Integer> all = new ArrayList<>();
        for (int l = 0; l < labels; l++) {
            all.add(l);
        }
        return List.of(all);
    }

    /** Every label for itself. */
    static List<List<Integer>> each(int labels) {
        List<List<Integer>> g = new ArrayList<>();
        for (int l = 0; l < labels; l++) {
            g.add(List.of(l));
        }
        return g;
    }
}
