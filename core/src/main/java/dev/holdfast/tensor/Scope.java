package dev.holdfast.tensor;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
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
public final class Scope extends PointerScope {
    private final int cap;
    private final List<Throwable> left;
    private boolean closed;

    private Scope(int cap) {
        this.cap = cap;
        this.left = cap == Integer.MAX_VALUE ? null : new ArrayList<>();
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

    /** Hands {@code t} to the enclosing scope of this thread; without one it lives until it is closed or collected. */
    public <P extends Pointer> P keep(P t) {
        Iterator<PointerScope> scopes = PointerScope.getScopeIterator();
        PointerScope outer = null;
        while (scopes != null && scopes.hasNext()) {
            if (scopes.next() == this && scopes.hasNext()) {
                outer = scopes.next();
            }
        }
        if (outer != null) {
            outer.attach(t);
        } else {
            t.retainReference();
        }
        detach(t);
        return t;
    }

    /**
     * Takes {@code t} out of every scope of this thread: for state that outlives steps (leaves, moments, buffers). Its
     * memory is freed when the tensor is closed or collected.
     */
    public static Tensor own(Tensor t) {
        t.retainReference();
        Iterator<PointerScope> scopes = PointerScope.getScopeIterator();
        while (scopes != null && scopes.hasNext()) {
            PointerScope scope = scopes.next();
            if (t.referenceCount() > 1) {
                scope.detach(t);
            }
        }
        return t;
    }

    @Override
    public PointerScope attach(Pointer p) {
        super.attach(p);
        if (left != null) {
            left.add(new Throwable(p.getClass().getSimpleName() + " made here"));
        }
        return this;
    }

    @Override
    public PointerScope detach(Pointer p) {
        super.detach(p);
        if (left != null && !left.isEmpty()) {
            left.remove(left.size() - 1);
        }
        return this;
    }

    @Override
    public void close() {
        if (closed) {
            return;
        }
        closed = true;
        super.close();
        if (left != null && left.size() > cap) {
            IllegalStateException e = new IllegalStateException(
                    left.size() + " native objects were left to a scope that allows " + cap
                            + ".\nMaybe a step runs without a scope of its own; the first suppressed trace says where.");
            left.stream().limit(3).forEach(e::addSuppressed);
            throw e;
        }
    }
}
