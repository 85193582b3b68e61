package dev.holdfast.tensor;

import dev.holdfast.config.Frozen;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Tensor;

/**
 * Native memory of one step: everything native that this thread makes while the scope is the innermost one is freed
 * when it closes, except what {@link #keep} hands to the enclosing scope and what {@link #own} takes out of all scopes.
 *
 * <pre>{@code
 * try (Scope step = Scope.open()) {
 *     Tensor loss = ...;              // dies with the step
 *     return step.keep(loss.detach()) // lives on in the caller's scope
 * }
 * }</pre>
 *
 * <p>A {@linkplain #capped capped} scope is a test's tool: it throws on close, with the place of creation, when more
 * native objects were left to it than its cap. Scopes are bound to the thread that opened them and close in reverse
 * order.
 */
@Frozen
public final class Scope extends PointerScope {
    private static final ThreadLocal<long[]> TAKEN = ThreadLocal.withInitial(() -> new long[1]);

    // The base class finds pointers by address and releases even what it does not hold; this list compares by identity.
    private final List<Pointer> held = new ArrayList<>();
    private final int cap;
    private final Map<Pointer, Throwable> origins;
    private final long[] taken = TAKEN.get();
    private boolean closed;

    private Scope(int cap) {
        this.cap = cap;
        this.origins = cap == Integer.MAX_VALUE ? null : new IdentityHashMap<>();
    }

    /** A scope that frees without complaint. */
    public static Scope open() {
        return new Scope(Integer.MAX_VALUE);
    }

    /** A scope that throws on close if more than {@code atMost} native objects were left attached to it. */
    public static Scope capped(int atMost) {
        if (atMost < 0) {
            throw new IllegalArgumentException("The cap of a scope must be >= 0 but is " + atMost + ".");
        }
        return new Scope(atMost);
    }

    /** Number of scopes open on this thread. */
    public static int depth() {
        int n = 0;
        Iterator<PointerScope> scopes = PointerScope.getScopeIterator();
        while (scopes != null && scopes.hasNext()) {
            scopes.next();
            n++;
        }
        return n;
    }

    /** Native objects that scopes of this thread have taken so far: a measure of work in which no clock enters. */
    public static long taken() {
        return TAKEN.get()[0];
    }

    /**
     * Hands {@code t} to the enclosing scope of this thread; without one it lives until it is closed or collected. What
     * this scope does not hold (an argument passed through, something owned) stays where it is.
     */
    public <P extends Pointer> P keep(P t) {
        requireHandle(t);
        int at = find(t);
        if (at < 0) {
            return t;
        }
        PointerScope outer = null;
        Iterator<PointerScope> scopes = PointerScope.getScopeIterator();
        while (scopes != null && scopes.hasNext() && outer == null) {
            if (scopes.next() == this && scopes.hasNext()) {
                outer = scopes.next();
            }
        }
        if (outer != null) {
            outer.attach(t);
        } else {
            t.retainReference();
        }
        drop(at);
        return t;
    }

    /**
     * Takes {@code t} out of every scope of this thread: for state that outlives steps (leaves, moments, buffers). Its
     * memory is freed when the tensor is closed or collected.
     *
     * @throws IllegalArgumentException if {@code t} is closed or only borrowed from a native container
     */
    public static Tensor own(Tensor t) {
        requireHandle(t);
        boolean foreign = t.referenceCount() == 0;
        Iterator<PointerScope> scopes = PointerScope.getScopeIterator();
        while (scopes != null && scopes.hasNext()) {
            if (scopes.next() instanceof Scope s) {
                int at = s.find(t);
                if (at >= 0) {
                    t.retainReference();
                    s.drop(at);
                }
            } else {
                foreign = true;
            }
        }
        if (foreign) {
            // nothing holds it yet, or a scope that is not ours may: one more reference outlives that scope
            t.retainReference();
        }
        return t;
    }

    @Override
    public PointerScope attach(Pointer p) {
        if (closed) {
            throw new IllegalArgumentException("A closed scope takes nothing more.");
        }
        held.add(p);
        taken[0]++;
        p.retainReference();
        if (origins != null) {
            origins.put(p, new Throwable(p.getClass().getSimpleName() + " made here"));
        }
        return this;
    }

    /** Lets go of {@code p} if this scope holds it. */
    @Override
    public PointerScope detach(Pointer p) {
        int at = find(p);
        if (at >= 0) {
            drop(at);
        }
        return this;
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        int left = held.size();
        for (int i = left - 1; i >= 0; i--) {
            held.get(i).releaseReference();
        }
        held.clear();
        super.close();
        if (origins != null && left > cap) {
            IllegalStateException e =
                    new IllegalStateException(left + " native objects were left to a scope that allows " + cap
                            + ".\nMaybe a step runs without a scope of its own; the suppressed traces say where.");
            origins.values().stream().limit(3).forEach(e::addSuppressed);
            throw e;
        }
    }

    /** What is held now, oldest first; for tests and reports. */
    public List<Pointer> held() {
        return Collections.unmodifiableList(held);
    }

    private static void requireHandle(Pointer p) {
        if (p.referenceCount() < 0) {
            throw new IllegalArgumentException(
                    "Only a native object with a handle of its own can outlive its scope; this "
                            + p.getClass().getSimpleName() + " is closed or borrowed from a native container."
                            + "\nMaybe copy the handle first: new Tensor(t).");
        }
    }

    private int find(Pointer p) {
        // what is asked for was nearly always made last
        for (int i = held.size() - 1; i >= 0; i--) {
            if (held.get(i) == p) {
                return i;
            }
        }
        return -1;
    }

    private void drop(int at) {
        Pointer p = held.remove(at);
        if (origins != null) {
            origins.remove(p);
        }
        p.releaseReference();
    }
}
