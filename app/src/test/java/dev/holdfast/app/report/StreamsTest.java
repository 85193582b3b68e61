package dev.holdfast.app.report;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.app.TinyData;
import dev.holdfast.evaluate.Streamed;
import dev.holdfast.evaluate.Trial;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Streams from the command line: tested before they are learnt, with classes and with label sets. */
class StreamsTest {
    @TempDir
    Path folder;

    /** Rows whose classes swap places in the middle. */
    private Path swapped(int rows) throws Exception {
        StringBuilder b = new StringBuilder("u,v,kind\n");
        for (int i = 0; i < rows; i++) {
            int k = i % 2;
            double place = i < rows / 2 ? k : 1 - k;
            b.append(String.format(Locale.ROOT, "%.3f,%.3f,k%d%n", place + 0.1 * Math.sin(i), -place, k));
        }
        return Files.writeString(folder.resolve("swapped.csv"), b);
    }

    /** Label a goes with b, c is on its own. */
    private Path sets(int rows) throws Exception {
        StringBuilder b = new StringBuilder("u,v,tag_a,tag_b,tag_c\n");
        for (int i = 0; i < rows; i++) {
            int ab = i / 3 % 2;
            int c = i % 2;
            b.append(String.format(Locale.ROOT, "%.3f,%.3f,%d,%d,%d%n", ab + 0.1 * Math.cos(i), c - 0.5, ab, ab, c));
        }
        return Files.writeString(folder.resolve("sets.csv"), b);
    }

    private Comparison results(Path out) {
        return ReportFiles.read(out.resolve("results.json"));
    }

    private static Trial.Result of(Comparison c, String learner) {
        return c.beds().get(0).trials().stream()
                .filter(t -> t.learner().equals(learner))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void comparesOnAStreamInTheOrderOfTheFileWithDriftsMarked() throws Exception {
        Path out = folder.resolve("out");
        TinyData.Ran r = TinyData.run(
                "compare",
                swapped(600),
                "--label",
                "kind",
                "--scenario",
                "stream",
                "--set",
                "scenario.batchSize=4",
                "--learners",
                "ncm",
                "--out",
                out);
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out())
                .contains("accuracy", "temporal kappa", "drifts", "no-change", "majority", "finetune")
                .doesNotContain("min-ACC");
        Comparison c = results(out);
        assertThat(c.beds().get(0).stream().metric()).isEqualTo("accuracy");
        assertThat(c.beds().get(0).data().trainRows()).isEqualTo(600);
        assertThat(c.beds().get(0).data().testRows()).isZero();
        Trial.Result ncm = of(c, "ncm");
        Streamed s = ncm.streamed();
        assertThat(ncm.averageAccuracy()).isEqualTo(s.metrics().get(0).value());
        assertThat(s.blocks()).hasSizeBetween(70, 100);
        // nearly right before the classes swap, wrong after
        assertThat(s.blocks().get(30).learner()).isEqualTo(1.0);
        assertThat(s.blocks().get(s.blocks().size() * 3 / 4).learner()).isLessThan(0.5);
        assertThat(s.marks()).isNotEmpty().allSatisfy(m -> {
            assertThat(m.what()).isEqualTo("drift");
            assertThat(m.samples()).isGreaterThan(300);
        });
        // classes alternate, so repeating the last one is always wrong
        assertThat(of(c, "no-change").averageAccuracy()).isLessThan(0.6);
        assertThat(s.metrics())
                .filteredOn(m -> m.name().equals("no-change accuracy"))
                .extracting(Streamed.Metric::value)
                .containsExactly(0.0);
        ObjectMapper json = new ObjectMapper();
        JsonNode schema = json.readTree(Path.of("../docs/results-schema.json").toFile());
        assertThat(JsonSchemaCheck.problems(
                        schema, json.readTree(out.resolve("results.json").toFile())))
                .isEmpty();
        assertThat(Files.readString(out.resolve("results.csv"))).contains("stream_metric,drifts");

        TinyData.Ran misfit = TinyData.run(
                "compare", swapped(60), "--label", "kind", "--scenario", "stream", "--learners", "ewc", "--out", out);
        assertThat(misfit.code()).isEqualTo(2);
        assertThat(misfit.err()).contains("'ewc' does not fit", "boundaries are hidden", "ncm");
    }

    @Test
    void comparesLearnersOfLabelSets() throws Exception {
        Path out = folder.resolve("out");
        TinyData.Ran r = TinyData.run(
                "compare", sets(240), "--label", "tag_*", "--scenario", "stream", "--out", out, "--seeds", "2");
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out()).contains("micro-F1", "Hamming loss", "ihomer", "mlhat", "no-change", "Left out: ");
        Comparison c = results(out);
        assertThat(c.beds().get(0).stream().metric()).isEqualTo("micro-F1");
        assertThat(of(c, "ihomer").averageAccuracy()).isGreaterThan(0.7);
        Summary ihomer = c.beds().get(0).summary().stream()
                .filter(x -> x.learner().equals("ihomer"))
                .findFirst()
                .orElseThrow();
        assertThat(ihomer.seeds()).isEqualTo(2);
        assertThat(ihomer.metrics()).extracting(Summary.Measured::name).contains("subset accuracy");
        assertThat(ihomer.rowsPerSecond().mean()).isPositive();
    }

    @Test
    void learnsLabelSetsTellsTheGroupsAndPredictsThem() throws Exception {
        Path model = folder.resolve("model");
        Path rows = sets(240);
        TinyData.Ran told = TinyData.run("learn", rows, "--label", "tag_a,tag_b,tag_c", "--learner", "ihomer");
        assertThat(told.code()).as(told.err()).isZero();
        assertThat(told.out())
                .contains("micro-F1", "no-change", "labels learnt together: {tag_", "No model was written");
        assertThat(Files.exists(model)).isFalse();

        TinyData.Ran kept = TinyData.run("learn", rows, "--label", "tag_*", "--learner", "ihomer", "--out", model);
        assertThat(kept.code()).as(kept.err()).isZero();
        assertThat(kept.out()).contains("Model: " + model);
        TinyData.Ran said = TinyData.run("predict", model, rows);
        assertThat(said.code()).as(said.err()).isZero();
        assertThat(said.out().lines().findFirst().orElseThrow())
                .isEqualTo("row,labels,score tag_a,score tag_b,score tag_c");
        assertThat(said.out()).contains("tag_a;tag_b");
        assertThat(said.err()).contains("240 rows: micro-F1", "subset accuracy");
        JsonNode first = new ObjectMapper()
                .readTree(TinyData.run("predict", model, rows, "--json")
                        .out()
                        .lines()
                        .skip(3)
                        .findFirst()
                        .orElseThrow());
        assertThat(first.get("labels").isArray()).isTrue();
        assertThat(first.get("scores").size()).isEqualTo(3);
        assertThat(TinyData.run("inspect", model).out()).contains("micro-F1", "beforehand");
        // more rows of the same labels
        assertThat(TinyData.run("learn", rows, "--label", "tag_*", "--from", model, "--out", model)
                        .code())
                .isZero();
    }

    @Test
    void aModelOfLabelSetsGoesOnWithLabelColumnsThatItDidNotKnow() throws Exception {
        Path model = folder.resolve("model");
        Path rows = sets(240);
        TinyData.Ran two = TinyData.run(
                "learn", rows, "--label", "tag_a,tag_b", "--ignore", "tag_c", "--learner", "ihomer", "--out", model);
        assertThat(two.code()).as(two.err()).isZero();
        TinyData.Ran three =
                TinyData.run("learn", rows, "--label", "tag_*", "--learner", "ihomer", "--from", model, "--out", model);
        assertThat(three.code()).as(three.err()).isEqualTo(2);
        three = TinyData.run("learn", rows, "--label", "tag_*", "--from", model, "--out", model);
        assertThat(three.code()).as(three.err()).isZero();
        TinyData.Ran said = TinyData.run("predict", model, rows);
        assertThat(said.out().lines().findFirst().orElseThrow())
                .isEqualTo("row,labels,score tag_a,score tag_b,score tag_c");
        assertThat(said.out()).contains("tag_c");
        // rows that do not tell of it can no longer be learnt
        Path former = Files.writeString(folder.resolve("former.csv"), "u,v,tag_a,tag_b\n0.1,0.5,1,1\n0.9,0.5,0,0\n");
        assertThat(TinyData.run("learn", former, "--label", "tag_*", "--from", model, "--out", model)
                        .err())
                .contains("tag_c");
    }

    @Test
    void aLearnerOfTheOtherKindIsRefusedByName() throws Exception {
        TinyData.Ran r = TinyData.run("learn", sets(60), "--label", "tag_*", "--learner", "er");
        assertThat(r.code()).isEqualTo(2);
        assertThat(r.err()).contains("one class a row");
        assertThat(TinyData.run("learn", swapped(60), "--label", "kind", "--learner", "ihomer")
                        .err())
                .contains("sets of labels");
        assertThat(TinyData.run("learn", sets(60), "--label", "tag_*", "--learner", "ihomer", "--resume")
                        .err())
                .contains("--resume needs --out");
    }
}
