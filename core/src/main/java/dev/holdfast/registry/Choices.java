package dev.holdfast.registry;

import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.cfg.MapperConfig;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.databind.jsontype.NamedType;
import dev.holdfast.config.Choice;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;

/** Components that are one of several kinds of record: which kinds there are, and how JSON tells them apart. */
final class Choices {
    /** Name of the entry that says which kind it is. */
    static final String KIND = "kind";

    private Choices() {}

    static boolean isChoice(Class<?> type) {
        return type.isInterface() && Choice.class.isAssignableFrom(type) && type != Choice.class;
    }

    /** The kinds of a choice with their defaults, by name. */
    static List<Choice> kinds(Class<?> choice) {
        List<Choice> kinds = new ArrayList<>();
        for (Object kind : ServiceLoader.load(choice)) {
            if (!(kind instanceof Record)) {
                throw new IllegalStateException(
                        kind.getClass() + " is listed as a kind of " + choice.getSimpleName() + " but is no record.");
            }
            kinds.add((Choice) kind);
        }
        kinds.sort(Comparator.comparing(Choice::kind));
        return kinds;
    }

    static List<String> names(Class<?> choice) {
        return kinds(choice).stream().map(Choice::kind).toList();
    }

    /** The defaults of a kind; an unknown one is refused with the nearest. */
    static Choice kind(Class<?> choice, String component, String name) {
        return kinds(choice).stream()
                .filter(k -> k.kind().equals(name))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("'" + component + "' cannot be of kind '" + name
                        + "'; there are " + String.join(", ", names(choice)) + "."
                        + Names.nearest(name, names(choice))
                                .map(n -> "\nMaybe '" + n + "' is meant.")
                                .orElse("")));
    }

    /** Declared type of a component of {@code type}, or null. */
    static Class<?> component(Class<?> type, String name) {
        if (type == null || !type.isRecord()) {
            return null;
        }
        for (RecordComponent c : type.getRecordComponents()) {
            if (c.getName().equals(name)) {
                return c.getType();
            }
        }
        return null;
    }

    /** Writes the kind's name first, and finds the record by it. */
    static final class Introspector extends JacksonAnnotationIntrospector {
        private static final long serialVersionUID = 1;

        @Override
        public JsonTypeInfo.Value findPolymorphicTypeInfo(MapperConfig<?> config, Annotated a) {
            return isChoice(a.getRawType())
                    ? JsonTypeInfo.Value.construct(
                            JsonTypeInfo.Id.NAME, JsonTypeInfo.As.PROPERTY, KIND, null, false, true)
                    : super.findPolymorphicTypeInfo(config, a);
        }

        @Override
        public List<NamedType> findSubtypes(Annotated a) {
            if (!isChoice(a.getRawType())) {
                return super.findSubtypes(a);
            }
            return kinds(a.getRawType()).stream()
                    .map(k -> new NamedType(k.getClass(), k.kind()))
                    .toList();
        }
    }
}
