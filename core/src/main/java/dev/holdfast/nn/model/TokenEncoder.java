package dev.holdfast.nn.model;

import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import org.bytedeco.pytorch.Tensor;

/**
 * A body that works on tokens, between which others (prompts) can be put: its {@link #forward} is the first token of
 * {@code encode(embed(x))}.
 */
public interface TokenEncoder extends Layer {
    /** Rows to tokens [n,T,D] with their positions; the first one gathers what is known about the row. */
    Tensor embed(Tensor x, Pass pass);

    /** Tokens [n,any,D] to what they have become in the end, normed. */
    Tensor encode(Tensor tokens, Pass pass);
}
