package dev.holdfast.memory;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Rng;

/** Which stored rows are rehearsed. */
@Frozen
public interface DrawPolicy {
    /**
     * n distinct slots, fewer if fewer are filled.
     *
     * @param classOfSlot class id in each filled slot
     */
    int[] slots(int[] classOfSlot, int n, Rng rng);

    /** Every stored row with the same chance, without replacement. */
    static DrawPolicy uniform() {
        return (classOfSlot, n, rng) -> {
            int size = classOfSlot.length;
            int k = Math.min(n, size);
            int[] p = new int[size];
            for (int i = 0; i < size; i++) {
                p[i] = i;
            }
            int[] r = new int[k];
            for (int i = 0; i < k; i++) {
                int j = i + rng.below(size - i);
                r[i] = p[j];
                p[j] = p[i];
            }
            return r;
        };
    }

    /** Repeatedly a class with unused rows at random, then one of its unused rows at random. */
    static DrawPolicy balanced() {
        return (classOfSlot, n, rng) -> {
            java.util.TreeMap<Integer, java.util.List<Integer>> byClass = new java.util.TreeMap<>();
            for (int i = 0; i < classOfSlot.length; i++) {
                byClass.computeIfAbsent(classOfSlot[i], c -> new java.util.ArrayList<>())
                        .add(i);
            }
            java.util.List<java.util.List<Integer>> open = new java.util.ArrayList<>(byClass.values());
            int[] r = new int[Math.min(n, classOfSlot.length)];
            for (int i = 0; i < r.length; i++) {
                int c = rng.below(open.size());
                java.util.List<Integer> rows = open.get(c);
                int j = rng.below(rows.size());
                r[i] = rows.get(j);
                rows.set(j, rows.get(rows.size() - 1));
                rows.remove(rows.size() - 1);
                if (rows.isEmpty()) {
                    open.remove(c);
                }
            }
            return r;
        };
    }
}
