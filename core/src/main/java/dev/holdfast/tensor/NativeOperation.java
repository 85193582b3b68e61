package dev.holdfast.tensor;

import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorList;

/**
 * Operations of libtorch for which the binding has no method, called by name. A call costs some ten microseconds more
 * than a method of the binding, so it pays only for operations that do much at once.
 *
 * <p>Stateless; safe from any thread.
 */
public final class NativeOperation {
    private NativeOperation() {}

    /**
     * Calls an operation that returns nothing.
     *
     * @param name with its namespace, e.g. {@code aten::_fused_adam_}; an unknown one is refused
     * @param arguments all of them, in order: Tensor[], Double, Boolean, or null for an optional that is absent
     */
    public static void call(String name, Object... arguments) {
        // looked up every time: a handle that is kept would be native memory that no scope frees
        try (Scope s = Scope.open()) {
            IValue[] values = new IValue[arguments.length];
            for (int i = 0; i < values.length; i++) {
                values[i] = value(arguments[i]);
            }
            Dispatcher.realSingleton().findSchemaOrThrow(name, "").callBoxed(new IValueVector(values));
        }
    }

    private static IValue value(Object argument) {
        if (argument == null) {
            return new IValue();
        }
        if (argument instanceof Double d) {
            return new IValue(d);
        }
        if (argument instanceof Boolean b) {
            return new IValue(b);
        }
        if (argument instanceof Tensor[] tensors) {
            GenericList list = new GenericList(new TensorList().elementType());
            list.reserve(tensors.length);
            for (Tensor t : tensors) {
                list.push_back(new IValue(t));
            }
            return new IValue(list);
        }
        throw new IllegalArgumentException(
                "An operation takes tensors, numbers and truth values but got a " + argument.getClass() + ".");
    }
}
