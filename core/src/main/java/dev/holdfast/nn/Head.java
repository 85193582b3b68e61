package dev.holdfast.nn;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.tensor.Resized;
import dev.holdfast.tensor.Rng;
import java.util.List;

/** features [n,D] -> scores [n,columns]; growth keeps old rows bit for bit. */
public interface Head extends Layer {
    ClassIndex columns();

    List<Resized> grow(List<ClassIndex.Column> added, Rng rng);
}
