package dev.holdfast.run;

import dev.holdfast.tensor.State;
import java.util.function.Supplier;

/** Trained bases shared by studies (LM base, enc-mini, tiny ViT, feature extractor), keyed by specification, data fingerprint and seed. */
public interface AssetStore {
    State get(String key, Supplier<State> make);
}
