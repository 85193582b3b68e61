package dev.holdfast.testing;

import dev.holdfast.tensor.Scope;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Runs every test in a {@link Scope} of its own and fails it when it leaves a scope open or native objects behind: the
 * number of live native objects after the test, when the collector has run, must not exceed the number before it.
 *
 * <p>Use with {@code @ExtendWith(NativeMemory.class)}. jqwik properties take {@link NativeTry} instead.
 */
public final class NativeMemory implements BeforeEachCallback, AfterEachCallback {
    private static final ExtensionContext.Namespace STORE = ExtensionContext.Namespace.create(NativeMemory.class);

    /** The test's own scope throws when more than this many native objects are left to it. */
    @Target(ElementType.METHOD)
    @Retention(RetentionPolicy.RUNTIME)
    public @interface Capped {
        int value();
    }

    private record Before(long live, int depth, Scope scope) {}

    @Override
    public void beforeEach(ExtensionContext context) {
        Capped capped = context.getRequiredTestMethod().getAnnotation(Capped.class);
        long live = Pointer.totalCount();
        int depth = Scope.depth();
        Scope scope = capped == null ? Scope.open() : Scope.capped(capped.value());
        context.getStore(STORE).put("before", new Before(live, depth, scope));
    }

    @Override
    public void afterEach(ExtensionContext context) {
        Before before = context.getStore(STORE).remove("before", Before.class);
        int open = Scope.depth() - before.depth - 1;
        before.scope.close();
        if (open != 0) {
            throw new AssertionError("The test left " + open + " scopes open.");
        }
        if (context.getExecutionException().isEmpty()) {
            requireNoMoreThan(before.live);
        }
    }

    /** Fails if more than {@code live} native objects are alive after the collector has run. */
    public static void requireNoMoreThan(long live) {
        for (int i = 0; i < 200 && Pointer.totalCount() > live; i++) {
            System.gc();
            Pointer.deallocateReferences();
            pause();
        }
        if (Pointer.totalCount() > live) {
            throw new AssertionError("The test left " + (Pointer.totalCount() - live) + " native objects alive (" + live
                    + " before, " + Pointer.totalCount() + " after).\nMaybe a static field keeps a tensor.");
        }
    }

    private static void pause() {
        try {
            Thread.sleep(5);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
