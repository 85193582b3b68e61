package dev.holdfast.testing;

import dev.holdfast.tensor.Scope;
import java.util.List;
import net.jqwik.api.lifecycle.AroundTryHook;
import net.jqwik.api.lifecycle.TryExecutionResult;
import net.jqwik.api.lifecycle.TryExecutor;
import net.jqwik.api.lifecycle.TryLifecycleContext;

/** Runs every try of a jqwik property in a {@link Scope} of its own: {@code @AddLifecycleHook(NativeTry.class)}. */
public final class NativeTry implements AroundTryHook {
    @Override
    public TryExecutionResult aroundTry(TryLifecycleContext context, TryExecutor aTry, List<Object> parameters) {
        try (Scope scope = Scope.open()) {
            return aTry.execute(parameters);
        }
    }
}
