package dev.holdfast.app;

import dev.holdfast.app.compare.Tuning;
import dev.holdfast.registry.Registry;
import dev.holdfast.search.Selection;
import dev.holdfast.search.TwoPhase;
import java.util.List;
import picocli.CommandLine.Option;

/** How a comparison chooses settings before it scores. */
final class TuneArguments {
    @Option(
            names = "--tune",
            paramLabel = "N",
            description =
                    "draw N settings of every learner from its search space, choose the best on the first half of the"
                            + " classes and compare on the other half")
    Integer trials;

    @Option(names = "--tune-on", paramLabel = "DATA", description = "tune on this data set and compare on all of DATA")
    String on;

    @Option(
            names = "--tune-seeds",
            paramLabel = "N",
            description = "seeds that every setting is tried with (default: ${DEFAULT-VALUE})")
    int seeds = 1;

    @Option(
            names = "--tune-seconds",
            paramLabel = "S",
            description = "begin no further setting after so many seconds; all learners then tried equally many")
    double seconds;

    @Option(
            names = "--search",
            description =
                    "${COMPLETION-CANDIDATES}: all settings on all rows, or successive halving, the best third of them"
                            + " on three times the rows (default: ${DEFAULT-VALUE})")
    TwoPhase.Method method = TwoPhase.Method.RANDOM;

    @Option(names = "--select", description = "${COMPLETION-CANDIDATES} accuracy (default: ${DEFAULT-VALUE})")
    Selection selection = Selection.AVERAGE;

    @Option(
            names = "--space",
            paramLabel = "NAME.OPTION=VALUES",
            description =
                    "search this option, too: a list 1,2,4, an interval 0.1..1 or 1e-4..1e-1:log; NAME is a learner, or"
                            + " 'scenario' for all learners; repeatable")
    List<String> space = List.of();

    @Option(
            names = "--conventional",
            description =
                    "score all settings on the compared data, too: how much does tuning where one scores flatter?")
    boolean conventional;

    @Option(names = "--allow-overlap", description = "the data to tune on may share classes or rows with DATA")
    boolean overlap;

    /** Null where nothing is tuned. */
    Tuning of(Registry registry, int evaluationSeeds, long root) {
        if (trials == null) {
            if (on != null || !space.isEmpty() || conventional || overlap) {
                throw new IllegalArgumentException(
                        "--tune-on, --space, --conventional and --allow-overlap say how to tune, but there is no --tune."
                                + "\nMaybe add --tune 8.");
            }
            return null;
        }
        return new Tuning(
                new TwoPhase.Config(trials, seeds, evaluationSeeds, selection, method, 3, false, seconds, root),
                on,
                Tuning.axes(registry, space),
                conventional,
                overlap);
    }
}
