package dev.holdfast.nn;

import org.bytedeco.pytorch.Tensor;

/** Records a named activation only if asked ("block.2", "block.2.attn.logits", "site:conv.1.in"): 15 37 48 62, GPM, fast per-sample gradients. */
public interface Taps {
    boolean wants(String name);

    void put(String name, Tensor t);

    Tensor get(String name);
}
