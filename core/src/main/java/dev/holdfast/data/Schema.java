package dev.holdfast.data;

import dev.holdfast.config.Frozen;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What the rows of a data set look like: the fields of the inputs, the kind of target, and the classes. Immutable.
 *
 * @param inputs at least one field, names distinct
 * @param target the record of {@link Target} that every row has
 * @param classes classes of the target in id order; {@link ClassIndex#EMPTY} where the target has none
 * @param tree hierarchy of the classes, if there is one
 */
@Frozen
public record Schema(List<Field> inputs, Class<? extends Target> target, ClassIndex classes, Optional<LabelTree> tree) {
    public Schema {
        inputs = List.copyOf(inputs);
        if (inputs.isEmpty()) {
            throw new IllegalArgumentException("A schema needs at least one input field.");
        }
        Set<String> names = new HashSet<>();
        for (Field f : inputs) {
            if (!names.add(f.name)) {
                throw new IllegalArgumentException("A schema has two input fields named '" + f.name + "'.");
            }
        }
        if (target == null || classes == null || tree == null) {
            throw new IllegalArgumentException(
                    "A schema needs a target kind, classes and a tree (empty where there is none) but has " + target
                            + ", " + classes + ", " + tree + ".");
        }
    }

    /**
     * One field of the inputs.
     *
     * @param shape shape of one row: [d] for VECTOR, [c, h, w] for IMAGE; empty where rows differ in length (TEXT)
     * @param vocabulary number of distinct values of NOMINAL and TOKENS fields; 0 elsewhere
     */
    public record Field(String name, Kind kind, List<Long> shape, int vocabulary) {
        /** What the numbers of a field mean. */
        public enum Kind {
            VECTOR,
            IMAGE,
            TOKENS,
            SEQUENCE,
            HISTORY,
            NOMINAL,
            CONDITION,
            TEXT
        }

        public Field {
            shape = List.copyOf(shape);
            if (name == null || name.isBlank() || kind == null) {
                throw new IllegalArgumentException("A field needs a name and a kind but has '" + name + "', " + kind);
            }
            for (long s : shape) {
                if (s < 1) {
                    throw new IllegalArgumentException("Field '" + name + "' has shape " + shape
                            + "; expected sizes >= 1 (the row dimension is not part of it).");
                }
            }
            if (vocabulary < 0) {
                throw new IllegalArgumentException("Field '" + name + "' has a vocabulary of " + vocabulary + ".");
            }
        }

        /** Numbers in one row; 1 for an empty shape. */
        public long count() {
            return shape.stream().reduce(1L, Math::multiplyExact);
        }
    }

    /** One field "x" of images [c, h, w], one class a row. */
    public static Schema images(long c, long h, long w, ClassIndex classes) {
        return of(new Field(Inputs.X, Field.Kind.IMAGE, List.of(c, h, w), 0), Target.ClassIds.class, classes);
    }

    /** One field "x" of vectors [d], one class a row. */
    public static Schema vectors(long d, ClassIndex classes) {
        return of(new Field(Inputs.X, Field.Kind.VECTOR, List.of(d), 0), Target.ClassIds.class, classes);
    }

    /** One field, no tree. */
    public static Schema of(Field x, Class<? extends Target> target, ClassIndex classes) {
        return new Schema(List.of(x), target, classes, Optional.empty());
    }

    /** The field {@link Inputs#x} reads: the one named "x", or the only one. */
    public Field x() {
        if (inputs.size() == 1) {
            return inputs.get(0);
        }
        return inputs.stream()
                .filter(f -> f.name.equals(Inputs.X))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("There is no field 'x' among "
                        + inputs.stream().map(Field::name).toList() + "."));
    }

    /** The same with other classes. */
    public Schema withClasses(ClassIndex other) {
        return new Schema(inputs, target, other, tree);
    }
}
