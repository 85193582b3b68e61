package dev.holdfast.search;

import com.fasterxml.jackson.databind.JsonNode;
import dev.holdfast.evaluate.metric.SessionScores;
import dev.holdfast.optim.schedule.Steps;
import dev.holdfast.testing.Golden;
import dev.holdfast.testing.GoldenCase;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Draws, selection, ranks and scores of the two-phase protocol against their golden vectors. */
class TwoPhaseGoldenTest {
    static Stream<GoldenCase> cases() {
        return Golden.cases("47-cl-hyper-protocol");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void agrees(GoldenCase c) {
        switch (c.kind()) {
            case "random-search" -> draws(c);
            case "two-phase" -> protocol(c);
            case "scores" -> scores(c);
            default -> c.failOnKind();
        }
        c.assertAllCompared();
    }

    private static void draws(GoldenCase c) {
        List<SearchAxis> axes = new ArrayList<>();
        c.input("space").properties().forEach(axis -> {
            List<String> values = new ArrayList<>();
            axis.getValue().forEach(v -> values.add(v.asText()));
            axes.add(new SearchAxis.Values(axis.getKey(), values));
        });
        SearchSpace space = new SearchSpace(axes);
        List<Map<String, Object>> trials = new ArrayList<>();
        for (double[] u : c.matrix("uniforms")) {
            Map<String, Object> trial = new LinkedHashMap<>();
            space.draw(u)
                    .forEach((option, value) ->
                            trial.put(option, option.equals("schedule") ? value : (Object) Double.valueOf(value)));
            trial.put(
                    "milestoneEpochs",
                    Steps.evenly(
                                    ((Double) trial.get("epochs")).longValue(),
                                    ((Double) trial.get("milestones")).intValue())
                            .stream()
                            .mapToDouble(Long::doubleValue)
                            .toArray());
            trials.add(trial);
        }
        c.assertOutput("trials", trials);
    }

    private static void protocol(GoldenCase c) {
        List<String> names = new ArrayList<>();
        List<Tuned> tuned = new ArrayList<>();
        List<List<List<Outcome>>> scored = new ArrayList<>();
        c.input("tuning").properties().forEach(learner -> {
            names.add(learner.getKey());
            List<Tuned.Tried> trials = outcomes(learner.getValue()).stream()
                    .map(seeds -> new Tuned.Tried(Map.of(), 1, seeds))
                    .toList();
            tuned.add(Tuned.of(learner.getKey(), trials, Selection.AVERAGE));
            scored.add(outcomes(c.input("evaluation").get(learner.getKey())));
        });
        TwoPhaseReport r = TwoPhaseReport.of(Selection.AVERAGE, tuned, scored);

        Map<String, Object> lines = new LinkedHashMap<>();
        for (TwoPhaseReport.Line l : r.lines()) {
            lines.put(
                    l.tuned().learner(),
                    Map.of(
                            "selected",
                            l.twoPhase().setting(),
                            "evaluation",
                            Map.of(
                                    "avg",
                                    spread(l.twoPhase().average()),
                                    "last",
                                    spread(l.twoPhase().last())),
                            "conventional",
                            Map.of(
                                    "selected",
                                    l.conventional().setting(),
                                    "avg",
                                    spread(l.conventional().average()),
                                    "last",
                                    spread(l.conventional().last())),
                            "overestimation",
                            l.overestimation()));
        }
        c.assertOutput("perAlgorithm", lines);
        c.assertOutput("rankedAlgorithms", names);
        c.assertOutput("rankTwoPhase", r.rankTwoPhase());
        c.assertOutput("rankConventional", r.rankConventional());
        c.assertOutput("kendallTauB", r.kendallTau());
    }

    private static Map<String, Object> spread(TwoPhaseReport.Spread s) {
        return Map.of("mean", s.mean(), "std", s.std());
    }

    private static List<List<Outcome>> outcomes(JsonNode trials) {
        return StreamSupport.stream(trials.spliterator(), false)
                .map(trial -> StreamSupport.stream(trial.spliterator(), false)
                        .map(seed -> seed.isNull()
                                ? Outcome.failed("diverged")
                                : new Outcome(
                                        new SessionScores(
                                                List.of(),
                                                seed.get("avg").asDouble(),
                                                seed.get("last").asDouble(),
                                                0),
                                        "",
                                        1,
                                        0,
                                        1,
                                        1))
                        .toList())
                .toList();
    }

    private static void scores(GoldenCase c) {
        double[][] a = StreamSupport.stream(c.input("taskAccuracy").spliterator(), false)
                .map(Golden::vector)
                .toArray(double[][]::new);
        long[] rows = Arrays.stream(c.ints("testSamplesPerTask")).asLongStream().toArray();
        SessionScores s = SessionScores.of(a, rows);
        c.assertOutput("accuracyAfterEachTask", s.afterEach());
        c.assertOutput("avgAcc", s.average());
        c.assertOutput("lastAcc", s.last());
        c.assertOutput("forgetting", s.forgetting());
    }
}
