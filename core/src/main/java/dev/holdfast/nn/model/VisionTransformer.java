package dev.holdfast.nn.model;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.Span;
import dev.holdfast.nn.layer.Activation;
import dev.holdfast.nn.layer.Attention;
import dev.holdfast.nn.layer.Block;
import dev.holdfast.nn.layer.Conv;
import dev.holdfast.nn.layer.FeedForward;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.InputShape;
import dev.holdfast.nn.layer.LayerNorm;
import dev.holdfast.nn.layer.Residual;
import dev.holdfast.nn.layer.Sequence;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A small vision transformer (Dosovitskiy et al., arXiv 2010.11929): patches by a strided convolution "patch", a class
 * token, learnt positions, pre-norm blocks "block.i" with exact GELU, a final norm; features are the class token.
 *
 * <p>Prompts come with the pass, as keys and values for {@code block.i.attn} ({@link Pass#withPrefix}), or as tokens
 * between {@link TokenEncoder#embed} and {@link TokenEncoder#encode}. The normed tokens
 * that enter attention i are recorded as {@code site:block.i.attn.qkv.in}, the output of block i as {@code block.i}.
 *
 * @param input channels, height, width
 * @param patch side of a patch; must divide height and width
 * @param dim width of tokens and features
 * @param mlpRatio width of the feed-forward layers over dim
 * @param dropout of attention weights and feed-forward layers
 */
public record VisionTransformer(
        List<Long> input, int patch, int dim, int depth, int heads, int mlpRatio, double dropout) implements Backbone {
    private static final double EPS = 1e-6;

    public VisionTransformer {
        input = new InputShape(input).requireImage("VisionTransformer").shape();
        if (patch < 1 || input.get(1) % patch != 0 || input.get(2) % patch != 0) {
            throw new IllegalArgumentException(
                    "Patches of side " + patch + " do not tile images of " + input.get(1) + " x " + input.get(2) + ".");
        }
        if (dim < 1 || depth < 1 || heads < 1 || mlpRatio < 1 || dim % heads != 0) {
            throw new IllegalArgumentException("A transformer needs dim, depth, heads and mlpRatio >= 1 and heads that"
                    + " divide dim, but has " + dim + ", " + depth + ", " + heads + " and " + mlpRatio + ".");
        }
    }

    /** Width 64, four blocks of four heads, feed-forward layers four times as wide, no dropout. */
    public static VisionTransformer of(long channels, long height, long width, int patch) {
        return new VisionTransformer(List.of(channels, height, width), patch, 64, 4, 4, 4, 0);
    }

    @Override
    public long features() {
        return dim;
    }

    /** Names of the attention layers, where prefixes go. */
    public List<String> attentions() {
        List<String> names = new ArrayList<>();
        for (int i = 0; i < depth; i++) {
            names.add("block." + i + ".attn");
        }
        return names;
    }

    @Override
    public TokenEncoder build(Rng rng, ScalarType dtype) {
        Fresh fresh = new Fresh(rng, dtype, Init.TRUNCATED_NORMAL);
        List<Layer> blocks = new ArrayList<>();
        for (int i = 0; i < depth; i++) {
            String b = "block." + i;
            Fresh at = fresh.at(i + 1);
            Layer attention = new Sequence(
                    b + ".attention",
                    new LayerNorm(b + ".norm.0", dim, EPS, at),
                    new Attention(b + ".attn", dim, heads, false, dropout, at));
            Layer feedForward = new Sequence(
                    b + ".feedforward",
                    new LayerNorm(b + ".norm.1", dim, EPS, at),
                    new FeedForward(b + ".ffn", dim, (long) dim * mlpRatio, Activation.GELU, dropout, at));
            blocks.add(new Block(
                    b,
                    Span.Kind.LAYER,
                    dim,
                    new Sequence(
                            b + ".sub",
                            new Residual(b + ".sub.attn", Span.Kind.SUBLAYER, dim, attention, null, null),
                            new Residual(b + ".sub.ffn", Span.Kind.SUBLAYER, dim, feedForward, null, null))));
        }
        long tokens = input.get(1) / patch * (input.get(2) / patch) + 1;
        return new Body(
                new InputShape(input),
                new Conv("patch", input.get(0), dim, new Conv.Kernel(patch, patch, 0, 1), true, fresh),
                fresh.drawn("token", Role.EMBEDDING, 1, 1, dim),
                fresh.drawn("position", Role.EMBEDDING, 1, tokens, dim),
                new Block("blocks", Span.Kind.STACK, dim, new Sequence("stack", blocks)),
                new LayerNorm("norm", dim, EPS, fresh.at(depth + 1)),
                new TreeSet<>(attentions()));
    }

    /** Tokens in the order class token, then patches row by row. */
    private record Body(
            InputShape shape,
            Conv patches,
            Site token,
            Site position,
            Block blocks,
            LayerNorm norm,
            Set<String> attentions)
            implements TokenEncoder {
        @Override
        public Tensor forward(Tensor x, Pass pass) {
            return encode(embed(x, pass), pass).select(1, 0);
        }

        @Override
        public Tensor embed(Tensor x, Pass pass) {
            Tensor image = shape.forward(x, pass);
            long n = image.size(0);
            Tensor grid = patches.forward(image, pass).flatten(2, -1).transpose(1, 2);
            Tensor first = token.weight(pass).expand(n, 1, grid.size(2));
            return Tensors.cat(1, first, grid).add(position.weight(pass));
        }

        @Override
        public Tensor encode(Tensor tokens, Pass pass) {
            if (!attentions.containsAll(pass.prefixed())) {
                throw new IllegalArgumentException("The pass has prefixes for " + new TreeSet<>(pass.prefixed())
                        + " but this net has the attention layers " + attentions + ".");
            }
            return norm.forward(blocks.forward(tokens, pass), pass);
        }

        @Override
        public void describe(Inventory into) {
            patches.describe(into);
            into.add(token);
            into.add(position);
            blocks.describe(into);
            norm.describe(into);
        }

        @Override
        public Body copy(Copier c) {
            return new Body(
                    shape, c.part(patches), c.site(token), c.site(position), c.part(blocks), c.part(norm), attentions);
        }
    }
}
