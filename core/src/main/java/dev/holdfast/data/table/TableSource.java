package dev.holdfast.data.table;

import dev.holdfast.data.Batch;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.FeatureExtractor;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Rows of a table that stay in their file: a loader holds one block of some thousand rows at a time. The pace's sampler
 * orders the rows of each block; blocks come in the order of the file. Batches end with their block. Row ids are the row
 * numbers of the table. Several loaders may be open at once, each bound to one thread; closing the source closes the table.
 */
public final class TableSource implements DataSource, AutoCloseable {
    private static final int BLOCK = 8192;

    private final Table table;
    private final Preprocessing preprocessing;
    private final FeatureExtractor encoder;
    private final boolean labelled;

    TableSource(Table table, Preprocessing preprocessing, FeatureExtractor encoder) {
        this.table = table;
        this.preprocessing = preprocessing;
        this.encoder = encoder;
        this.labelled = preprocessing.labels().stream().allMatch(l -> table.column(l) != null);
    }

    public Preprocessing preprocessing() {
        return preprocessing;
    }

    /** Whether the table has the label column; without it every target is {@link Target.None}. */
    public boolean labelled() {
        return labelled;
    }

    /** "file, line 17" of a row id, for messages. */
    public String where(long row) {
        return table.where(row, null);
    }

    /** The first n rows in memory, in their order. */
    public MemoryDataset first(long n) {
        try (Loader loader = batches(Pace.inOrder(BLOCK), Rng.of(0));
                Scope s = Scope.open()) {
            int rows = Math.toIntExact(Math.min(n, size()));
            Tensor x = Tensors.empty(ScalarType.Float, rows, preprocessing.width());
            Tensor y = !labelled
                    ? null
                    : preprocessing.multiLabel()
                            ? Tensors.empty(
                                    ScalarType.Float,
                                    rows,
                                    preprocessing.labels().size())
                            : Tensors.empty(ScalarType.Long, rows);
            for (int at = 0; at < rows; ) {
                try (Scope piece = Scope.open()) {
                    Batch b = loader.next();
                    int to = Math.min(rows, at + b.size());
                    Tensors.slice(x, at, to).copy_(Tensors.slice(b.inputs().x(), 0, to - at));
                    if (labelled) {
                        Tensors.slice(y, at, to).copy_(Tensors.slice(labels(b.target()), 0, to - at));
                    }
                    at = to;
                }
            }
            Target target = !labelled
                    ? new Target.None()
                    : preprocessing.multiLabel() ? new Target.MultiLabel(y, null) : new Target.ClassIds(y);
            return MemoryDataset.of(schema(), Inputs.of(x), target);
        }
    }

    private static Tensor labels(Target t) {
        return t instanceof Target.ClassIds c ? c.ids() : ((Target.MultiLabel) t).y();
    }

    @Override
    public Schema schema() {
        Schema s = preprocessing.schema();
        return labelled ? s : new Schema(s.inputs(), Target.None.class, s.classes(), Optional.empty());
    }

    @Override
    public long size() {
        return table.rows();
    }

    @Override
    public boolean rereadable() {
        return true;
    }

    @Override
    public Loader batches(Pace pace, Rng rng) {
        return new Blocks(pace, rng);
    }

    @Override
    public void close() {
        table.close();
    }

    private final class Blocks implements Loader {
        private final Pace pace;
        private final Rng rng;
        private final int blockRows;
        private final Deque<Cells> ahead = new ArrayDeque<>();
        private Table.Cursor cursor;
        private MemoryDataset block;
        private List<Tensor> held = List.of();
        private int[] order;
        private int epoch;
        private long start;
        private int at;
        private long step;

        Blocks(Pace pace, Rng rng) {
            this.pace = pace;
            this.rng = rng;
            this.blockRows = Math.max(1, BLOCK / pace.batchSize()) * pace.batchSize();
        }

        @Override
        public boolean hasNext() {
            return pace.steps() >= 0 ? step < pace.steps() : epoch < pace.epochs();
        }

        @Override
        public Batch next() {
            if (!hasNext()) {
                throw new NoSuchElementException("All " + step + " batches were dealt.");
            }
            if (block == null) {
                read();
            }
            int to = Math.min(order.length, at + pace.batchSize());
            Batch b = block.rows(Arrays.copyOfRange(order, at, to));
            Rows rows = new Rows(b.rows().ids(), null, null, epoch, step);
            step++;
            at = to;
            if (at >= order.length) {
                at = 0;
                start += blockRows;
                release();
                if (start >= table.rows()) {
                    start = 0;
                    epoch++;
                    stop();
                }
            }
            return new Batch(b.inputs(), b.target(), rows);
        }

        private void read() {
            if (cursor == null) {
                cursor = table.read(preprocessing.asks(labelled), start);
            }
            int n = (int) Math.min(blockRows, table.rows() - start);
            try (Scope s = Scope.open()) {
                List<Tensor> x = new ArrayList<>();
                List<Target> y = new ArrayList<>();
                for (int have = 0; have < n; ) {
                    Cells c = ahead.isEmpty() ? cursor.next() : ahead.poll();
                    if (c == null) {
                        throw new IllegalStateException(table.name() + " now has fewer than the " + table.rows()
                                + " rows that it had when it was opened.\nMaybe it is being written to.");
                    }
                    if (c.size() > n - have) {
                        ahead.push(c.from(n - have));
                        c = c.until(n - have);
                    }
                    x.add(preprocessing.inputs(c, encoder).x());
                    y.add(labelled ? preprocessing.target(c, table) : new Target.None());
                    have += c.size();
                }
                Tensor rows = Tensors.cat(0, x.toArray(Tensor[]::new));
                Target target = join(y);
                block = MemoryDataset.of(
                        schema(),
                        Inputs.of(rows),
                        target,
                        LongStream.range(start, start + n).toArray());
                held = target instanceof Target.ClassIds c
                        ? List.of(rows, c.ids())
                        : target instanceof Target.MultiLabel m ? List.of(rows, m.y()) : List.of(rows);
            }
            order = pace.sampler().order(block, epoch, rng.child("epoch", epoch).child("block", start / blockRows));
            if (order.length == 0) {
                throw new IllegalStateException("The sampler dealt no row of " + n + ".");
            }
        }

        private Target join(List<Target> parts) {
            if (!labelled) {
                return new Target.None();
            }
            Tensor[] t = parts.stream().map(TableSource::labels).toArray(Tensor[]::new);
            Tensor all = Tensors.cat(0, t);
            return preprocessing.multiLabel() ? new Target.MultiLabel(all, null) : new Target.ClassIds(all);
        }

        /** Frees the block at once; waiting for the collector would let native memory grow. */
        private void release() {
            held.forEach(Tensor::close);
            held = List.of();
            block = null;
            order = null;
        }

        private void stop() {
            ahead.clear();
            if (cursor != null) {
                cursor.close();
                cursor = null;
            }
        }

        @Override
        public void close() {
            release();
            stop();
        }

        @Override
        public State state() {
            return new State()
                    .put("epoch", epoch)
                    .put("start", start)
                    .put("at", at)
                    .put("step", step);
        }

        @Override
        public void load(State saved) {
            int newEpoch = Math.toIntExact(saved.integer("epoch"));
            long newStart = saved.integer("start");
            int newAt = Math.toIntExact(saved.integer("at"));
            long newStep = saved.integer("step");
            if (newEpoch < 0 || newStart < 0 || newStart >= table.rows() || newStart % blockRows != 0 || newAt < 0) {
                throw new IllegalArgumentException("The saved position (row " + newStart + " + " + newAt
                        + ") does not fit " + table.name() + " with " + table.rows() + " rows in blocks of "
                        + blockRows + ".\nMaybe the file or the batch size changed since.");
            }
            release();
            stop();
            epoch = newEpoch;
            start = newStart;
            at = newAt;
            step = newStep;
        }
    }
}
