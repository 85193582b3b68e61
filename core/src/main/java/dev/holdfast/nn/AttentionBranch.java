package dev.holdfast.nn;

import org.bytedeco.pytorch.Tensor;

/** An extra branch of an attention layer: gets the queries and the layer's own output and returns the new output. */
public interface AttentionBranch extends Part {
    /**
     * @param queries [B,heads,T,d]
     * @param output the attention output before the output projection [B,T,heads*d]
     * @param context tokens attended to by the branch [B,S,width], or null
     */
    Tensor add(Tensor queries, Tensor output, Tensor context, Pass pass);

    @Override
    AttentionBranch copy(Copier c);
}
