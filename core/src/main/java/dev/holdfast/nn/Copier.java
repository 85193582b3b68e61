package dev.holdfast.nn;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Scope;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.bytedeco.pytorch.Tensor;

/**
 * One deep copy under way. Every object is copied once, so that whatever was shared in the original (a leaf in two
 * sites, a pool behind many sources) is shared in the copy too. For one thread and one copy.
 */
@Frozen
public final class Copier {
    private final Map<Object, Object> done = new IdentityHashMap<>();
    private final UnaryOperator<Tensor> tensors;

    /** Copies every tensor into memory of its own that outlives all scopes. */
    public Copier() {
        this(t -> {
            Tensor c = Scope.own(t.detach().clone());
            c.set_requires_grad(t.requires_grad());
            return c;
        });
    }

    private Copier(UnaryOperator<Tensor> tensors) {
        this.tensors = tensors;
    }

    /** A copier whose tensors see the originals' memory but take no gradient: for bases that are to stay frozen. */
    public static Copier frozen() {
        return new Copier(t -> Scope.own(t.detach()));
    }

    /** Copy of a leaf or buffer; null stays null. */
    public Tensor leaf(Tensor t) {
        return once(t, tensors);
    }

    /** Copy of a part by its own {@link Part#copy(Copier)}; null stays null. */
    @SuppressWarnings("unchecked")
    public <P extends Part> P part(P p) {
        return once(p, q -> (P) q.copy(this));
    }

    /** Copy of a source. */
    public WeightSource source(WeightSource s) {
        return once(s, q -> q.copy(this));
    }

    /** Copy of a pool. */
    public Pool pool(Pool p) {
        return once(p, q -> q.copy(this));
    }

    /** Copy of a site with a copied source. */
    public Site site(Site s) {
        return once(s, q -> q.copy(this));
    }

    @SuppressWarnings("unchecked")
    private <T> T once(T original, UnaryOperator<T> copy) {
        if (original == null) {
            return null;
        }
        Object c = done.get(original);
        if (c == null) {
            c = copy.apply(original);
            done.put(original, c);
        }
        return (T) c;
    }
}
