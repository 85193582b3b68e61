package dev.holdfast.nn;

import dev.holdfast.tensor.Stateful;

/** Anything that owns sites or buffers. copy keeps sharing by identity. */
public interface Part extends Stateful {
    void describe(Inventory into);

    Part copy(Copier c);
}
