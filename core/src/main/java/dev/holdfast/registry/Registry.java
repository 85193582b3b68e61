package dev.holdfast.registry;

import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import java.util.TreeMap;

/**
 * All learners, scenarios and calibrators on the class path, by name; a jar adds its own by naming them in {@code META-INF/services}.
 * Immutable once loaded.
 */
public final class Registry {
    private final Map<String, LearnerPlugin<?>> learners = new TreeMap<>();
    private final Map<String, ScenarioPlugin<?>> scenarios = new TreeMap<>();
    private final Map<String, CalibratorPlugin<?>> calibrators = new TreeMap<>();

    private Registry() {}

    /** Looks through the class path of the calling thread. */
    public static Registry load() {
        Registry r = new Registry();
        collect(LearnerPlugin.class, r.learners);
        collect(ScenarioPlugin.class, r.scenarios);
        collect(CalibratorPlugin.class, r.calibrators);
        return r;
    }

    @SuppressWarnings({"rawtypes", "unchecked"})
    private static <P extends Plugin> void collect(Class<P> kind, Map<String, ?> into) {
        try {
            for (P p : ServiceLoader.load(kind)) {
                Plugin<?> old = ((Map<String, Plugin<?>>) into).put(p.name(), p);
                if (old != null) {
                    throw new IllegalStateException("Both " + old.getClass().getName() + " and "
                            + p.getClass().getName() + " are named '" + p.name()
                            + "'.\nMaybe a jar is on the class path twice.");
                }
            }
        } catch (ServiceConfigurationError e) {
            throw new IllegalStateException(
                    "A plugin named in META-INF/services cannot be loaded: " + e.getMessage(), e);
        }
    }

    public List<LearnerPlugin<?>> learners() {
        return List.copyOf(learners.values());
    }

    public List<ScenarioPlugin<?>> scenarios() {
        return List.copyOf(scenarios.values());
    }

    public List<CalibratorPlugin<?>> calibrators() {
        return List.copyOf(calibrators.values());
    }

    /** Learner by name, or NAME:PRESET; an unknown one is refused with the nearest names. */
    public LearnerPlugin<?> learner(String name) {
        int mark = name.indexOf(Preset.MARK);
        return mark < 0
                ? find("learner", name, learners)
                : Preset.of(find("learner", name.substring(0, mark), learners), name.substring(mark + 1));
    }

    /** Scenario by name; an unknown one is refused with the nearest names. */
    public ScenarioPlugin<?> scenario(String name) {
        return find("scenario", name, scenarios);
    }

    /** Calibrator by name; an unknown one is refused with the nearest names. */
    public CalibratorPlugin<?> calibrator(String name) {
        return find("calibrator", name, calibrators);
    }

    private static <P> P find(String what, String name, Map<String, P> all) {
        P p = all.get(name);
        if (p == null) {
            throw new IllegalArgumentException("There is no " + what + " '" + name + "'; there are "
                    + String.join(", ", all.keySet()) + "."
                    + Names.nearest(name, all.keySet())
                            .map(n -> "\nMaybe '" + n + "' is meant.")
                            .orElse(""));
        }
        return p;
    }
}
