package dev.holdfast.nn.model;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Part;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.weight.Dense;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Learnt tokens in M prompts of L tokens each, every prompt with a learnt key; a row gets those whose keys are most like
 * its query. Sites {@code name.tokens} [M,L,D] and {@code name.keys} [M,D].
 *
 * <p>Wang et al.: <i>Learning to Prompt for Continual Learning</i>, arXiv 2112.08654, section 4.2.
 */
public final class PromptPool implements Part {
    private final Site tokens;
    private final Site keys;

    /**
     * What rows have chosen.
     *
     * @param tokens [n, top * L, D], the most similar prompt first, with graph
     * @param similarity cosines [n, top] of query and chosen keys, falling, with graph
     * @param prompts numbers [n, top] of the chosen prompts
     */
    public record Chosen(Tensor tokens, Tensor similarity, Tensor prompts) {}

    /** Tokens and keys uniform in [-1, 1). */
    public PromptPool(String name, int prompts, int length, long width, Rng rng, ScalarType dtype) {
        if (prompts < 1 || length < 1 || width < 1) {
            throw new IllegalArgumentException("A pool needs prompts, length and width >= 1 but has " + prompts + ", "
                    + length + " and " + width + ".");
        }
        this.tokens = drawn(name + ".tokens", rng, dtype, prompts, length, width);
        this.keys = drawn(name + ".keys", rng, dtype, prompts, width);
    }

    private PromptPool(Site tokens, Site keys) {
        this.tokens = tokens;
        this.keys = keys;
    }

    private static Site drawn(String name, Rng rng, ScalarType dtype, long... shape) {
        try (Scope s = Scope.open()) {
            Tensor u = rng.child(name).uniform(shape).to(dtype);
            long width = shape[shape.length - 1];
            ParamMeta m = new ParamMeta(name, ParamMeta.Role.EMBEDDING, width, width, false, 0);
            return Dense.at(m, Geometry.vector(shape), u.mul(Tensors.scalar(2)).sub(Tensors.scalar(1)));
        }
    }

    /**
     * The prompts whose keys have the largest cosine with the query.
     *
     * @param query [n,D]; no gradient flows to it
     * @param top how many, at most M
     */
    public Chosen choose(Tensor query, int top, Pass pass) {
        Tensor k = keys.weight(pass);
        Tensors.requireShape("queries", query, -1, k.size(1));
        if (top < 1 || top > k.size(0)) {
            throw new IllegalArgumentException(
                    "Expected to choose 1 to " + k.size(0) + " prompts but " + top + " were asked for.");
        }
        T_TensorTensor_T best = unit(query.detach()).mm(unit(k).t()).topk(top, 1, true, true);
        Tensor t = tokens.weight(pass);
        Tensor at = best.get1();
        Tensor taken = t.index_select(0, at.reshape(-1));
        return new Chosen(taken.reshape(query.size(0), top * t.size(1), t.size(2)), best.get0(), at);
    }

    private static Tensor unit(Tensor rows) {
        Tensor norm = rows.square().sum(1).sqrt().unsqueeze(1);
        // a row of zeros is like nothing
        return rows.div(norm.add(norm.eq(Tensors.scalar(0))));
    }

    @Override
    public void describe(Inventory into) {
        into.add(tokens);
        into.add(keys);
    }

    @Override
    public PromptPool copy(Copier c) {
        return new PromptPool(c.site(tokens), c.site(keys));
    }
}
