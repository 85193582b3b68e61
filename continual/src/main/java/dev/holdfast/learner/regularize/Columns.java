package dev.holdfast.learner.regularize;

import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;

/** Sets of score columns in saved states. */
final class Columns {
    private Columns() {}

    /** Score columns, ascending. */
    static int[] saved(State saved, String name) {
        Tensors.requireShape("saved columns '" + name + "'", saved.tensor(name), -1);
        int[] c = Tensors.ints(saved.tensor(name));
        for (int i = 0; i < c.length; i++) {
            if (c[i] < 0 || i > 0 && c[i] <= c[i - 1]) {
                throw new IllegalArgumentException("The saved columns '" + name + "' are " + Arrays.toString(c)
                        + "; expected ascending numbers from 0.\nMaybe the file is damaged.");
            }
        }
        return c;
    }
}
