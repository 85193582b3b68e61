package dev.holdfast.benchmarks;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Schema;
import dev.holdfast.learner.Learner;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/** Runs the JMH benchmarks with JMH's own options; learners are those of the registry unless {@code -p learner=} says. */
public final class Benchmarks {
    private Benchmarks() {}

    /** Arguments: those of JMH, e.g. a pattern of benchmark names; {@code -h} lists them. */
    public static void main(String[] args) throws CommandLineOptionException, RunnerException {
        CommandLineOptions given = new CommandLineOptions(args);
        if (given.shouldHelp()) {
            System.out.println("The options are those of JMH.");
            return;
        }
        OptionsBuilder options = new OptionsBuilder();
        options.parent(given);
        if (!given.getParameter("learner").hasValue()) {
            options.param("learner", learners());
        }
        if (given.getResult().hasValue()) {
            options.resultFormat(ResultFormatType.JSON);
        }
        new Runner(options.build()).run();
    }

    /** Names of all learners that the registry knows. */
    static String[] learners() {
        return Registry.load().learners().stream()
                .filter(Benchmarks::admitsClasses)
                .map(p -> p.name())
                .toArray(String[]::new);
    }

    /** Learners of label sets and the like do not. */
    private static boolean admitsClasses(LearnerPlugin<?> plugin) {
        try (Learner l = SmallStream.fresh(plugin, Schema.images(1, 8, 8, ClassIndex.numbered(10)), 5)) {
            return l.capabilities() != null;
        } catch (IllegalArgumentException otherRows) {
            return false;
        }
    }
}
