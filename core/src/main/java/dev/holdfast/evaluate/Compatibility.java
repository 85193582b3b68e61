package dev.holdfast.evaluate;

import dev.holdfast.data.Target;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Capabilities.Trait;
import dev.holdfast.learner.Differentiable;
import dev.holdfast.learner.Learner;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.scenario.Experience;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;

/** Whether a learner fits a scenario, and if not why. */
public final class Compatibility {
    private Compatibility() {}

    /** Reasons why a learner with these capabilities cannot serve the scenario; empty if it can. */
    public static List<String> obstacles(Capabilities c, Scenario s) {
        List<String> why = new ArrayList<>();
        List<Experience> parts = s.experiences();
        boolean sets = s.schema().target() == Target.MultiLabel.class;
        if (sets && !c.has(Trait.MULTI_LABEL)) {
            why.add("it learns one class a row, but here rows have sets of labels");
        }
        if (!sets && c.has(Trait.MULTI_LABEL)) {
            why.add("it learns sets of labels, but here rows have one class");
        }
        if (c.has(Trait.NEEDS_BOUNDARIES) && parts.stream().anyMatch(e -> !e.boundaryKnown())) {
            why.add("it needs to be told where parts begin and end, but here boundaries are hidden");
        }
        if (c.has(Trait.NEEDS_BASE) && !base(parts.get(0))) {
            why.add("it trains its base on the first part, but here the end of that part is hidden, or its rows pass by"
                    + " once");
        }
        if (c.has(Trait.LEARNS_AT_END) && parts.stream().anyMatch(e -> !e.boundaryKnown())) {
            why.add("it learns only when a part ends, but here boundaries are hidden");
        }
        if (c.has(Trait.REREADS) && parts.stream().anyMatch(e -> !e.train().rereadable())) {
            why.add("it reads a part's rows again at its end, but here rows pass by once");
        }
        if (c.has(Trait.NEEDS_TASK_ID) && !s.taskIdAtTest()) {
            why.add("it predicts only when told the task, but here the task is unknown at test time");
        }
        return why;
    }

    /** The same of a learner, whose features may have to be read. */
    public static List<String> obstacles(Learner l, Scenario s) {
        List<String> why = new ArrayList<>(obstacles(l.capabilities(), s));
        if (!(l instanceof Differentiable)
                && s.tests().stream().anyMatch(t -> t.probe().isPresent())) {
            why.add("it has no network whose features could be read, but here probes on them are scored");
        }
        return why;
    }

    private static boolean base(Experience first) {
        return first.boundaryKnown() && first.train().rereadable() && first.protocol() == Experience.Protocol.TRAIN;
    }

    /** The same of a configured plugin, which may admit no such rows or be unable to rearrange the stream. */
    public static <C extends Record> List<String> obstacles(LearnerPlugin<C> p, C config, Scenario s) {
        try (Scope scope = Scope.open();
                Learner l = p.create(config, s.schema(), Rng.of(0))) {
            return obstacles(l, p.arrange(s));
        } catch (IllegalArgumentException e) {
            return List.of(firstLine(e));
        }
    }

    private static String firstLine(Exception e) {
        String text = e.getMessage() == null ? e.toString() : e.getMessage();
        String first = text.lines().findFirst().orElse(text);
        // it follows a "for": a sentence becomes a clause
        boolean sentence = first.length() > 1 && Character.isLowerCase(first.charAt(1));
        String clause = sentence ? Character.toLowerCase(first.charAt(0)) + first.substring(1) : first;
        return clause.endsWith(".") ? clause.substring(0, clause.length() - 1) : clause;
    }

    /** Names of the learners that fit a scenario with their default configurations. */
    public static List<String> fitting(Collection<LearnerPlugin<?>> learners, Scenario s) {
        return learners.stream()
                .filter(p -> fits(p, s))
                .map(LearnerPlugin::name)
                .toList();
    }

    private static <C extends Record> boolean fits(LearnerPlugin<C> p, Scenario s) {
        return obstacles(p, p.defaults(), s).isEmpty();
    }

    /** Refuses an unfit pair with the reasons; {@code fitting} names learners that would fit. */
    public static void require(String learner, Capabilities c, Scenario s, List<String> fitting) {
        List<String> why = obstacles(c, s);
        if (!why.isEmpty()) {
            throw unfit(learner, why, s, fitting);
        }
    }

    /** The refusal of an unfit pair. */
    public static IllegalArgumentException unfit(String learner, List<String> why, Scenario s, List<String> fitting) {
        return new IllegalArgumentException("Learner '" + learner + "' does not fit the scenario '" + s.name() + "': "
                + String.join("; ", why) + "."
                + (fitting.isEmpty() ? "" : "\nMaybe one of these fits: " + String.join(", ", fitting) + "."));
    }
}
