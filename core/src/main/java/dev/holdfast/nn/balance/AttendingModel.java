package dev.holdfast.nn.balance;

import dev.holdfast.data.Inputs;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Head;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.layer.Dropout;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.tensor.ParamMeta.Role;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * A model that can look at other models' features for the same rows: additive attention, {@code score(q, k) = v . tanh(Wq q +
 * Wk k)}, a softmax over the keys, their weighted sum. Sites {@code attention.query} and {@code attention.key} [h, D],
 * {@code attention.value} [h].
 *
 * <p>Bahdanau et al.: <i>Neural Machine Translation by Jointly Learning to Align and Translate</i>, arXiv 1409.0473; as
 * feature fusion in Zhang et al., arXiv 2304.10539, section 3.3.
 */
public final class AttendingModel implements Model {
    private final Model inner;
    private final Site query;
    private final Site key;
    private final Site value;
    private final Dropout dropout;

    private AttendingModel(Model inner, Site query, Site key, Site value, Dropout dropout) {
        this.inner = inner;
        this.query = query;
        this.key = key;
        this.value = value;
        this.dropout = dropout;
    }

    /**
     * Fresh attention around a float32 model.
     *
     * @param width D of its features
     * @param dropout share of the attention weights that are dropped in training
     */
    public static AttendingModel around(Model inner, long width, double dropout, Rng rng) {
        Fresh fresh = new Fresh(rng, ScalarType.Float, Init.KAIMING_UNIFORM, Role.OTHER, 0);
        return new AttendingModel(
                inner,
                fresh.weight("attention.query", Geometry.linear(width, width), width, Map.of()),
                fresh.weight("attention.key", Geometry.linear(width, width), width, Map.of()),
                fresh.drawn("attention.value", Role.OTHER, width),
                new Dropout("attention.dropout", dropout));
    }

    /** Mix [n, D] of keys [n, m, D] that suits features [n, D]. */
    public Tensor attend(Tensor features, Tensor keys, Pass pass) {
        Tensor weights = weights(features, keys, query.weight(pass), key.weight(pass), value.weight(pass));
        return mix(dropout.forward(weights, pass), keys);
    }

    /** The same with given weights Wq [h, D], Wk [h, D], v [h], without dropout. */
    public static Tensor attend(Tensor features, Tensor keys, Tensor wq, Tensor wk, Tensor v) {
        return mix(weights(features, keys, wq, wk, v), keys);
    }

    private static Tensor weights(Tensor features, Tensor keys, Tensor wq, Tensor wk, Tensor v) {
        Tensors.requireShape("keys", keys, features.size(0), -1, features.size(1));
        Tensor q = features.matmul(wq.t()).unsqueeze(1);
        return keys.matmul(wk.t()).add(q).tanh().matmul(v).softmax(1);
    }

    private static Tensor mix(Tensor weights, Tensor keys) {
        return weights.unsqueeze(1).matmul(keys).squeeze(1);
    }

    @Override
    public Tensor features(Inputs in, Pass pass) {
        return inner.features(in, pass);
    }

    @Override
    public Tensor scores(Inputs in, Pass pass) {
        return inner.scores(in, pass);
    }

    @Override
    public Head head() {
        return inner.head();
    }

    @Override
    public void describe(Inventory into) {
        inner.describe(into);
        into.add(query);
        into.add(key);
        into.add(value);
    }

    @Override
    public AttendingModel copy(Copier c) {
        return new AttendingModel(c.part(inner), c.site(query), c.site(key), c.site(value), dropout);
    }
}
