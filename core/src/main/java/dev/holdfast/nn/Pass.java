package dev.holdfast.nn;

import dev.holdfast.config.Frozen;
import dev.holdfast.tensor.Rng;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;
import org.bytedeco.pytorch.Tensor;

/**
 * One forward pass: its mode, its draws, the activations asked for, and the memo of materialised weights. It lives for
 * one forward pass and inside one scope; after a leaf moved a new one is made. For one thread.
 *
 * <p>The {@code with...} methods return a new pass with an empty memo and leave this one as it is.
 */
@Frozen
public final class Pass {
    private boolean training;
    private Rng rng;
    private double progress;
    private int task = -1;
    private Tensor condition;
    private Tensor mask;
    private Taps taps = Taps.none();
    private Map<String, AttentionMemory> prefixes = Map.of();
    private boolean doubleBackward;
    private boolean still;

    private Map<Object, Tensor> memo;
    private Map<String, Integer> draws;

    private Pass() {}

    /** A pass in training mode; the same stream gives the same dropout masks. */
    public static Pass train(Rng rng) {
        if (rng == null) {
            throw new IllegalArgumentException("A training pass needs a random stream.");
        }
        Pass p = new Pass();
        p.training = true;
        p.rng = rng;
        return p;
    }

    /** A pass in evaluation mode: no dropout, stored statistics, no draws. */
    public static Pass eval() {
        return new Pass();
    }

    /** As this pass but with a random stream: for nets that sample also in evaluation. */
    public Pass withRng(Rng r) {
        Pass p = with();
        p.rng = r;
        return p;
    }

    /** As this pass but for a task. */
    public Pass withTask(int t) {
        Pass p = with();
        p.task = t;
        return p;
    }

    /** As this pass but recording. */
    public Pass withTaps(Taps t) {
        Pass p = with();
        p.taps = t;
        return p;
    }

    /** As this pass but with a condition [n,d] for generated weights. */
    public Pass withCondition(Tensor c) {
        Pass p = with();
        p.condition = c;
        return p;
    }

    /** As this pass but with a token mask [n,T], 1 = attend, 0 = padding. */
    public Pass withMask(Tensor m) {
        Pass p = with();
        p.mask = m;
        return p;
    }

    /** As this pass but at a share of the training, in [0,1]. */
    public Pass withProgress(double share) {
        if (!(share >= 0 && share <= 1)) {
            throw new IllegalArgumentException("Progress must be in [0,1] but is " + share + ".");
        }
        Pass p = with();
        p.progress = share;
        return p;
    }

    /** As this pass but with keys and values put before those of the attention layer of that name. */
    public Pass withPrefix(String attention, AttentionMemory m) {
        Map<String, AttentionMemory> all = new HashMap<>(prefixes);
        all.put(attention, m);
        return withPrefixes(all);
    }

    /** As this pass but with exactly these prefixes, by name of the attention layer. */
    public Pass withPrefixes(Map<String, AttentionMemory> all) {
        Pass p = with();
        p.prefixes = Map.copyOf(all);
        return p;
    }

    private Pass with() {
        Pass p = new Pass();
        p.training = training;
        p.rng = rng;
        p.progress = progress;
        p.task = task;
        p.condition = condition;
        p.mask = mask;
        p.taps = taps;
        p.prefixes = prefixes;
        p.doubleBackward = doubleBackward;
        p.still = still;
        return p;
    }

    /** As this pass but without a trace: buffers that a training pass moves (running statistics) stay as they are. */
    public Pass withoutTrace() {
        Pass p = with();
        p.still = true;
        return p;
    }

    /** True if layers must leave their buffers alone. */
    public boolean still() {
        return still;
    }

    /** As this pass, but every operation can be differentiated twice (Hessian products, gradient matching). */
    public Pass withDoubleBackward() {
        Pass p = with();
        p.doubleBackward = true;
        return p;
    }

    /** True if layers must avoid operations whose gradient has no gradient (fused attention). */
    public boolean doubleBackward() {
        return doubleBackward;
    }

    public boolean training() {
        return training;
    }

    /** The stream of this pass; a pass without one refuses. */
    public Rng rng() {
        if (rng == null) {
            throw new IllegalStateException("This pass has no random stream, because it evaluates."
                    + "\nMaybe Pass.train(rng) or withRng(rng) is meant.");
        }
        return rng;
    }

    /**
     * A stream of its own for the layer {@code name}: the k-th call with a name gives the k-th stream of that name, so
     * that draws depend neither on the order of layers nor on what other layers draw.
     */
    public Rng draws(String name) {
        draws = draws == null ? new HashMap<>() : draws;
        return rng().child(name, draws.merge(name, 1, Integer::sum) - 1);
    }

    /** Share of the training done, in [0,1]. */
    public double progress() {
        return progress;
    }

    /** Task or -1. */
    public int task() {
        return task;
    }

    /** Condition [n,d] or null. */
    public Tensor condition() {
        return condition;
    }

    /** Token mask [n,T] or null. */
    public Tensor mask() {
        return mask;
    }

    public Taps taps() {
        return taps;
    }

    /** Keys and values put before those of an attention layer, or null. */
    public AttentionMemory prefix(String attention) {
        return prefixes.get(attention);
    }

    /** Names of the attention layers that have a prefix. */
    public Set<String> prefixed() {
        return prefixes.keySet();
    }

    /** The tensor made for {@code key} (by identity) in this pass; made at the first call. */
    public Tensor memo(Object key, Supplier<Tensor> make) {
        memo = memo == null ? new IdentityHashMap<>() : memo;
        Tensor t = memo.get(key);
        if (t == null) {
            t = make.get();
            memo.put(key, t);
        }
        return t;
    }
}
