package dev.holdfast.run;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.State;
import java.util.function.Supplier;

/** Things that take long to make and that several studies share: made once, kept under a key that names all they depend on. */
@Frozen
public interface AssetStore {
    /** The state under {@code key}; made and kept if it is not there. The key names specification, data and seed. */
    State get(String key, Supplier<State> make);
}
