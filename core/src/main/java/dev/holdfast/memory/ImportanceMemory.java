package dev.holdfast.memory;

import dev.holdfast.config.Doc;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.loss.Levels;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Keeps the rows whose rehearsal helps the others: every entry has a running estimate H of how much the mean loss of the
 * memory falls when it is rehearsed, and a newcomer takes the place of the entry with the least H of the largest class
 * (Koh et al., arXiv 2110.10031, algorithm 1). With labels at several levels, entries whose content another level covers
 * already compete, too: the pool is widened by the classes that the network gives to the largest class at the other
 * levels (Lee et al., arXiv 2308.14374, figure 3; the exact rule is our reading of it).
 *
 * <p>{@link #trained} notes which entries were rehearsed, {@link #feedback} gets the losses of all entries. With d the mean
 * change of the losses of entries that were there the last time, n the number of rehearsals since and m the mean H over
 * them, each rehearsed entry moves once: {@code H -= (1 - ema) (d - m / n)}. A newcomer starts with the mean H of its class,
 * with 0 if it is the first of its class while there is room, with the mean of all entries if there is none. Ties go to
 * the earlier class and the older entry. One writer.
 */
public final class ImportanceMemory implements StorePolicy {
    /** Which entries of other levels compete with those of the largest class. */
    public enum Pseudo {
        /** None. */
        OFF,
        /** At each other level, those of the class that has the largest mean probability over the largest class's entries. */
        MEAN_PROB,
        /** At each other level, those of the class that the largest class's newest entry gets; rows are predicted one by one. */
        INCOMING
    }

    /**
     * @param ema share of an old estimate that stays, in [0, 1)
     * @param pseudo which entries of other levels compete with those of the largest class
     * @param floor whether a class of another level competes only while it holds more than capacity / classes entries
     */
    public record Config(
            @Doc("share of an old importance that stays at an update") double ema,
            @Doc("which rows of other levels may be given up for a newcomer") Pseudo pseudo,
            @Doc("rows of another level are safe while their class has no more than an equal share") boolean floor) {
        public Config {
            if (!(ema >= 0 && ema < 1)) {
                throw new IllegalArgumentException("ema must be in [0, 1) but is " + ema + ".");
            }
        }

        /** CLIB: one level. */
        public static Config flat() {
            return new Config(0.9, Pseudo.OFF, false);
        }

        /** PL-FMS: several levels, with a floor. */
        public static Config levels() {
            return new Config(0.9, Pseudo.MEAN_PROB, true);
        }
    }

    /**
     * Why an entry went.
     *
     * @param largest class with most entries, the newcomer counted
     * @param pseudo class at each other level whose entries were added to the pool
     * @param pool slots that competed, ascending
     * @param slot the one that went
     */
    public record Eviction(int largest, Map<Integer, Integer> pseudo, int[] pool, int slot) {}

    private final int capacity;
    private final Config config;
    private final Map<Integer, Integer> levelOf;
    private final List<Integer> seen = new ArrayList<>();
    private final int[] classes;
    private final double[] importance;
    private final long[] age;
    private final double[] loss;
    private final boolean[] measured;
    /** Rehearsals of each slot since the last measurement. */
    private final int[] used;

    private int filled;
    private long clock;
    private Eviction last;

    /** @param classes all classes that may come, with their levels */
    public ImportanceMemory(int capacity, Config config, ClassIndex classes) {
        this.capacity = ReplayBuffer.checkCapacity(capacity);
        this.config = config;
        this.levelOf = new LinkedHashMap<>();
        classes.columns().forEach(c -> levelOf.put(c.classId(), c.level()));
        this.classes = new int[capacity];
        this.importance = new double[capacity];
        this.age = new long[capacity];
        this.loss = new double[capacity];
        this.measured = new boolean[capacity];
        this.used = new int[capacity];
    }

    @Override
    public int admit(long id, int classId, Function<int[], Prediction> ask, Rng rng) {
        if (!levelOf.containsKey(classId)) {
            throw new IllegalArgumentException(
                    "Class " + classId + " is not among the " + levelOf.size() + " declared classes of this memory.");
        }
        if (!seen.contains(classId)) {
            seen.add(classId);
        }
        int slot = filled;
        double h;
        if (filled < capacity) {
            h = mean(classId, -1, 0);
            filled++;
        } else {
            last = eviction(classId, ask);
            slot = last.slot;
            h = mean(classId, slot, Arrays.stream(importance).average().orElseThrow());
            used[slot] = 0;
        }
        classes[slot] = classId;
        importance[slot] = h;
        age[slot] = clock++;
        measured[slot] = false;
        return slot;
    }

    /** Mean H of a class without the entry in one slot. */
    private double mean(int classId, int without, double otherwise) {
        return IntStream.range(0, filled)
                .filter(k -> k != without && classes[k] == classId)
                .mapToDouble(k -> importance[k])
                .average()
                .orElse(otherwise);
    }

    private Eviction eviction(int newcomer, Function<int[], Prediction> ask) {
        Map<Integer, Integer> count = new LinkedHashMap<>();
        seen.forEach(c -> count.put(c, c == newcomer ? 1 : 0));
        for (int k = 0; k < filled; k++) {
            count.merge(classes[k], 1, Integer::sum);
        }
        int largest = seen.get(0);
        for (int c : seen) {
            largest = count.get(c) > count.get(largest) ? c : largest;
        }
        Set<Integer> pool = new TreeSet<>(slotsOf(largest));
        Map<Integer, Integer> pseudo = new TreeMap<>();
        if (config.pseudo != Pseudo.OFF && !pool.isEmpty() && otherLevels(largest)) {
            pseudo = pseudo(largest, ask);
            for (int c : pseudo.values()) {
                // without a floor one level may starve another
                if (!config.floor || count.get(c) > capacity / seen.size()) {
                    pool.addAll(slotsOf(c));
                }
            }
        }
        if (pool.isEmpty()) {
            // more classes than slots: every class has one row at most, and the oldest goes
            IntStream.range(0, filled).forEach(pool::add);
        }
        int least = -1;
        for (int k : pool) {
            boolean less = least < 0
                    || importance[k] < importance[least]
                    || importance[k] == importance[least] && age[k] < age[least];
            least = less ? k : least;
        }
        return new Eviction(
                largest, pseudo, pool.stream().mapToInt(Integer::intValue).toArray(), least);
    }

    private List<Integer> slotsOf(int classId) {
        return IntStream.range(0, filled)
                .filter(k -> classes[k] == classId)
                .boxed()
                .toList();
    }

    private boolean otherLevels(int classId) {
        return seen.stream().anyMatch(c -> !levelOf.get(c).equals(levelOf.get(classId)));
    }

    /** The class of every other level that the network gives to entries of a class. */
    private Map<Integer, Integer> pseudo(int classId, Function<int[], Prediction> ask) {
        List<Integer> own = slotsOf(classId);
        int[] slots = config.pseudo == Pseudo.MEAN_PROB
                ? own.stream().mapToInt(Integer::intValue).toArray()
                : own.stream().mapToInt(Integer::intValue).boxed().max((a, b) -> Long.compare(age[a], age[b])).stream()
                        .mapToInt(Integer::intValue)
                        .toArray();
        try (Scope s = Scope.open()) {
            Prediction p = ask.apply(slots);
            Tensor shares = p.kind() == Prediction.Kind.PROBABILITIES
                    ? p.scores()
                    : Levels.of(p.columns()).logSoftmax(p.scores()).exp();
            double[] mean = Tensors.doubles(shares.mean(new long[] {0}));
            Map<Integer, Integer> best = new TreeMap<>();
            Map<Integer, Double> most = new TreeMap<>();
            for (int c = 0; c < mean.length; c++) {
                ClassIndex.Column column = p.columns().columns().get(c);
                int level = levelOf.getOrDefault(column.classId(), column.level());
                boolean known = seen.contains(column.classId()) && level != levelOf.get(classId);
                if (known && mean[c] > most.getOrDefault(level, -1.0)) {
                    most.put(level, mean[c]);
                    best.put(level, column.classId());
                }
            }
            return best;
        }
    }

    /** Notes that these entries were rehearsed, repeats counted. */
    public void trained(int... slots) {
        for (int k : slots) {
            used[k]++;
        }
    }

    /**
     * Updates the importances from the present losses of all entries, and begins a new count of rehearsals.
     *
     * @param slots all filled slots, in order
     */
    @Override
    public void feedback(int[] slots, double[] losses) {
        if (slots.length != filled || losses.length != filled) {
            throw new IllegalArgumentException("The memory holds " + filled + " entries but got the losses of "
                    + losses.length + " for " + slots.length + " slots; expected all of them.");
        }
        double change = 0;
        int compared = 0;
        for (int k = 0; k < filled; k++) {
            if (measured[k]) {
                change += losses[k] - loss[k];
                compared++;
            }
        }
        int rehearsed = Arrays.stream(used).sum();
        if (rehearsed > 0) {
            double d = compared == 0 ? 0 : change / compared;
            double sum = 0;
            for (int k = 0; k < filled; k++) {
                sum += used[k] * importance[k];
            }
            double move = (1 - config.ema) * (d - sum / rehearsed / rehearsed);
            for (int k = 0; k < filled; k++) {
                importance[k] -= used[k] > 0 ? move : 0;
            }
        }
        Arrays.fill(used, 0);
        for (int k = 0; k < filled; k++) {
            loss[k] = losses[k];
            measured[k] = true;
        }
    }

    /** H of each filled slot. */
    public double[] importance() {
        return Arrays.copyOf(importance, filled);
    }

    /** When each filled slot got its entry, counted in admissions: a slot with another number has another entry. */
    public long[] admitted() {
        return Arrays.copyOf(age, filled);
    }

    /** The last choice of an entry to go, null before the first. */
    public Eviction lastEviction() {
        return last;
    }

    @Override
    public State state() {
        return new State()
                .put("filled", filled)
                .put("clock", clock)
                .put(
                        "seen",
                        Tensors.ids(seen.stream().mapToInt(Integer::intValue).toArray()))
                .put("used", Tensors.ids(used))
                .put("classes", Tensors.ids(classes))
                .put("importance", Tensors.of(importance, capacity))
                .put("loss", Tensors.of(loss, capacity))
                .put("age", Tensors.of(age, capacity))
                .put(
                        "measured",
                        Tensors.ids(IntStream.range(0, capacity)
                                .map(k -> measured[k] ? 1 : 0)
                                .toArray()));
    }

    @Override
    public void load(State saved) {
        long newFilled = saved.integer("filled");
        long newClock = saved.integer("clock");
        for (String table : List.of("classes", "importance", "loss", "age", "measured", "used")) {
            Tensors.requireShape("saved " + table, saved.tensor(table), capacity);
        }
        Tensors.requireShape("saved seen", saved.tensor("seen"), -1);
        int[] newSeen = Tensors.ints(saved.tensor("seen"));
        int[] newUsed = Tensors.ints(saved.tensor("used"));
        int[] newClasses = Tensors.ints(saved.tensor("classes"));
        boolean fits = newFilled >= 0
                && newFilled <= capacity
                && newClock >= newFilled
                && Arrays.stream(newSeen).allMatch(levelOf::containsKey)
                && Arrays.stream(newUsed).allMatch(n -> n >= 0)
                && Arrays.stream(newClasses, 0, (int) newFilled).allMatch(levelOf::containsKey);
        if (!fits) {
            throw new IllegalArgumentException("The saved memory holds " + newFilled + " of " + capacity
                    + " entries, of classes or slots that are not here.\nMaybe the file is damaged.");
        }
        double[] newImportance = Tensors.doubles(saved.tensor("importance"));
        double[] newLoss = Tensors.doubles(saved.tensor("loss"));
        long[] newAge = Tensors.longs(saved.tensor("age"));
        int[] newMeasured = Tensors.ints(saved.tensor("measured"));
        filled = (int) newFilled;
        clock = newClock;
        seen.clear();
        Arrays.stream(newSeen).forEach(seen::add);
        System.arraycopy(newUsed, 0, used, 0, capacity);
        for (int k = 0; k < capacity; k++) {
            classes[k] = newClasses[k];
            importance[k] = newImportance[k];
            loss[k] = newLoss[k];
            age[k] = newAge[k];
            measured[k] = newMeasured[k] == 1;
        }
        last = null;
    }
}
