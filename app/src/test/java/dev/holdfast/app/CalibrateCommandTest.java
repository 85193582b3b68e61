package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.holdfast.app.TinyData.Ran;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.tensor.Rng;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Learn, calibrate, predict: what the user sees, what is stored, and what is refused. */
class CalibrateCommandTest {
    @TempDir
    Path folder;

    private Path model;
    private Path held;
    private Path page;

    @BeforeEach
    void learn() throws Exception {
        model = folder.resolve("model");
        page = folder.resolve("page.html");
        held = noisy("held.csv", 600, 2);
        ok(TinyData.run(
                "learn",
                noisy("train.csv", 150, 1),
                "--label",
                "kind",
                "--learner",
                "finetune",
                "--epochs",
                "60",
                "--out",
                model));
    }

    /** Clouds that overlap, so that a small training set is learnt by heart. */
    private Path noisy(String name, int rows, long seed) throws Exception {
        Rng rng = Rng.of(seed);
        List<String> lines = new ArrayList<>(List.of("a,b,c,kind"));
        for (int i = 0; i < rows; i++) {
            int k = rng.below(3);
            lines.add(String.format(
                    Locale.ROOT,
                    "%.4f,%.4f,%.4f,k%d",
                    k + rng.nextGaussian(),
                    (k % 2) + rng.nextGaussian(),
                    rng.nextGaussian(),
                    k));
        }
        return Files.write(folder.resolve(name), lines);
    }

    private static Ran ok(Ran r) {
        assertThat(r.code()).as(r.err() + r.out()).isZero();
        return r;
    }

    private static Ran refused(String says, Object... args) {
        Ran r = TinyData.run(args);
        assertThat(r.code()).as(r.out()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(r.err()).contains(says);
        return r;
    }

    private Ran calibrate(Object... more) {
        List<Object> all = new ArrayList<>(List.of("calibrate", model, held, "--report", page));
        all.addAll(Arrays.asList(more));
        return TinyData.run(all.toArray());
    }

    private static List<String[]> cells(Ran said) {
        return Arrays.stream(said.out().split("\r\n"))
                .skip(1)
                .map(l -> l.split(","))
                .toList();
    }

    @Test
    void learnsCalibratesPredicts() throws Exception {
        Path fresh = noisy("fresh.csv", 80, 3);
        List<String[]> before = cells(ok(TinyData.run("predict", model, fresh)));
        Ran ran = ok(calibrate("--method", "h,temperature,isotonic", "--set", "h.training.epochs=40"));
        assertThat(ran.out())
                .contains(
                        "ECE_ew",
                        "DKDE_CE",
                        "accuracy",
                        "temperature",
                        "rows to calibrate on",
                        "cannot be known",
                        "classes are kept");

        List<String[]> after = cells(ok(TinyData.run("predict", model, fresh)));
        assertThat(after).hasSameSizeAs(before);
        double moved = 0;
        for (int i = 0; i < after.size(); i++) {
            assertThat(after.get(i)[1]).isEqualTo(before.get(i)[1]);
            double sum = 0;
            for (int c = 3; c < 6; c++) {
                double p = Double.parseDouble(after.get(i)[c]);
                assertThat(p).isBetween(0.0, 1.0);
                sum += p;
                moved += Math.abs(p - Double.parseDouble(before.get(i)[c]));
            }
            assertThat(Math.abs(sum - 1)).isLessThan(1e-5);
        }
        assertThat(moved).isPositive();

        assertThat(ok(TinyData.run("inspect", model)).out())
                .contains("calibrated     by h on 299", "before", "classes are kept");
        JsonNode card = new ObjectMapper()
                .readTree(ok(TinyData.run("inspect", model, "--json")).out());
        JsonNode k = card.at("/card/calibration");
        assertThat(k.at("/after/ECE_ew").asDouble())
                .isLessThan(k.at("/before/ECE_ew").asDouble());
        assertThat(k.at("/configuration/training/epochs").asInt()).isEqualTo(40);

        String html = Files.readString(page);
        assertThat(html)
                .contains("before-chart", "after-chart", "\"reliability\"", "isotonic")
                .doesNotContain("/*{");
    }

    @Test
    void whatLearnsOnIsCalibratedNoMore() throws Exception {
        Path other = folder.resolve("other");
        ok(calibrate("--method", "temperature", "--out", other));
        assertThat(ok(TinyData.run("inspect", model)).out()).doesNotContain("calibrated");
        assertThat(ok(TinyData.run("inspect", other)).out()).contains("calibrated     by temperature");
        Ran more = ok(TinyData.run("learn", held, "--from", other, "--out", other));
        assertThat(more.out()).contains("calibrate it again");
        assertThat(ok(TinyData.run("inspect", other)).out()).doesNotContain("calibrated     by");
        // calibrating again begins from the raw scores, so twice is once
        ok(calibrate("--method", "temperature"));
        Path fresh = noisy("fresh.csv", 20, 3);
        String once = ok(TinyData.run("predict", model, fresh)).out();
        ok(calibrate("--method", "temperature"));
        assertThat(ok(TinyData.run("predict", model, fresh)).out()).isEqualTo(once);
    }

    @Test
    void modelsOfTheFirstFormAreStillRead() throws Exception {
        Path card = model.resolve("model.json");
        ObjectMapper json = new ObjectMapper();
        ObjectNode old = (ObjectNode) json.readTree(card.toFile());
        old.remove("calibration");
        old.put("format", 1);
        json.writeValue(card.toFile(), old);
        ok(TinyData.run("predict", model, held));
        ok(calibrate("--method", "temperature"));
    }

    @Test
    void selectForReachesWhatTrains() throws Exception {
        ok(calibrate("--method", "h,temperature", "--select-for", "class", "--set", "h.training.epochs=3"));
        JsonNode card = new ObjectMapper()
                .readTree(ok(TinyData.run("inspect", model, "--json")).out());
        assertThat(card.at("/card/calibration/configuration/training/selectFor").asText())
                .isEqualTo("CLASS");
        JsonNode json = new ObjectMapper()
                .readTree(ok(calibrate("--method", "beta", "--json")).out());
        assertThat(json.at("/stored").asText()).isEqualTo("beta");
        assertThat(json.at("/results").size()).isEqualTo(2);
    }

    @Test
    void listsCalibrators() {
        assertThat(ok(TinyData.run("calibrators")).out()).contains("temperature", "h ", "bbq", "monotone");
        assertThat(ok(TinyData.run("calibrators", "h")).out())
                .contains("training.selectFor", "h.leaveClassOut", "2506.17968");
    }

    @Test
    void refusesWhatCannotBeCalibrated() throws Exception {
        refused("'temperature' is meant", "calibrate", model, held, "--method", "temperatur", "--report", page);
        refused(
                "There is no option",
                "calibrate",
                model,
                held,
                "--method",
                "h",
                "--set",
                "h.epoch=3",
                "--report",
                page);
        refused(
                "not among the methods",
                "calibrate",
                model,
                held,
                "--method",
                "h",
                "--set",
                "beta.x=3",
                "--report",
                page);
        refused("at least 20", "calibrate", model, noisy("few.csv", 12, 5), "--report", page);
        refused("There is no model", "calibrate", folder.resolve("none"), held, "--report", page);
        Path bare = TinyData.csv(folder.resolve("bare.csv"), 40, 3, 9, false);
        assertThat(TinyData.run("calibrate", model, bare, "--report", page).code())
                .isEqualTo(ExitCodes.BAD_INPUT);
        Path analytic = folder.resolve("ncm");
        ok(TinyData.run("learn", held, "--label", "kind", "--learner", "ncm", "--out", analytic));
        refused("SCORES", "calibrate", analytic, held, "--report", page);
        assertThat(page).doesNotExist();
    }

    @Test
    void saysWhatIsMissing() throws Exception {
        List<String> lines = new ArrayList<>(Files.readAllLines(held));
        lines.removeIf(l -> l.endsWith("k2"));
        Path without = Files.write(folder.resolve("without.csv"), lines);
        Ran ran = ok(TinyData.run("calibrate", model, without, "--method", "histogram", "--report", page));
        assertThat(ran.out()).contains("No calibration row has the class k2", "noise");
    }
}
