package dev.holdfast.nn;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Stateful;
import java.util.List;

/** Owner of leaves that several sources use: one hashed array, tensors shared by a stage, a hypernetwork. */
@Frozen
public interface Pool extends Stateful {
    /** The source of one site, backed by this pool. */
    WeightSource slice(Site site);

    /** The leaves, each listed once. */
    List<WeightSource.Leaf> leaves();

    /** Deep copy; sharing is kept by {@code c}. */
    Pool copy(Copier c);
}
