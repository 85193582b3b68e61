package dev.holdfast.learner.architecture;

import dev.holdfast.data.Inputs;
import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Geometry;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Model;
import dev.holdfast.nn.Pass;
import dev.holdfast.nn.Site;
import dev.holdfast.nn.layer.Fresh;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.nn.layer.Linear;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.ParamMeta;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Frozen bodies and one that learns; the features [n, bodies * D] are all of theirs, one after the other, under one head.
 * Beside it an auxiliary head sees the newest D features only. The parameters are those of the learning body and the
 * heads.
 */
final class ExpandedModel implements Model {
    private static final String FROZEN = "expanded.frozen";
    private static final String AUXILIARY = "expanded.auxiliary";
    private static final String LIVE = "live";

    private final Function<Rng, Layer> bodies;
    private final Rng rng;
    private final ScalarType dtype;
    private final long width;
    private final List<Layer> frozen = new ArrayList<>();
    private Layer body;
    private WideHead head;
    private Linear auxiliary;

    /**
     * @param bodies fresh bodies of equal shape
     * @param width D, features of one body
     */
    ExpandedModel(Function<Rng, Layer> bodies, Rng rng, long width, ScalarType dtype) {
        this(bodies, rng, width, dtype, bodies.apply(rng.child("body", 0)), new WideHead(width, dtype), null);
    }

    private ExpandedModel(
            Function<Rng, Layer> bodies,
            Rng rng,
            long width,
            ScalarType dtype,
            Layer body,
            WideHead head,
            Linear auxiliary) {
        this.bodies = bodies;
        this.rng = rng;
        this.width = width;
        this.dtype = dtype;
        this.body = body;
        this.head = head;
        this.auxiliary = auxiliary;
    }

    /** The width of what a body of unknown kind gives: that of the head it was made for. */
    static long width(Model of) {
        for (Site s : Inventory.of(of.head()).sites()) {
            if (s.geometry().kind() == Geometry.Kind.LINEAR) {
                return s.geometry().shape().get(1);
            }
        }
        throw new IllegalStateException("The head of a fresh network is not linear.");
    }

    /**
     * Freezes the body and begins another.
     *
     * @param outputs of the auxiliary head; 0 = none
     */
    void expand(int outputs) {
        frozen.add(body);
        int k = frozen.size();
        body = bodies.apply(rng.child("body", k));
        head.widen(width, rng.child("widen", k));
        auxiliary = auxiliary(outputs);
    }

    private Linear auxiliary(int outputs) {
        Fresh fresh =
                new Fresh(rng.child("auxiliary", frozen.size()), dtype, Init.KAIMING_UNIFORM, ParamMeta.Role.HEAD, 0);
        return outputs == 0 ? null : new Linear("auxiliary", width, outputs, true, fresh);
    }

    /** Number of frozen bodies. */
    int frozen() {
        return frozen.size();
    }

    /** Numbers in the frozen bodies. */
    long frozenCount() {
        return frozen.stream().mapToLong(b -> b.parameters().count()).sum();
    }

    /** Logits of the auxiliary head for features of {@link #features}, or null if there is none. */
    Tensor auxiliary(Tensor features, Pass pass) {
        return auxiliary == null
                ? null
                : auxiliary.forward(Tensors.slice(features, 1, features.size(1) - width, features.size(1)), pass);
    }

    @Override
    public Tensor features(Inputs in, Pass pass) {
        Tensor x = in.x().scalar_type().intern() == dtype ? in.x() : in.x().to(dtype);
        Tensor[] all = new Tensor[frozen.size() + 1];
        try (var mode = Autograd.noGrad()) {
            for (int k = 0; k < frozen.size(); k++) {
                all[k] = frozen.get(k).forward(x, Pass.eval());
            }
        }
        all[frozen.size()] = body.forward(x, pass);
        return Tensors.cat(1, all);
    }

    @Override
    public Tensor scores(Inputs in, Pass pass) {
        return head.forward(features(in, pass), pass);
    }

    @Override
    public WideHead head() {
        return head;
    }

    @Override
    public void describe(Inventory into) {
        body.describe(into);
        head.describe(into);
        if (auxiliary != null) {
            auxiliary.describe(into);
        }
    }

    @Override
    public ExpandedModel copy(Copier c) {
        ExpandedModel m = new ExpandedModel(bodies, rng, width, dtype, c.part(body), c.part(head), c.part(auxiliary));
        frozen.forEach(b -> m.frozen.add(c.part(b)));
        return m;
    }

    @Override
    public State state() {
        State s = new State()
                .put(FROZEN, frozen.size())
                .put(AUXILIARY, outputs())
                .put(LIVE, Inventory.of(this).state());
        for (int k = 0; k < frozen.size(); k++) {
            s.put("frozen." + k, frozen.get(k));
        }
        return s;
    }

    private long outputs() {
        return auxiliary == null
                ? 0
                : Inventory.of(auxiliary).sites().get(0).geometry().rows();
    }

    /** Gets as many bodies as were saved, then their numbers. */
    @Override
    public void load(State saved) {
        int n = Math.toIntExact(saved.integer(FROZEN));
        int outputs = Math.toIntExact(saved.integer(AUXILIARY));
        if (n < 0 || n > saved.tensors().size() || outputs < 0) {
            throw new IllegalArgumentException("The saved network has " + n + " frozen bodies and an auxiliary head of "
                    + outputs + " outputs.\nMaybe the file is damaged.");
        }
        ExpandedModel other = new ExpandedModel(bodies, rng, width, dtype);
        for (int k = 0; k < n; k++) {
            other.expand(0);
            other.frozen.get(k).load(saved.child("frozen." + k));
        }
        other.auxiliary = other.auxiliary(outputs);
        Inventory.of(other).load(saved.child(LIVE));
        frozen.clear();
        frozen.addAll(other.frozen);
        body = other.body;
        head = other.head;
        auxiliary = other.auxiliary;
    }
}
