package dev.holdfast.nn.lm;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A decoder-only language model of the Llama family: token ids [B,T] (int64) to logits [B,T,vocabulary], where the
 * logits at position t are about token t+1.
 *
 * <p>Sites bear the module names of published checkpoints ({@code model.layers.0.self_attn.q_proj}), so leaves bear the
 * tensor names. Rows of unequal length are padded on the left and told apart by {@link Pass#withMask} [B,T] (1 = token, 0
 * = padding); positions count tokens only. The output of block i is recorded as {@code model.layers.i}, what its two halves
 * add as {@code model.layers.i.self_attn} and {@code .mlp}. A pass that needs
 * second derivatives, or asks for {@code model.layers.i.self_attn.logits} or {@code .weights}, computes attention step by
 * step, otherwise libtorch's fused operation does, which gives the same numbers.
 */
public final class Decoder implements Layer {
    private final DecoderConfig config;
    private final Site table;
    private final List<DecoderBlock> blocks;
    private final Site norm;
    private final Site head;
    private final Geometry readout;

    private Decoder(DecoderConfig config, Site table, List<DecoderBlock> blocks, Site norm, Site head) {
        this.config = config;
        this.table = table;
        this.blocks = List.copyOf(blocks);
        this.norm = norm;
        this.head = head;
        this.readout = Geometry.linear(config.vocabulary(), config.hidden());
    }

    static Decoder fresh(DecoderConfig c, Rng rng, ScalarType dtype) {
        Fresher f = new Fresher(rng, dtype, c.style().initialisation(), c.layers());
        Geometry rows = Geometry.embedding(c.vocabulary(), c.hidden());
        Geometry out = Geometry.linear(c.vocabulary(), c.hidden());
        List<DecoderBlock> blocks = new ArrayList<>();
        for (int i = 0; i < c.layers(); i++) {
            blocks.add(new DecoderBlock(i, c, f));
        }
        int last = c.layers() + 1;
        return new Decoder(
                c,
                f.matrix("model.embed_tokens", Role.EMBEDDING, rows, c.hidden(), Fresher.Part.EMBEDDING, 0),
                blocks,
                f.norm("model.norm.weight", last, c.hidden()),
                c.tied() ? null : f.matrix("lm_head", Role.HEAD, out, c.vocabulary(), Fresher.Part.HEAD, last));
    }

    /** A decoder whose matrices are zero, for weights that come from elsewhere. */
    public static Decoder blank(DecoderConfig c, ScalarType dtype) {
        return fresh(c, null, dtype);
    }

    public DecoderConfig config() {
        return config;
    }

    /** Number type of the embedding, in which everything is computed. */
    public ScalarType dtype() {
        try (Scope s = Scope.open()) {
            return table.source().toDense().scalar_type().intern();
        }
    }

    /**
     * Logits [B,T,vocabulary]; padding as the pass's mask says.
     *
     * @throws IllegalArgumentException if an id is not in the vocabulary, or there are more tokens than positions
     */
    @Override
    public Tensor forward(Tensor ids, Pass pass) {
        requireIds(ids);
        return logits(features(embed(ids, pass), pass), pass);
    }

    /** Rows of the embedding table [B,T,hidden]. */
    public Tensor embed(Tensor ids, Pass pass) {
        return table.apply(ids, null, pass);
    }

    /** From embeddings [B,T,hidden] to the normed output of the last block, [B,T,hidden]. */
    public Tensor features(Tensor embedded, Pass pass) {
        if (!pass.prefixed().isEmpty()) {
            throw new IllegalArgumentException(
                    "A decoder takes no prefixes, but the pass has some for " + pass.prefixed() + ".");
        }
        long t = embedded.size(1);
        requireContext(t);
        Tensor mask = null;
        if (pass.mask() != null) {
            Tensors.requireShape("The token mask", pass.mask(), embedded.size(0), t);
            mask = pass.mask().ne(Tensors.scalar(0));
        }
        return run(embedded, frame(t, 0, mask, null, embedded.scalar_type()), pass);
    }

    /** Logits of features [...,hidden]. */
    public Tensor logits(Tensor features, Pass pass) {
        return head == null ? readout.apply(features, table.weight(pass), null) : head.apply(features, null, pass);
    }

    /**
     * Logits [B,vocabulary] about the token after {@code ids} [B,t], which are put behind what the cache holds; no graph.
     *
     * @throws IllegalArgumentException if ids, rows or room do not fit; the cache is unchanged
     */
    public Tensor next(Tensor ids, KvCache cache, Pass pass) {
        requireIds(ids);
        long t = ids.size(1);
        cache.requireRoom(ids.size(0), t);
        requireContext(cache.length() + t);
        try (var mode = Autograd.noGrad()) {
            Tensor x = embed(ids, pass);
            Tensor y = run(x, frame(t, cache.length(), cache.mask(cache.length() + t), cache, x.scalar_type()), pass);
            cache.advance(Math.toIntExact(t));
            return logits(y.select(1, -1), pass);
        }
    }

    private Tensor run(Tensor x, DecoderBlock.Frame f, Pass pass) {
        Tensor y = x;
        for (DecoderBlock b : blocks) {
            y = b.forward(y, f, pass);
        }
        return Norms.of(config.style().norm(), y, norm, config.normEps(), pass);
    }

    /** For t tokens behind {@code before} others; mask bool [B,before+t] or null. */
    private DecoderBlock.Frame frame(long t, long before, Tensor mask, KvCache cache, ScalarType dtype) {
        long all = before + t;
        Tensor positions = mask == null
                ? range(before, all).unsqueeze(0)
                : Tensors.slice(mask.to(ScalarType.Long).cumsum(1), 1, before, all)
                        .sub(Tensors.scalar(1))
                        .clamp_min(Tensors.scalar(0));
        Rope.Table rope = config.rope().table(positions, config.headSize(), dtype);
        boolean windowed = config.window() > 0 && config.window() < all;
        if (mask == null && !windowed && (before == 0 || t == 1)) {
            return new DecoderBlock.Frame(rope, null, null, before == 0, cache);
        }
        Tensor visible = band(t, all, windowed ? config.window() : 0);
        Tensor seen = null;
        if (mask != null) {
            visible = visible.logical_and(mask.view(mask.size(0), 1, 1, all));
            seen = visible.any(-1, true);
            // a row that sees nothing would give NaN; it sees everything, and its output is put to zero
            visible = visible.logical_or(seen.logical_not());
        }
        return new DecoderBlock.Frame(rope, visible, seen, false, cache);
    }

    /** bool [1,1,t,all]: the last t of {@code all} tokens see themselves and those before, at most {@code window}. */
    static Tensor band(long t, long all, int window) {
        Tensor b =
                Tensors.zeros(ScalarType.Bool, t, all).fill_(Tensors.scalar(1)).tril(all - t);
        if (window > 0) {
            b = b.triu(all - t - window + 1);
        }
        return b.view(1, 1, t, all);
    }

    private static Tensor range(long from, long to) {
        long[] a = new long[Math.toIntExact(to - from)];
        for (int i = 0; i < a.length; i++) {
            a[i] = from + i;
        }
        return Tensors.of(a, a.length);
    }

    private void requireContext(long tokens) {
        if (tokens > config.context()) {
            throw new IllegalArgumentException("There are " + tokens + " tokens in a row but the model has "
                    + config.context() + " positions.\nMaybe the prompt is to be shortened.");
        }
    }

    private void requireIds(Tensor ids) {
        if (ids.dim() != 2 || ids.scalar_type().intern() != ScalarType.Long) {
            throw new IllegalArgumentException("Token ids must be int64 [rows, tokens] but are "
                    + ids.scalar_type().intern() + " with " + ids.dim() + " dimensions.");
        }
        if (ids.numel() == 0) {
            throw new IllegalArgumentException("There are no tokens.\nMaybe an empty prompt needs a begin token.");
        }
        long low;
        long high;
        try (Scope s = Scope.open()) {
            low = ids.min().item_long();
            high = ids.max().item_long();
        }
        if (low < 0 || high >= config.vocabulary()) {
            long[] a = Tensors.longs(ids);
            for (int i = 0; i < a.length; i++) {
                if (a[i] < 0 || a[i] >= config.vocabulary()) {
                    throw new IllegalArgumentException("Token id " + a[i] + " in row " + i / ids.size(1) + ", position "
                            + i % ids.size(1) + " is not in the vocabulary of " + config.vocabulary()
                            + " ids.\nMaybe the tokenizer belongs to another model.");
                }
            }
        }
    }

    @Override
    public void describe(Inventory into) {
        into.add(table);
        blocks.forEach(b -> b.describe(into));
        into.add(norm);
        if (head != null) {
            into.add(head);
        }
    }

    @Override
    public Decoder copy(Copier c) {
        return new Decoder(config, c.site(table), blocks.stream().map(c::part).toList(), c.site(norm), c.site(head));
    }
}
