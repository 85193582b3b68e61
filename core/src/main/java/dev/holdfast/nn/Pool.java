package dev.holdfast.nn;

import dev.holdfast.tensor.Stateful;
import java.util.List;

/** Owner of leaves used by several sources: hashed array (58), stage tensors (23), omega (61), hypernetwork (22 45). */
public interface Pool extends Stateful {
    WeightSource slice(Site site);

    List<WeightSource.Leaf> leaves();

    Pool copy(Copier c);
}
