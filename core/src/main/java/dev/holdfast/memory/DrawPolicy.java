package dev.holdfast.memory;

import dev.holdfast.tensor.Rng;

public interface DrawPolicy {
    int[] slots(int[] columnOfSlot, int n, Rng rng);
}
