package dev.holdfast.nn.layer;

import dev.holdfast.nn.AttentionBranch;
import dev.holdfast.nn.AttentionMemory;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import java.util.Map;
import org.bytedeco.pytorch.DoubleOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorOptional;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Multi-head self-attention, softmax(Q K^T / sqrt(d)) V (Vaswani et al., arXiv 1706.03762, eq. 1): x [B,T,width] to
 * [B,T,width]. Queries, keys and values come from one fused site {@code name.qkv} with row ranges q, k and v; {@code
 * name.proj} follows.
 *
 * <p>A pass may put keys and values before the layer's own ({@link Pass#prefix}) and hide tokens ({@link Pass#mask}). If
 * it asks for {@code name.logits} [B,heads,T,P+T] or {@code name.weights}, needs a second derivative or draws dropout,
 * the attention is computed step by step; otherwise by libtorch's fused operation, which gives the same numbers.
 */
public final class Attention implements Layer {
    private final String name;
    private final long width;
    private final long heads;
    private final boolean causal;
    private final Dropout dropout;
    private final Linear qkv;
    private final Linear proj;
    private AttentionBranch branch;

    /**
     * @param heads must divide width
     * @param causal tokens see only themselves, those before them, and prefixes
     * @param dropout share of attention weights that fall in training
     */
    public Attention(String name, long width, long heads, boolean causal, double dropout, Fresh fresh) {
        this(
                name,
                width,
                heads,
                causal,
                new Dropout(name + ".drop", dropout),
                new Linear(
                        name + ".qkv",
                        width,
                        3 * width,
                        true,
                        Map.of(
                                "q", new long[] {0, width},
                                "k", new long[] {width, 2 * width},
                                "v", new long[] {2 * width, 3 * width}),
                        fresh),
                new Linear(name + ".proj", width, width, true, fresh));
        if (heads < 1 || width % heads != 0) {
            throw new IllegalArgumentException(
                    "Attention '" + name + "' cannot split a width of " + width + " into " + heads + " heads.");
        }
    }

    private Attention(String name, long width, long heads, boolean causal, Dropout dropout, Linear qkv, Linear proj) {
        this.name = name;
        this.width = width;
        this.heads = heads;
        this.causal = causal;
        this.dropout = dropout;
        this.qkv = qkv;
        this.proj = proj;
    }

    /** Puts a branch between attention and projection, or takes it away (null). */
    public void branch(AttentionBranch b) {
        branch = b;
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        long n = x.size(0);
        long t = x.size(1);
        // [3,B,heads,T,d]
        Tensor all = qkv.forward(x, pass).view(n, t, 3, heads, width / heads).permute(2, 0, 3, 1, 4);
        Tensor q = all.select(0, 0);
        Tensor k = all.select(0, 1);
        Tensor v = all.select(0, 2);
        AttentionMemory prefix = pass.prefix(name);
        long before = 0;
        if (prefix != null) {
            requireFits(prefix, n);
            before = prefix.k().size(2);
            k = Tensors.cat(2, prefix.k(), k);
            v = Tensors.cat(2, prefix.v(), v);
        }
        boolean drop = pass.training() && dropout.p() > 0;
        boolean stepwise = drop
                || pass.doubleBackward()
                || pass.taps().wants(name + ".logits")
                || pass.taps().wants(name + ".weights");
        Tensor hidden = hidden(n, t, before, pass, stepwise);
        Tensor y = stepwise ? stepwise(q, k, v, hidden, pass) : fused(q, k, v, hidden);
        y = y.transpose(1, 2).reshape(n, t, width);
        if (branch != null) {
            y = branch.add(q, y, pass);
        }
        return proj.forward(y, pass);
    }

    private Tensor stepwise(Tensor q, Tensor k, Tensor v, Tensor hidden, Pass pass) {
        Tensor logits = q.matmul(k.transpose(2, 3)).mul(Tensors.scalar(1 / Math.sqrt(width / (double) heads)));
        if (hidden != null) {
            logits = logits.masked_fill(hidden, Tensors.scalar(Double.NEGATIVE_INFINITY));
        }
        pass.taps().put(name + ".logits", logits);
        Tensor weights = logits.softmax(-1);
        pass.taps().put(name + ".weights", weights);
        return dropout.forward(weights, pass).matmul(v);
    }

    private Tensor fused(Tensor q, Tensor k, Tensor v, Tensor hidden) {
        boolean plain = hidden == null;
        return torch.scaled_dot_product_attention(
                q,
                k,
                v,
                plain ? new TensorOptional() : new TensorOptional(hidden.logical_not()),
                0,
                plain && causal,
                new DoubleOptional(),
                false);
    }

    /** bool, true = hidden, broadcast over [B,heads,T,P+T]; null = nothing, or just the causal triangle when fused. */
    private Tensor hidden(long n, long t, long before, Pass pass, boolean stepwise) {
        Tensor h = null;
        if (causal && (stepwise || before > 0 || pass.mask() != null)) {
            h = Tensors.zeros(ScalarType.Bool, t, before + t)
                    .fill_(Tensors.scalar(1))
                    .triu(before + 1);
        }
        if (pass.mask() != null) {
            Tensors.requireShape("The token mask", pass.mask(), n, t);
            Tensor padding = torch.constant_pad_nd(pass.mask().eq(Tensors.scalar(0)), before, 0);
            padding = padding.view(n, 1, 1, before + t);
            h = h == null ? padding : h.logical_or(padding);
        }
        return h;
    }

    private void requireFits(AttentionMemory prefix, long n) {
        long[] s = prefix.k().shape();
        if (s[0] != n || s[1] != heads || s[3] != width / heads) {
            throw new IllegalArgumentException("The prefix of attention '" + name + "' has shape " + Arrays.toString(s)
                    + "; expected [" + n + ", " + heads + ", any, " + width / heads + "].");
        }
    }

    @Override
    public void describe(Inventory into) {
        qkv.describe(into);
        proj.describe(into);
        if (branch != null) {
            branch.describe(into);
        }
    }

    @Override
    public Attention copy(Copier c) {
        Attention a = new Attention(name, width, heads, causal, dropout, c.part(qkv), c.part(proj));
        a.branch = c.part(branch);
        return a;
    }
}
