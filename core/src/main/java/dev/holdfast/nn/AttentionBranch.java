package dev.holdfast.nn;

import dev.holdfast.config.Frozen;
import org.bytedeco.pytorch.Tensor;

/** An extra branch of an attention layer: gets the queries and the layer's own output and returns the new output. */
@Frozen
public interface AttentionBranch extends Part {
    /**
     * @param queries [B,heads,T,d]
     * @param output the attention output before the output projection [B,T,heads*d]
     * @param pass its condition is what the branch attends to
     */
    Tensor add(Tensor queries, Tensor output, Pass pass);

    @Override
    AttentionBranch copy(Copier c);
}
