package dev.holdfast.evaluate;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.learner.Learner;
import dev.holdfast.math.stream.Adwin;
import dev.holdfast.run.Moment;
import dev.holdfast.run.RunLog;
import dev.holdfast.run.StepReport;
import dev.holdfast.run.Term;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import java.util.List;

/**
 * Scores of a stream whose rows are predicted before they are learnt: over all rows so far, in blocks of rows (accuracy
 * over time), of the no-change baseline that repeats the labels of the row before, and the places where the error rose.
 *
 * <p>Rows with one class are scored by {@link dev.holdfast.evaluate.metric.ClassAgreement}, label sets by {@link
 * dev.holdfast.evaluate.metric.MultiLabelMetrics}; a label is said if its probability exceeds 1/2. Rows of {@linkplain
 * Target.ClassIds#NO_CLASS no class} are shown to the learner but not counted. A learner that cannot
 * predict yet has said nothing: a wrong class, or the empty set. A drift is noted where {@link Adwin} finds that the
 * error of the rows (0 or 1; for label sets the share of wrong labels) changed and went up.
 *
 * <p>Gama, Sebastiao, Rodrigues: <i>On evaluating stream learning algorithms</i>, 2013. One thread.
 */
public final class Prequential implements Stateful {
    /** Prefix of the headline metric of each block in the log: accuracy, or micro-F1 of label sets. */
    public static final String BLOCK = "prequential";

    /** The same of the no-change baseline. */
    public static final String NO_CHANGE = "prequential no-change";

    /** Rows at which the error rose, in the log. */
    public static final String DRIFT = "drift";

    /** Prefix of what the learner itself told of, in the log: {@code event PARTITION_CHANGED}. */
    public static final String EVENT = "event ";

    /**
     * How a stream is scored.
     *
     * @param block rows of one point of the curve
     * @param delta confidence parameter of the drift detection, in (0, 1)
     */
    public record Config(long block, double delta) {
        public Config {
            if (block < 1 || !(delta > 0 && delta < 1)) {
                throw new IllegalArgumentException("Prequential scores need block >= 1 and 0 < delta < 1 but have "
                        + block + " and " + delta + ".");
            }
        }

        /** Blocks of 500 rows, delta 0.002. */
        public static Config defaults() {
            return new Config(500, Adwin.DELTA);
        }

        /** Blocks such that {@code rows} rows give about {@code points} of them. */
        public static Config points(long rows, int points) {
            return new Config(Math.max(1, rows / points), Adwin.DELTA);
        }
    }

    private final Schema schema;
    private final Config config;
    private final boolean sets;
    private StreamScore all;
    private StreamScore block;
    private Adwin error;
    private long drifts;
    private boolean rose;

    /** Whether the learner has predicted before. */
    private boolean spoke;

    public Prequential(Schema schema, Config config) {
        this.schema = schema;
        this.config = config;
        this.sets = schema.target() == Target.MultiLabel.class;
        if (!sets && schema.target() != Target.ClassIds.class) {
            throw new IllegalArgumentException("A stream of "
                    + schema.target().getSimpleName()
                    + " cannot be scored row by row; expected rows with one class each, or with label sets.");
        }
        this.all = StreamScore.of(sets, schema.classes().size());
        this.block = StreamScore.of(sets, schema.classes().size());
        this.error = new Adwin(config.delta);
    }

    /** Lets {@code learner} predict rows whose labels it has not seen, and scores them. */
    public void test(Learner learner, Batch b) {
        try (Scope s = Scope.open()) {
            Prediction p = predicted(learner, b);
            boolean[][] truth = truth(b);
            boolean[][] said = said(p, b.size());
            for (int i = 0; i < truth.length; i++) {
                if (truth[i] == null) {
                    continue;
                }
                all.add(truth[i], said[i]);
                block.add(truth[i], said[i]);
                rose |= error.add(StreamScore.error(truth[i], said[i], sets)) && error.rose();
            }
        }
    }

    /** Notes what happened since the last call: a full block's scores, a rise of the error, the learner's own events. */
    public void note(Moment m, RunLog log) {
        if (rose) {
            rose = false;
            drifts++;
            log.put(DRIFT, -1, m, error.mean());
        }
        for (StepReport.Event e : m.last().events()) {
            log.put(EVENT + e.kind(), -1, m, 1);
        }
        if (block.rows() >= config.block) {
            log.put(BLOCK, -1, m, block.headline().value());
            log.put(NO_CHANGE, -1, m, block.noChange().value());
            block = block.next();
        }
    }

    /** Name of the headline metric for rows of a schema: accuracy, or micro-F1 of label sets. */
    public static String headline(Schema schema) {
        return new Prequential(schema, Config.defaults()).headline().name();
    }

    /** Rows scored. */
    public long rows() {
        return all.rows();
    }

    /** Times that the error rose. */
    public long drifts() {
        return drifts;
    }

    /** Mean error of the rows since the last change: what the learner does now. */
    public double recentError() {
        return error.mean();
    }

    /** Accuracy, or micro-F1 of label sets, over all rows; NaN before the first. */
    public Term headline() {
        return all.headline();
    }

    /** The same metric of repeating the labels of the row before. */
    public Term noChange() {
        return all.noChange();
    }

    /** All metrics over all rows: of the learner first, then of the no-change baseline. */
    public List<Term> metrics() {
        return all.metrics();
    }

    /** All metrics of the rows since the last full block. */
    public List<Term> blockMetrics() {
        return block.metrics();
    }

    /** Null while the learner has nothing to say; once it has predicted, a refusal is an error like any other. */
    private Prediction predicted(Learner learner, Batch b) {
        try {
            Prediction p = learner.predict(b.inputs());
            spoke = true;
            return p;
        } catch (IllegalStateException nothingLearntYet) {
            if (spoke) {
                throw nothingLearntYet;
            }
            return null;
        }
    }

    /** What each row is; null for a row of no class. */
    private boolean[][] truth(Batch b) {
        if (sets) {
            if (b.target() instanceof Target.MultiLabel m && m.known() == null) {
                return m.sets();
            }
            throw new IllegalArgumentException("Expected rows whose label sets are wholly known but the target is "
                    + b.target().getClass().getSimpleName() + ".");
        }
        long[] ids = b.classIds();
        boolean[][] y = new boolean[ids.length][schema.classes().size()];
        for (int i = 0; i < ids.length; i++) {
            if (ids[i] == Target.ClassIds.NO_CLASS) {
                y[i] = null;
                continue;
            }
            int c = schema.classes().columnOf((int) ids[i]);
            if (c < 0) {
                throw new IllegalArgumentException(
                        "Row " + i + " (id " + b.rows().ids()[i] + ") has class " + ids[i] + ", which is not among the "
                                + schema.classes().size() + " declared classes.");
            }
            y[i][c] = true;
        }
        return y;
    }

    private boolean[][] said(Prediction p, int n) {
        ClassIndex all = schema.classes();
        boolean[][] said = new boolean[n][all.size()];
        if (p == null) {
            return said;
        }
        if (!sets) {
            int[] ids = p.classes();
            for (int i = 0; i < n; i++) {
                said[i][all.columnOf(ids[i])] = true;
            }
            return said;
        }
        boolean[][] over = p.labelSets();
        for (int c = 0; c < p.columns().size(); c++) {
            int at = all.columnOf(p.columns().columns().get(c).classId());
            for (int i = 0; i < n; i++) {
                said[i][at] = over[i][c];
            }
        }
        return said;
    }

    @Override
    public State state() {
        return new State()
                .put("all", all)
                .put("block", block)
                .put("error", StreamScore.text(error.save()))
                .put("drifts", drifts)
                .put("rose", Boolean.toString(rose))
                .put("spoke", Boolean.toString(spoke));
    }

    @Override
    public void load(State saved) {
        StreamScore newAll = StreamScore.of(sets, schema.classes().size());
        StreamScore newBlock = StreamScore.of(sets, schema.classes().size());
        newAll.load(saved.child("all"));
        newBlock.load(saved.child("block"));
        Adwin newError = Adwin.restore(config.delta, StreamScore.numbers(saved.value("error")));
        long newDrifts = saved.integer("drifts");
        boolean newRose = saved.flag("rose");
        boolean newSpoke = saved.flag("spoke");
        all = newAll;
        block = newBlock;
        error = newError;
        drifts = newDrifts;
        rose = newRose;
        spoke = newSpoke;
    }
}
