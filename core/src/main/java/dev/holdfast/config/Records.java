package dev.holdfast.config;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;

/** Configurations that differ in one component, for the {@code with...} methods of large records. */
public final class Records {
    private Records() {}

    /**
     * The same record with another value of one component; its compact constructor checks it.
     *
     * @param component name of a component; an unknown one is a programming error
     */
    @SuppressWarnings("unchecked")
    public static <R extends Record> R with(R record, String component, Object value) {
        RecordComponent[] all = record.getClass().getRecordComponents();
        try {
            Object[] values = new Object[all.length];
            boolean found = false;
            for (int i = 0; i < all.length; i++) {
                boolean changes = all[i].getName().equals(component);
                all[i].getAccessor().setAccessible(true);
                values[i] = changes ? value : all[i].getAccessor().invoke(record);
                found |= changes;
            }
            if (!found) {
                throw new IllegalStateException(record.getClass().getSimpleName() + " has no component '" + component
                        + "'; it has "
                        + Arrays.stream(all).map(RecordComponent::getName).toList() + ".");
            }
            Constructor<?> canonical = record.getClass()
                    .getDeclaredConstructor(
                            Arrays.stream(all).map(RecordComponent::getType).toArray(Class<?>[]::new));
            canonical.setAccessible(true);
            return (R) canonical.newInstance(values);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof RuntimeException refused) {
                throw refused;
            }
            throw new IllegalStateException(e.getCause());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(record.getClass() + " cannot be copied", e);
        }
    }
}
