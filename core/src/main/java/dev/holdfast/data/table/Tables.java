package dev.holdfast.data.table;

import dev.holdfast.data.FeatureExtractor;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.source.Progress;
import dev.holdfast.data.source.Splits;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Tables as rows of numbers: split by seed and kept in memory ({@link #load}), or read in pieces as often as wanted
 * ({@link #stream}). The table is read and fitted in passes of bounded memory; nothing native is taken before it is known
 * to fit. Not thread-safe beyond the table itself.
 */
public final class Tables {
    private static final int ENCODED_AT_ONCE = 1024;

    private Tables() {}

    /**
     * Split rows; ids are the row numbers of the table.
     *
     * @param notes what was decided on the way, for people
     */
    public record Loaded(MemoryDataset train, MemoryDataset test, Preprocessing preprocessing, List<String> notes) {}

    /**
     * Reads a table into memory, fits the preprocessing on the training rows, and splits by {@code o.seed()}: by class,
     * or plainly where rows have several labels.
     *
     * @param encoder made only if there are text columns
     */
    public static Loaded load(Table t, DataOptions o, Supplier<FeatureExtractor> encoder, Progress progress) {
        TablePlan plan = TablePlan.of(t, o);
        List<String> notes = new ArrayList<>(plan.notes());
        int rows = (int) Math.min(t.rows(), Integer.MAX_VALUE);
        o.requireFits(t.name(), t.rows(), 4L * plan.features().size());
        Rng rng = Rng.of(o.seed());
        List<String> classes;
        int[] kept;
        Splits.Split split;
        if (plan.multiLabel()) {
            classes = plan.labels();
            kept = IntStream.range(0, rows).toArray();
            if (o.rows() > 0 && o.rows() < rows) {
                kept = Arrays.copyOf(rng.child("sample").permutation(rows), (int) Math.max(2, o.rows()));
                Arrays.sort(kept);
            }
            split = t.trainingRows() > 0 && kept.length == rows
                    ? front(t.trainingRows(), rows)
                    : Splits.plain(kept.length, o.testShare(), rng);
        } else {
            TablePlan.Labels labels = TablePlan.labels(t, plan.labels().get(0), true);
            classes = TablePlan.ordered(labels.counts().keySet());
            List<String> seen = List.copyOf(labels.counts().keySet());
            int[] id = seen.stream().mapToInt(classes::indexOf).toArray();
            long[] ids = Arrays.stream(labels.codes()).mapToLong(c -> id[c]).toArray();
            kept = o.rows() > 0
                    ? Splits.sample(ids, o.rows(), rng)
                    : IntStream.range(0, rows).toArray();
            long[] keptIds = Arrays.stream(kept).mapToLong(i -> ids[i]).toArray();
            split = Splits.stratified(keptIds, o.testShare(), rng);
            noteSmallClasses(Splits.counts(keptIds), classes, notes);
        }
        if (kept.length < rows) {
            notes.add(String.format(
                    "%,d of %,d rows drawn%s (seed %d)",
                    kept.length, rows, plan.multiLabel() ? "" : " by class", o.seed()));
        }
        notes.add(String.format(
                "%,d rows for training and %,d for testing, split %s",
                split.train().length,
                split.test().length,
                plan.multiLabel() && t.trainingRows() > 0 && kept.length == rows
                        ? "where the file says"
                        : (plan.multiLabel() ? "at random" : "by class") + " with seed " + o.seed()));
        return fill(t, o, plan, classes, kept, split, encoder, progress, notes);
    }

    private static Splits.Split front(int training, int rows) {
        return new Splits.Split(
                IntStream.range(0, training).toArray(),
                IntStream.range(training, rows).toArray());
    }

    private static void noteSmallClasses(Map<Long, Integer> counts, List<String> classes, List<String> notes) {
        List<String> single = counts.entrySet().stream()
                .filter(e -> e.getValue() == 1)
                .map(e -> classes.get(e.getKey().intValue()))
                .toList();
        if (!single.isEmpty()) {
            notes.add("classes of a single row, never tested: " + Preprocessing.shortened(single));
        }
    }

    private static Loaded fill(
            Table t,
            DataOptions o,
            TablePlan plan,
            List<String> classes,
            int[] kept,
            Splits.Split split,
            Supplier<FeatureExtractor> encoder,
            Progress progress,
            List<String> notes) {
        BitSet training = new BitSet();
        BitSet testing = new BitSet();
        Arrays.stream(split.train()).forEach(i -> training.set(kept[i]));
        Arrays.stream(split.test()).forEach(i -> testing.set(kept[i]));
        FeatureExtractor text =
                plan.features().stream().anyMatch(f -> f.kind() == TablePlan.Kind.TEXT) ? encoder.get() : null;
        Preprocessing p = PreprocessingFit.fit(t, plan, classes, training, text, o);
        o.requireFits(t.name(), kept.length, 4L * p.width() + 8);
        try (Scope all = Scope.open()) {
            Part train = new Part(p, split.train().length);
            Part test = new Part(p, split.test().length);
            String what = text == null ? "rows read" : "texts encoded";
            long done = 0;
            try (Table.Cursor pieces = t.read(p.asks(true), 0)) {
                Cells piece;
                while ((piece = pieces.next()) != null) {
                    Cells wanted = pick(piece, training, testing);
                    // texts take a thousand times as long as numbers: smaller steps, so that progress is seen
                    int most = text == null ? wanted.size() : ENCODED_AT_ONCE;
                    for (int from = 0; from < wanted.size(); from += most) {
                        Cells some = most >= wanted.size()
                                ? wanted
                                : wanted.rows(IntStream.range(from, Math.min(wanted.size(), from + most))
                                        .toArray());
                        try (Scope s = Scope.open()) {
                            Tensor x = p.inputs(some, text).x();
                            Target y = p.target(some, t);
                            train.add(x, y, some, training);
                            test.add(x, y, some, testing);
                        }
                        done += some.size();
                        progress.at(done, kept.length, what);
                    }
                }
            }
            return new Loaded(train.dataset(p), test.dataset(p), p, List.copyOf(notes));
        }
    }

    private static Cells pick(Cells piece, BitSet training, BitSet testing) {
        int from = (int) piece.firstRow();
        int[] i = IntStream.range(0, piece.size())
                .filter(k -> training.get(from + k) || testing.get(from + k))
                .toArray();
        return piece.rows(i);
    }

    /** Rows of one side of the split, written piece by piece into memory of the final size. */
    private static final class Part {
        private final Tensor x;
        private final Tensor y;
        private final long[] ids;
        private int at;

        Part(Preprocessing p, int n) {
            x = Tensors.empty(ScalarType.Float, n, p.width());
            y = p.multiLabel()
                    ? Tensors.empty(ScalarType.Float, n, p.labels().size())
                    : Tensors.empty(ScalarType.Long, n);
            ids = new long[n];
        }

        void add(Tensor rows, Target target, Cells cells, BitSet mine) {
            int[] i = IntStream.range(0, cells.size())
                    .filter(k -> mine.get((int) cells.rowOf(k)))
                    .toArray();
            if (i.length == 0) {
                return;
            }
            Tensor labels = target instanceof Target.ClassIds c ? c.ids() : ((Target.MultiLabel) target).y();
            Tensors.slice(x, at, at + i.length).copy_(Tensors.rows(rows, i));
            Tensors.slice(y, at, at + i.length).copy_(Tensors.rows(labels, i));
            for (int k : i) {
                ids[at++] = cells.rowOf(k);
            }
        }

        MemoryDataset dataset(Preprocessing p) {
            return MemoryDataset.of(
                    p.schema(),
                    Inputs.of(x),
                    p.multiLabel() ? new Target.MultiLabel(y, null) : new Target.ClassIds(y),
                    ids);
        }
    }

    /**
     * A table as a source that is read in pieces, for files larger than memory; fits the preprocessing on all rows.
     *
     * @param encoder made only if there are text columns
     */
    public static TableSource stream(Table t, DataOptions o, Supplier<FeatureExtractor> encoder) {
        TablePlan plan = TablePlan.of(t, o);
        List<String> classes = plan.multiLabel()
                ? plan.labels()
                : TablePlan.ordered(TablePlan.labels(t, plan.labels().get(0), false)
                        .counts()
                        .keySet());
        FeatureExtractor text =
                plan.features().stream().anyMatch(f -> f.kind() == TablePlan.Kind.TEXT) ? encoder.get() : null;
        return new TableSource(t, PreprocessingFit.fit(t, plan, classes, null, text, o), text);
    }

    /**
     * A table read with a preprocessing fitted before, as {@code predict} and a resumed {@code learn} do; columns it does
     * not know are ignored, a column it needs must be there. Without a label column rows are unlabelled.
     */
    public static TableSource stream(Table t, Preprocessing p, Supplier<FeatureExtractor> encoder) {
        for (Preprocessing.Column c : p.columns()) {
            Table.Column have = t.column(c.name());
            if (have == null) {
                throw DuckTable.absent(t, c.name(), "column");
            }
            if (c instanceof Preprocessing.Numeric && have.present() > 0 && !have.numeric()) {
                throw TablePlan.textAmongNumbers(t, have);
            }
        }
        return new TableSource(t, p, p.hasText() ? encoder.get() : null);
    }
}
