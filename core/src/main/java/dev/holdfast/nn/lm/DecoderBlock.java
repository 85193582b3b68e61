package dev.holdfast.nn.lm;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Part;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.lm.DecoderStyle.FeedForward;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * One block: x + attention(norm(x)), then x + feed-forward(norm(x)), with grouped queries (Ainslie et al., arXiv
 * 2305.13245). Every map is a site of its own under its name in a checkpoint, so
 * that surgery can give it another weight source.
 */
final class DecoderBlock implements Part {
    /** A linear map and its bias, which may be null. */
    record Projection(Site weight, Site bias) {
        Tensor apply(Tensor x, Pass pass) {
            return weight.apply(x, bias, pass);
        }

        void describe(Inventory into) {
            into.add(weight);
            if (bias != null) {
                into.add(bias);
            }
        }

        Projection copy(Copier c) {
            return new Projection(c.site(weight), c.site(bias));
        }
    }

    /**
     * What all blocks of a forward pass share.
     *
     * @param visible bool [1 or B,1,T,S], or null if {@code causal} says it all
     * @param seen bool [1 or B,1,T,1], false where a row sees nothing; or null if every row sees something
     * @param causal S = T and every token sees those before it and itself
     * @param cache or null
     */
    record Frame(Rope.Table rope, Tensor visible, Tensor seen, boolean causal, KvCache cache) {}

    private final int index;
    private final String name;
    private final DecoderConfig config;
    private final Site[] norms;
    private final Site[] headNorms;
    private final Projection q;
    private final Projection k;
    private final Projection v;
    private final Projection o;
    private final Projection gate;
    private final Projection up;
    private final Projection down;

    DecoderBlock(int index, DecoderConfig c, Fresher f) {
        this.index = index;
        this.name = "model.layers." + index;
        this.config = c;
        int depth = index + 1;
        String a = name + ".self_attn.";
        String m = name + ".mlp.";
        long inner = (long) c.heads() * c.headSize();
        long outer = (long) c.kvHeads() * c.headSize();
        norms = new Site[] {
            f.norm(name + ".input_layernorm.weight", depth, c.hidden()),
            f.norm(name + ".post_attention_layernorm.weight", depth, c.hidden())
        };
        headNorms = c.qkNorm().on()
                ? new Site[] {
                    f.norm(a + "q_norm.weight", depth, c.qkNorm().scale(c.heads(), c.headSize())),
                    f.norm(a + "k_norm.weight", depth, c.qkNorm().scale(c.kvHeads(), c.headSize()))
                }
                : new Site[0];
        q = f.map(a + "q_proj", c.hidden(), inner, c.qkvBias(), Fresher.Part.QUERY, depth);
        k = f.map(a + "k_proj", c.hidden(), outer, c.qkvBias(), Fresher.Part.INNER, depth);
        v = f.map(a + "v_proj", c.hidden(), outer, c.qkvBias(), Fresher.Part.INNER, depth);
        o = f.map(a + "o_proj", inner, c.hidden(), c.outputBias(), Fresher.Part.INTO_STREAM, depth);
        gate = c.style().feedForward() == FeedForward.GATED_SILU
                ? f.map(m + "gate_proj", c.hidden(), c.intermediate(), c.mlpBias(), Fresher.Part.INNER, depth)
                : null;
        up = f.map(m + "up_proj", c.hidden(), c.intermediate(), c.mlpBias(), Fresher.Part.INNER, depth);
        down = f.map(m + "down_proj", c.intermediate(), c.hidden(), c.mlpBias(), Fresher.Part.INTO_STREAM, depth);
    }

    private DecoderBlock(DecoderBlock b, Copier c) {
        index = b.index;
        name = b.name;
        config = b.config;
        norms = sites(b.norms, c);
        headNorms = sites(b.headNorms, c);
        q = b.q.copy(c);
        k = b.k.copy(c);
        v = b.v.copy(c);
        o = b.o.copy(c);
        gate = b.gate == null ? null : b.gate.copy(c);
        up = b.up.copy(c);
        down = b.down.copy(c);
    }

    private static Site[] sites(Site[] from, Copier c) {
        Site[] to = new Site[from.length];
        for (int i = 0; i < to.length; i++) {
            to[i] = c.site(from[i]);
        }
        return to;
    }

    /** x [B,T,hidden]. */
    Tensor forward(Tensor x, Frame f, Pass pass) {
        Tensor attended = attention(norm(x, norms[0], pass), f, pass);
        pass.taps().put(name + ".self_attn", attended);
        Tensor y = x.add(attended);
        Tensor fed = feedForward(norm(y, norms[1], pass), pass);
        pass.taps().put(name + ".mlp", fed);
        y = y.add(fed);
        pass.taps().put(name, y);
        return y;
    }

    private Tensor norm(Tensor x, Site weight, Pass pass) {
        return Norms.of(config.style().norm(), x, weight, config.normEps(), pass);
    }

    private Tensor feedForward(Tensor n, Pass pass) {
        Tensor inner = up.apply(n, pass);
        inner = gate == null
                ? torch.gelu(inner)
                : torch.silu(gate.apply(n, pass)).mul(inner);
        return down.apply(inner, pass);
    }

    private Tensor attention(Tensor n, Frame f, Pass pass) {
        long rows = n.size(0);
        long t = n.size(1);
        long d = config.headSize();
        Tensor query = heads(q, 0, n, config.heads(), f, pass);
        Tensor key = heads(k, 1, n, config.kvHeads(), f, pass);
        Tensor value = v.apply(n, pass).view(rows, t, config.kvHeads(), d).transpose(1, 2);
        if (f.cache != null) {
            Tensor[] all = f.cache.append(index, key, value);
            key = all[0];
            value = all[1];
        }
        key = repeated(key);
        value = repeated(value);
        boolean stepwise = pass.doubleBackward()
                || pass.taps().wants(name + ".self_attn.logits")
                || pass.taps().wants(name + ".self_attn.weights");
        double scale = config.style().attentionScale().of(config.headSize());
        Tensor y = stepwise
                ? stepwise(query, key, value, f, scale, pass)
                : Attention.fused(query, key, value, f.visible, f.causal, scale);
        if (f.seen != null) {
            y = y.masked_fill(f.seen.logical_not(), Tensors.scalar(0));
        }
        return o.apply(y.transpose(1, 2).reshape(rows, t, config.heads() * d), pass);
    }

    /** [B,heads,T,d], normed where the model does so, then turned. */
    private Tensor heads(Projection map, int norm, Tensor n, int heads, Frame f, Pass pass) {
        Tensor x = map.apply(n, pass).view(n.size(0), n.size(1), heads, config.headSize());
        if (config.qkNorm().on()) {
            x = Norms.of(config.qkNorm().kind(), x, headNorms[norm], config.normEps(), pass);
        }
        return Rope.turn(x, f.rope).transpose(1, 2);
    }

    /** Every key or value head as often as queries read it, side by side. */
    private Tensor repeated(Tensor x) {
        int times = config.heads() / config.kvHeads();
        if (times == 1) {
            return x;
        }
        long s = x.size(2);
        return x.unsqueeze(2)
                .expand(x.size(0), config.kvHeads(), times, s, config.headSize())
                .reshape(x.size(0), config.heads(), s, config.headSize());
    }

    private Tensor stepwise(Tensor query, Tensor key, Tensor value, Frame f, double scale, Pass pass) {
        Tensor visible = f.visible;
        if (visible == null && f.causal) {
            visible = Decoder.band(query.size(2), key.size(2), 0);
        }
        Attention.Result r = Attention.stepwise(query, key, value, visible, scale);
        pass.taps().put(name + ".self_attn.logits", r.logits());
        pass.taps().put(name + ".self_attn.weights", r.weights());
        return r.out();
    }

    @Override
    public void describe(Inventory into) {
        into.add(norms[0]);
        q.describe(into);
        k.describe(into);
        v.describe(into);
        o.describe(into);
        for (Site s : headNorms) {
            into.add(s);
        }
        into.add(norms[1]);
        if (gate != null) {
            gate.describe(into);
        }
        up.describe(into);
        down.describe(into);
    }

    @Override
    public DecoderBlock copy(Copier c) {
        return new DecoderBlock(this, c);
    }
}
