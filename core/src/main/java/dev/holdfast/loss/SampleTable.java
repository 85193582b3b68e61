package dev.holdfast.loss;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Stateful;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A row of {@code width} numbers for every training sample, keyed by the sample's stable id: what losses with a memory
 * keep (running targets, one temperature a sample, keep marks). A sample that was never written reads as a row of the
 * starting value; writing gives it a row, so the table grows with the samples that are seen and with nothing else.
 *
 * <p>Ids are those of the training set, never positions in a batch or a fold. -1 (a generated row) is refused. One
 * thread.
 */
public final class SampleTable implements Stateful {
    /** In which precision rows are kept. */
    public enum Precision {
        FLOAT16(ScalarType.Half, 2),
        FLOAT32(ScalarType.Float, 4),
        FLOAT64(ScalarType.Double, 8);

        private final ScalarType dtype;
        private final int bytes;

        Precision(ScalarType dtype, int bytes) {
            this.dtype = dtype;
            this.bytes = bytes;
        }

        /** Bytes of {@code rows} rows of {@code width} numbers. */
        public long bytes(long rows, long width) {
            return Math.multiplyExact(Math.multiplyExact(rows, width), bytes);
        }
    }

    /** What to do when a batch names a sample twice. */
    public enum Duplicates {
        /** An error that names both rows. */
        REFUSE,
        /** Every row is worked out from the old value, and the last one stays. */
        LAST_WINS
    }

    private final Precision precision;
    private final double start;
    private final Duplicates duplicates;

    private final Map<Long, Integer> slots = new HashMap<>();
    private long[] ids = new long[0];
    private Tensor rows;

    /**
     * An empty table.
     *
     * @param width numbers in a row, >= 1
     * @param start every number of a row before it is first written; finite
     */
    public SampleTable(long width, double start, Precision precision, Duplicates duplicates) {
        if (width < 1) {
            throw new IllegalArgumentException("A row of a sample table needs width >= 1 but has " + width + ".");
        }
        if (!Double.isFinite(start)) {
            throw new IllegalArgumentException(
                    "A sample table must start at a finite number but starts at " + start + ".");
        }
        this.precision = precision;
        this.start = start;
        this.duplicates = duplicates;
        this.rows = Scope.own(Tensors.zeros(precision.dtype, 0, width));
    }

    /** Samples that have a row. */
    public int size() {
        return slots.size();
    }

    /** Numbers in a row. */
    public long width() {
        return rows.size(1);
    }

    /** Bytes of the rows in use and of their ids. */
    public long bytes() {
        return precision.bytes(size(), width()) + 8L * size();
    }

    public boolean has(long id) {
        return slots.containsKey(id);
    }

    /** The ids that have a row, in the order in which they were first written. */
    public long[] ids() {
        return Arrays.copyOf(ids, size());
    }

    /** The rows of all samples [size, width], in the order of {@link #ids}; a copy in the caller's scope. */
    public Tensor rows() {
        return Tensors.slice(rows, 0, size()).clone();
    }

    /**
     * The rows of these samples [n, width] in {@code like}'s dtype and device, detached; a copy in the caller's scope.
     * Adds nothing: unknown samples read as the starting value.
     */
    public Tensor read(long[] of, Tensor like) {
        requireIds(of);
        int[] at = new int[of.length];
        boolean[] unknown = new boolean[of.length];
        boolean any = false;
        for (int i = 0; i < at.length; i++) {
            Integer slot = slots.get(of[i]);
            unknown[i] = slot == null;
            any |= unknown[i];
            at[i] = slot == null ? 0 : slot;
        }
        if (any && size() == 0) {
            return Tensors.emptyLike(like, of.length, width()).fill_(Tensors.scalar(start));
        }
        Tensor read = rows.index_select(0, Tensors.ids(at)).to(like.device(), like.scalar_type());
        if (any) {
            double[] mask = new double[of.length];
            for (int i = 0; i < mask.length; i++) {
                mask[i] = unknown[i] ? 1 : 0;
            }
            Tensor missing = Tensors.of(mask, mask.length, 1).to(like.device(), ScalarType.Bool);
            read = read.masked_fill(missing, Tensors.scalar(start));
        }
        return read;
    }

    /**
     * Replaces the rows of these samples by {@code values} [n, width]; samples without a row get one.
     *
     * @throws IllegalArgumentException for an id below 0, an id that comes twice (unless the last wins), another shape, or
     *     numbers that are not finite; then nothing has changed
     */
    public void write(long[] of, Tensor values) {
        requireIds(of);
        Tensors.requireShape("rows for a sample table", values, of.length, width());
        Tensors.requireFinite("Rows for a sample table", values);
        int[] last = lastOfEach(of, duplicates);
        try (Scope s = Scope.open()) {
            int fresh = 0;
            for (int i : last) {
                fresh += has(of[i]) ? 0 : 1;
            }
            reserve(size() + fresh);
            int[] at = new int[last.length];
            for (int k = 0; k < at.length; k++) {
                long id = of[last[k]];
                Integer slot = slots.get(id);
                if (slot == null) {
                    slot = slots.size();
                    ids[slot] = id;
                    slots.put(id, slot);
                }
                at[k] = slot;
            }
            Tensor v = values.detach().to(rows.device(), rows.scalar_type());
            rows.index_copy_(0, Tensors.ids(at), last.length == of.length ? v : Tensors.rows(v, last));
        }
    }

    /** Appends columns at the starting value, until there are {@code width}; old numbers stay. */
    public void widen(long width) {
        if (width < width()) {
            throw new IllegalArgumentException(
                    "A sample table of width " + width() + " cannot become one of width " + width + ".");
        }
        if (width > width()) {
            try (Scope s = Scope.open()) {
                Tensor more =
                        Tensors.emptyLike(rows, rows.size(0), width - width()).fill_(Tensors.scalar(start));
                swap(Tensors.cat(1, rows, more));
            }
        }
    }

    /** Refuses ids below 0, and ids that come twice unless the last wins. */
    public static void requireFit(long[] of, Duplicates duplicates) {
        requireIds(of);
        lastOfEach(of, duplicates);
    }

    private static void requireIds(long[] of) {
        for (int i = 0; i < of.length; i++) {
            if (of[i] < 0) {
                throw new IllegalArgumentException("Row " + i + " has sample id " + of[i]
                        + "; a loss that remembers samples needs the stable id (>= 0) of each."
                        + "\nMaybe the rows were generated and belong to no sample.");
            }
        }
    }

    /** Positions of the last row of every id, ascending. */
    private static int[] lastOfEach(long[] of, Duplicates duplicates) {
        Map<Long, Integer> last = new HashMap<>();
        for (int i = 0; i < of.length; i++) {
            Integer earlier = last.put(of[i], i);
            if (earlier != null && duplicates == Duplicates.REFUSE) {
                throw new IllegalArgumentException("Rows " + earlier + " and " + i + " of the batch are both sample "
                        + of[i] + "; expected every sample once."
                        + "\nMaybe duplicates=LAST_WINS is meant, or the ids are not unique in the data set.");
            }
        }
        return last.values().stream().mapToInt(Integer::intValue).sorted().toArray();
    }

    private void reserve(int needed) {
        if (needed > ids.length) {
            int capacity = Math.max(needed, Math.max(64, ids.length + ids.length / 2));
            Tensor grown = Tensors.emptyLike(rows, capacity, width()).fill_(Tensors.scalar(start));
            if (size() > 0) {
                Tensors.slice(grown, 0, size()).copy_(Tensors.slice(rows, 0, size()));
            }
            swap(grown);
            ids = Arrays.copyOf(ids, capacity);
        }
    }

    private void swap(Tensor fresh) {
        Tensor old = rows;
        rows = Scope.own(fresh);
        old.close();
    }

    /** The rows in use and their ids. */
    @Override
    public State state() {
        return new State().put("ids", Tensors.of(ids(), size())).put("rows", Tensors.slice(rows, 0, size()));
    }

    @Override
    public void load(State saved) {
        Tensor newIds = saved.tensor("ids");
        Tensor newRows = saved.tensor("rows");
        Tensors.requireShape("saved sample ids", newIds, -1);
        Tensors.requireShape("saved sample rows", newRows, newIds.size(0), -1);
        if (newIds.scalar_type().intern() != ScalarType.Long
                || newRows.scalar_type().intern() != precision.dtype) {
            throw new IllegalArgumentException("The saved sample table holds ids of type "
                    + newIds.scalar_type().intern() + " and rows of type "
                    + newRows.scalar_type().intern() + "; expected Long and " + precision.dtype
                    + ".\nMaybe it was saved with another precision.");
        }
        if (newRows.size(1) < 1) {
            throw new IllegalArgumentException("The saved sample table has rows of width 0; expected at least 1.");
        }
        Tensors.requireFinite("The saved sample table", newRows);
        long[] read = Tensors.longs(newIds);
        requireIds(read);
        Map<Long, Integer> newSlots = new HashMap<>();
        for (int i = 0; i < read.length; i++) {
            if (newSlots.put(read[i], i) != null) {
                throw new IllegalArgumentException("The saved sample table has sample " + read[i] + " twice.");
            }
        }
        try (Scope s = Scope.open()) {
            swap(Tensors.copy(newRows));
        }
        slots.clear();
        slots.putAll(newSlots);
        ids = read;
    }
}
