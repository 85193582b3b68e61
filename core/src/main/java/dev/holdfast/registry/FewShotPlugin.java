package dev.holdfast.registry;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Dataset;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.FewShot;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;

/** {@code few-shot}. */
public final class FewShotPlugin implements ScenarioPlugin<FewShotPlugin.Config> {
    /** A base and sessions of few rows. */
    public record Config(
            @Doc("classes of the base; 0 = what the sessions leave, or six tenths of all") int base,
            @Doc("new classes a session") int way,
            @Doc("rows of each new class") int shot,
            @Doc("sessions after the base; 0 = as many as the classes allow") int sessions,
            @Doc("in which order classes arrive") ClassIncremental.Order order,
            @Doc("which choice of the few rows; another number draws others") int draw,
            @Doc("passes over the base") int epochs,
            @Doc("rows a batch of the base") int batchSize) {}

    @Override
    public String name() {
        return "few-shot";
    }

    @Override
    public String summary() {
        return "a base of many classes, then sessions of new classes with a few rows each";
    }

    @Override
    public String system() {
        return "03-fscil-bag";
    }

    @Override
    public Config defaults() {
        return new Config(0, 2, 5, 0, ClassIncremental.Order.SEEDED, 0, 3, 64);
    }

    @Override
    public Scenario create(Config c, Dataset train, Dataset test, Rng rng) {
        return FewShot.of(
                new FewShot.Config(c.base, c.way, c.shot, c.sessions, c.order, c.draw, c.epochs, c.batchSize),
                train,
                test,
                rng);
    }
}
