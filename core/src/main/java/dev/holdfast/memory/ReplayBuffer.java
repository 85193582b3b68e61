package dev.holdfast.memory;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;

/**
 * A fixed number of rows with one class each, stored as they arrived (bytes stay bytes), and any number of extra columns
 * such as the logits at insertion. What is kept is the {@link StorePolicy}'s choice, what is drawn the {@link
 * DrawPolicy}'s.
 *
 * <p>Extra rows may widen over time (logits of a head that grew): older entries are padded with NaN, which says "not
 * stored" and never equals a logit. All tables are allocated once, at the first offer, so memory is flat.
 */
public final class ReplayBuffer implements Memory {
    private final int capacity;
    private final StorePolicy store;
    private final DrawPolicy draws;
    private final Rng rng;

    private int size;
    private long offered;
    private final long[] ids;
    private final int[] classIds;
    private final int[] tasks;
    private final Map<String, Tensor> fields = new TreeMap<>();
    private final Map<String, Tensor> extras = new TreeMap<>();

    public ReplayBuffer(int capacity, StorePolicy store, DrawPolicy draws, Rng rng) {
        this.capacity = checkCapacity(capacity);
        this.store = store;
        this.draws = draws;
        this.rng = rng;
        this.ids = new long[capacity];
        this.classIds = new int[capacity];
        this.tasks = new int[capacity];
    }

    /** A reservoir with uniform draws. */
    public static ReplayBuffer reservoir(int capacity, Rng rng) {
        return new ReplayBuffer(capacity, new Reservoir(checkCapacity(capacity)), DrawPolicy.uniform(), rng);
    }

    static int checkCapacity(int capacity) {
        if (capacity < 1) {
            throw new IllegalArgumentException("A memory needs room for at least 1 row but its capacity is " + capacity
                    + ".\nMaybe fine-tuning, which stores nothing, is meant.");
        }
        return capacity;
    }

    @Override
    public void offer(Batch rows, Map<String, Tensor> more) {
        offer(rows, more, slots -> {
            throw new IllegalStateException("This store policy asks for predictions; offer them with the rows.");
        });
    }

    /** As {@link #offer(Batch, Map)}, with predictions of stored rows for policies that ask for them. */
    public void offer(Batch rows, Map<String, Tensor> more, Function<int[], Prediction> ask) {
        long[] classes = rows.classIds();
        requireFits(rows);
        requireSameExtras(more, rows.size());
        // the last newcomer sent to a slot is the one that stays there
        Map<Integer, Integer> rowOfSlot = new TreeMap<>();
        for (int i = 0; i < classes.length; i++) {
            int slot =
                    store.admit(rows.rows().ids()[i], Math.toIntExact(classes[i]), ask, rng.child("admit", offered++));
            if (slot >= 0) {
                rowOfSlot.put(slot, i);
                ids[slot] = rows.rows().ids()[i];
                classIds[slot] = (int) classes[i];
                tasks[slot] = rows.task();
                size = Math.max(size, slot + 1);
            }
        }
        if (rowOfSlot.isEmpty()) {
            return;
        }
        try (Scope s = Scope.open()) {
            int[] slots =
                    rowOfSlot.keySet().stream().mapToInt(Integer::intValue).toArray();
            int[] from = rowOfSlot.values().stream().mapToInt(Integer::intValue).toArray();
            for (String f : rows.inputs().fields()) {
                write(fields, f, rows.inputs().tensor(f), slots, from);
            }
            more.forEach((name, t) -> {
                Tensor table = extras.get(name);
                if (table != null && table.dim() == 2 && table.size(1) < t.size(1)) {
                    widen(name, table, t.size(1));
                }
                write(extras, name, t.detach(), slots, from);
            });
        }
    }

    private void write(Map<String, Tensor> tables, String name, Tensor rows, int[] slots, int[] from) {
        long[] shape = rows.shape();
        shape[0] = capacity;
        Tensor table = tables.computeIfAbsent(name, n -> Scope.own(Tensors.zerosLike(rows, shape)));
        table.index_copy_(0, Tensors.ids(slots), Tensors.rows(rows, from));
    }

    private void widen(String name, Tensor table, long width) {
        Tensor wide = Scope.own(Tensors.emptyLike(table, capacity, width).fill_(Tensors.scalar(Double.NaN)));
        Tensors.slice(wide, 1, 0, table.size(1)).copy_(table);
        table.close();
        extras.put(name, wide);
    }

    /**
     * Refuses rows that cannot lie beside those stored: other fields, shapes or kinds of number. A learner asks before its
     * step, so that a step that was taken can also be remembered.
     */
    public void requireFits(Batch rows) {
        if (fields.isEmpty()) {
            return;
        }
        if (!rows.inputs().fields().equals(fields.keySet())) {
            throw new IllegalArgumentException("The rows have fields "
                    + rows.inputs().fields() + " but the memory holds rows with fields " + fields.keySet() + ".");
        }
        try (Scope s = Scope.open()) {
            fields.forEach(
                    (name, table) -> requireLike("Field", name, rows.inputs().tensor(name), table, false));
        }
    }

    /** Extras come with every row or with none: a slot must not keep the extras of a row that left it. */
    private void requireSameExtras(Map<String, Tensor> more, int rows) {
        if (offered > 0 && !more.keySet().equals(extras.keySet())) {
            throw new IllegalArgumentException("Rows come with extras " + more.keySet()
                    + " but the rows before came with " + extras.keySet() + ".");
        }
        more.forEach((name, t) -> {
            Tensors.requireShape("extra '" + name + "' without its width", t.reshape(t.size(0), -1), rows, -1);
            if (extras.containsKey(name)) {
                requireLike("Extra", name, t, extras.get(name), true);
            }
        });
    }

    /** @param mayWiden whether rows [n, w] may be wider than those stored */
    private static void requireLike(String what, String name, Tensor rows, Tensor table, boolean mayWiden) {
        long[] shape = Arrays.copyOfRange(rows.shape(), 1, (int) rows.dim());
        long[] stored = Arrays.copyOfRange(table.shape(), 1, (int) table.dim());
        boolean fits = Arrays.equals(shape, stored)
                || mayWiden
                        && table.is_floating_point()
                        && shape.length == 1
                        && stored.length == 1
                        && shape[0] > stored[0];
        if (!fits || rows.scalar_type().intern() != table.scalar_type().intern()) {
            throw new IllegalArgumentException(what + " '" + name + "' has rows of "
                    + rows.scalar_type().intern() + " " + Arrays.toString(shape)
                    + " but the memory holds rows of " + table.scalar_type().intern() + " "
                    + Arrays.toString(stored) + ".\nMaybe two sources are mixed that read numbers"
                    + " differently.");
        }
    }

    @Override
    public Drawn draw(int n, Rng draw) {
        return at(draws.slots(Arrays.copyOf(classIds, size), n, draw));
    }

    /** Everything stored, in slot order. */
    public Drawn all() {
        return at(java.util.stream.IntStream.range(0, size).toArray());
    }

    /** The rows in these slots. */
    public Drawn at(int... slots) {
        if (slots.length == 0) {
            return new Drawn(null, Map.of(), slots);
        }
        Map<String, Tensor> x = new LinkedHashMap<>();
        fields.forEach((f, t) -> x.put(f, Tensors.rows(t, slots)));
        Map<String, Tensor> e = new LinkedHashMap<>();
        extras.forEach((f, t) -> e.put(f, Tensors.rows(t, slots)));
        long[] id = Arrays.stream(slots).mapToLong(k -> ids[k]).toArray();
        long[] y = Arrays.stream(slots).mapToLong(k -> classIds[k]).toArray();
        return new Drawn(new Batch(Inputs.of(x), Target.ClassIds.of(y), Rows.of(id)), e, slots);
    }

    /** Slots that hold rows of a task. */
    public int[] slotsOfTask(int task) {
        return java.util.stream.IntStream.range(0, size)
                .filter(i -> tasks[i] == task)
                .toArray();
    }

    /** Class id in each filled slot. */
    public int[] classIds() {
        return Arrays.copyOf(classIds, size);
    }

    /** Task of each filled slot, -1 where it was unknown. */
    public int[] tasks() {
        return Arrays.copyOf(tasks, size);
    }

    @Override
    public int size() {
        return size;
    }

    public int capacity() {
        return capacity;
    }

    @Override
    public long bytes() {
        long b = 16L * capacity;
        for (Tensor t : fields.values()) {
            b += t.nbytes();
        }
        for (Tensor t : extras.values()) {
            b += t.nbytes();
        }
        return b;
    }

    @Override
    public State state() {
        State s = new State().put("size", size).put("offered", offered).put("store", store);
        s.put("ids", Tensors.of(ids, capacity));
        s.put("classIds", Tensors.ids(classIds));
        s.put("tasks", Tensors.ids(tasks));
        fields.forEach((f, t) -> s.put("field." + f, t));
        extras.forEach((f, t) -> s.put("extra." + f, t));
        return s;
    }

    @Override
    public void load(State saved) {
        Tensors.requireShape("saved ids", saved.tensor("ids"), -1);
        long[] savedIds = Tensors.longs(saved.tensor("ids"));
        if (savedIds.length != capacity) {
            throw new IllegalArgumentException("A memory of " + capacity + " rows cannot take over one of "
                    + savedIds.length + ".\nMaybe the configuration's capacity was changed.");
        }
        long newSize = saved.integer("size");
        long newOffered = saved.integer("offered");
        State newFields = saved.child("field");
        State newExtras = saved.child("extra");
        if (newSize < 0
                || newSize > Math.min(capacity, newOffered)
                || newSize > 0 == newFields.tensors().isEmpty()) {
            throw new IllegalArgumentException("The saved memory says that it holds " + newSize + " of " + newOffered
                    + " rows in tables " + newFields.tensors().keySet() + ".\nMaybe the file is damaged.");
        }
        int[] newClassIds = slots(saved, "classIds");
        int[] newTasks = slots(saved, "tasks");
        for (State tables : new State[] {newFields, newExtras}) {
            tables.tensors().forEach((name, t) -> {
                if (t.dim() == 0 || t.size(0) != capacity) {
                    throw new IllegalArgumentException("The saved table '" + name + "' has shape "
                            + Arrays.toString(t.shape()) + "; expected " + capacity + " rows.");
                }
            });
        }
        store.load(saved.child("store"));
        size = (int) newSize;
        offered = newOffered;
        System.arraycopy(savedIds, 0, ids, 0, capacity);
        System.arraycopy(newClassIds, 0, classIds, 0, capacity);
        System.arraycopy(newTasks, 0, tasks, 0, capacity);
        take(fields, newFields);
        take(extras, newExtras);
    }

    private int[] slots(State saved, String name) {
        Tensors.requireShape("saved " + name, saved.tensor(name), capacity);
        return Tensors.ints(saved.tensor(name));
    }

    private static void take(Map<String, Tensor> tables, State saved) {
        tables.values().forEach(Tensor::close);
        tables.clear();
        saved.tensors().forEach((f, t) -> tables.put(f, Scope.own(Tensors.copy(t))));
    }
}
