package dev.holdfast.memory;

import dev.holdfast.data.Prediction;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Equal shares for all classes seen so far, a reservoir inside each: a class may hold capacity / classes rows (the
 * newest classes absorb the remainder), and a newcomer of a class below its share takes a random slot of the class that
 * is most above its own.
 *
 * <p>With fewer slots than classes the oldest classes may lose all rows.
 *
 * <p>{@link #greedy} is the sampler of GDumb (Prabhu, Torr, Dokania, ECCV 2020, algorithm 1): a class that holds its share
 * takes no more rows, not even into free slots or in exchange for its own.
 */
public final class ClassBalanced implements StorePolicy {
    private final int capacity;
    private final boolean greedy;

    /** By class, in order of first appearance: among equals the oldest class gives way. */
    private final Map<Integer, List<Integer>> slotsOf = new LinkedHashMap<>();

    private final Map<Integer, Long> seenOf = new LinkedHashMap<>();
    private int filled;

    public ClassBalanced(int capacity) {
        this(capacity, false);
    }

    private ClassBalanced(int capacity, boolean greedy) {
        this.capacity = ReplayBuffer.checkCapacity(capacity);
        this.greedy = greedy;
    }

    /** The first rows of each class up to its share, a random one of the largest class giving way to a newcomer. */
    public static ClassBalanced greedy(int capacity) {
        return new ClassBalanced(capacity, true);
    }

    @Override
    public int admit(long id, int classId, Function<int[], Prediction> ask, Rng rng) {
        List<Integer> own = slotsOf.computeIfAbsent(classId, c -> new ArrayList<>());
        long n = seenOf.merge(classId, 1L, Long::sum);
        if (greedy && !own.isEmpty() && (long) own.size() * slotsOf.size() >= capacity) {
            return -1;
        }
        if (filled < capacity) {
            own.add(filled);
            return filled++;
        }
        int share = capacity / slotsOf.size();
        if (greedy || own.size() < Math.max(1, share)) {
            List<Integer> largest = own;
            for (List<Integer> slots : slotsOf.values()) {
                largest = slots.size() > largest.size() ? slots : largest;
            }
            if (largest != own) {
                int slot = largest.remove(rng.below(largest.size()));
                own.add(slot);
                return slot;
            }
        }
        if (own.isEmpty()) {
            return -1;
        }
        int draw = rng.below(Math.toIntExact(Math.min(n, Integer.MAX_VALUE)));
        return draw < own.size() ? own.get(draw) : -1;
    }

    @Override
    public State state() {
        State s = new State().put("filled", filled);
        StringBuilder classes = new StringBuilder();
        slotsOf.forEach((c, slots) -> {
            classes.append(classes.length() == 0 ? "" : " ").append(c);
            s.put("seen." + c, seenOf.get(c));
            s.put(
                    "slots." + c,
                    String.join(" ", slots.stream().map(String::valueOf).toList()));
        });
        return s.put("classes", classes.toString());
    }

    @Override
    public void load(State saved) {
        Map<Integer, List<Integer>> newSlots = new LinkedHashMap<>();
        Map<Integer, Long> newSeen = new LinkedHashMap<>();
        long newFilled = saved.integer("filled");
        for (String c : saved.value("classes").isBlank()
                ? new String[0]
                : saved.value("classes").split(" ")) {
            List<Integer> slots = new ArrayList<>();
            String text = saved.value("slots." + c);
            for (String t : text.isBlank() ? new String[0] : text.split(" ")) {
                slots.add(number("slots." + c, t));
            }
            newSlots.put(number("classes", c), slots);
            newSeen.put(number("classes", c), saved.integer("seen." + c));
        }
        if (newFilled != newSlots.values().stream().mapToInt(List::size).sum() || newFilled > capacity) {
            throw new IllegalArgumentException("The saved memory says that " + newFilled + " of " + capacity
                    + " slots are filled but lists " + newSlots + ".\nMaybe the file is damaged.");
        }
        slotsOf.clear();
        slotsOf.putAll(newSlots);
        seenOf.clear();
        seenOf.putAll(newSeen);
        filled = (int) newFilled;
    }

    private static int number(String name, String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("The saved value '" + name + "' lists '" + text
                    + "'; expected whole numbers.\nMaybe the file is damaged.");
        }
    }
}
