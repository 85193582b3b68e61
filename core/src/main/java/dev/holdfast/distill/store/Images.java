package dev.holdfast.distill.store;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What a store needs of data. */
final class Images {
    private Images() {}

    /** Channels, height, width; anything but images of one class each is refused. */
    static List<Long> shape(Schema schema) {
        Schema.Field f = schema.x();
        if (f.kind() != Schema.Field.Kind.IMAGE) {
            throw new IllegalArgumentException("Regions are cut out of images but field '" + f.name() + "' is a "
                    + f.kind() + " of shape " + f.shape() + ".");
        }
        classNames(schema);
        return f.shape();
    }

    static List<String> classNames(Schema schema) {
        if (schema.target() != Target.ClassIds.class || schema.tree().isPresent()) {
            throw new IllegalArgumentException(
                    "Soft labels are stored for images of one class each, without a hierarchy;" + " the target here is "
                            + schema.target().getSimpleName() + ".");
        }
        return schema.classes().columns().stream().map(ClassIndex.Column::name).toList();
    }

    /** Position of every id. */
    static Map<Long, Integer> places(Dataset data) {
        Map<Long, Integer> m = new HashMap<>();
        for (int i = 0; i < data.size(); i++) {
            if (m.put(data.id(i), i) != null) {
                throw new IllegalArgumentException("Two images have the id " + data.id(i) + ".");
            }
        }
        return m;
    }
}
