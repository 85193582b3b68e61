package dev.holdfast.nn;

import org.bytedeco.pytorch.Tensor;

/** Extra branch of an attention layer (43): gets queries and the frozen branch's output. */
public interface AttentionBranch extends Part {
    Tensor add(Tensor queries, Tensor output, Tensor context, Pass pass);
}
