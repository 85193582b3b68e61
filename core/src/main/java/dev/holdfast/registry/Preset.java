package dev.holdfast.registry;

import dev.holdfast.data.Schema;
import dev.holdfast.learner.Learner;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import java.util.List;
import java.util.Map;

/** A learner whose defaults are one of its presets; in all else the learner. */
record Preset<C extends Record>(LearnerPlugin<C> of, String preset, C defaults) implements LearnerPlugin<C> {
    /** Stands between the learner's name and the preset's. */
    static final char MARK = ':';

    /** A preset by name; an unknown one is refused with those that there are. */
    static <C extends Record> Preset<C> of(LearnerPlugin<C> learner, String preset) {
        Map<String, C> all = learner.presets();
        C config = all.get(preset);
        if (config == null) {
            throw new IllegalArgumentException(
                    "Learner '" + learner.name() + "' has no preset '" + preset + "'; it has "
                            + (all.isEmpty() ? "none" : String.join(", ", all.keySet())) + "."
                            + Names.nearest(preset, all.keySet())
                                    .map(n -> "\nMaybe '" + learner.name() + MARK + n + "' is meant.")
                                    .orElse(""));
        }
        return new Preset<>(learner, preset, config);
    }

    @Override
    public String name() {
        return of.name() + MARK + preset;
    }

    @Override
    public String summary() {
        return of.summary();
    }

    @Override
    public String system() {
        return of.system();
    }

    @Override
    public String paper() {
        return of.paper();
    }

    @Override
    public List<Axis> space() {
        return of.space();
    }

    /** A contender, also where it is a baseline with another loss. */
    @Override
    public Role role() {
        return of.role() == Role.BASELINE ? Role.LEARNER : of.role();
    }

    @Override
    public Scenario arrange(Scenario s) {
        return of.arrange(s);
    }

    @Override
    public boolean madeFor(Scenario s) {
        return of.madeFor(s);
    }

    @Override
    public boolean shortlisted() {
        return of.shortlisted();
    }

    @Override
    public boolean forWrongLabels() {
        return of.forWrongLabels();
    }

    @Override
    public Learner create(C config, Schema schema, Rng rng) {
        return of.create(config, schema, rng);
    }
}
