package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.app.TinyData.Ran;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CleanCommandTest {
    private static final Path LETTERS =
            Path.of(System.getenv().getOrDefault("HOLDFAST_DATA", ".")).resolve("tabular/letterrecognition.csv.gz");

    @TempDir
    Path folder;

    private Ran clean(Object data, Object... more) {
        List<Object> all = new ArrayList<>(List.of("clean", data, "--out", folder.resolve("suspects.csv")));
        all.addAll(List.of(more));
        return TinyData.run(all.toArray());
    }

    private List<String> listed() throws Exception {
        return Files.readAllLines(folder.resolve("suspects.csv"));
    }

    /** Three labels of a table are wrong; they lead the list, by the number of their row, with what they should be. */
    @Test
    void findsWrongLabelsOfATable() throws Exception {
        Path csv = TinyData.csv(folder.resolve("clouds.csv"), 160, 3, 1);
        List<String> lines = new ArrayList<>(Files.readAllLines(csv));
        List<String> expected = new ArrayList<>();
        for (int row : new int[] {7, 50, 111}) {
            String line = lines.get(row);
            String was = line.substring(line.lastIndexOf(',') + 1);
            String wrong = was.equals("k0") ? "k2" : "k0";
            lines.set(row, line.substring(0, line.lastIndexOf(',') + 1) + wrong);
            expected.add(row + "," + wrong + "," + was);
        }
        Files.write(csv, lines);
        Ran r = clean(csv, "--label", "kind", "--top", 3, "--epochs", 40, "--networks", 2, "--batch-size", 16);
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(listed().get(0)).isEqualTo("row,given,suggested,given_share,suggested_share");
        assertThat(listed().subList(1, 4).stream()
                        .map(l -> String.join(",", List.of(l.split(",")).subList(0, 3))))
                .containsExactlyInAnyOrderElementsOf(expected);
        assertThat(r.out()).contains("3 most doubtful are in");
    }

    /** Who plants errors is told how many are found; the same seed plants and finds the same. */
    @Test
    void tellsHowManyPlantedErrorsItFinds() throws Exception {
        Object[] args = {
            "--rows", 1500, "--plant", "sym-other:0.2", "--networks", 1, "--epochs", 15, "--json", "--seed", 3
        };
        Ran r = clean("sample", args);
        assertThat(r.code()).as(r.err()).isZero();
        JsonNode found = new ObjectMapper().readTree(r.out());
        assertThat(found.get("planted").asInt())
                .isEqualTo((int) Math.ceil(0.2 * found.get("rows").asInt()));
        assertThat(found.get("precisionAtPlanted").asDouble()).isGreaterThan(0.7);
        assertThat(found.get("plantedListed").asInt())
                .isGreaterThan((int) (0.8 * found.get("planted").asInt()));
        assertThat(listed().get(0)).endsWith("planted,before_planting");
        assertThat(listed()).hasSize(found.get("listed").asInt() + 1);
        List<String> first = listed();
        assertThat(clean("sample", args).out()).isEqualTo(r.out());
        assertThat(listed()).isEqualTo(first);
    }

    /** With a few rows that are right, the least weighted rows are those whose label was spoilt; same seed, same list. */
    @Test
    void trustedRowsTellWrongLabels() throws Exception {
        Path csv = TinyData.csv(folder.resolve("clouds.csv"), 400, 3, 1);
        List<String> lines = Files.readAllLines(csv);
        List<String> right = new ArrayList<>(lines.subList(0, 1));
        right.addAll(lines.subList(341, 401));
        Path trusted = Files.write(folder.resolve("trusted.csv"), right);
        Files.write(csv, lines.subList(0, 341));
        Object[] args = {"--label", "kind", "--trusted", trusted, "--plant", "sym-other:0.4", "--seed", 2, "--json"};
        Ran r = clean(csv, args);
        assertThat(r.code()).as(r.err()).isZero();
        JsonNode found = new ObjectMapper().readTree(r.out());
        assertThat(found.get("rows").asInt()).isEqualTo(340);
        assertThat(found.get("precisionAtPlanted").asDouble()).isGreaterThan(0.85);
        assertThat(r.err()).contains("trusted rows");
        assertThat(listed().get(0))
                .isEqualTo("row,given,suggested,given_share,suggested_share,planted,before_planting");
        List<String> first = listed();
        assertThat(clean(csv, args).out()).isEqualTo(r.out());
        assertThat(listed()).isEqualTo(first);
    }

    @Test
    void trustedRowsMustFit() throws Exception {
        Path csv = TinyData.csv(folder.resolve("clouds.csv"), 60, 3, 1);
        Path bare = TinyData.csv(folder.resolve("bare.csv"), 20, 3, 1, false);
        assertThat(clean(csv, "--label", "kind", "--trusted", bare).code()).isEqualTo(2);
        assertThat(clean(csv, "--label", "kind", "--trusted", bare).err()).contains("kind");
        Path other = Files.writeString(folder.resolve("other.csv"), "a,kind\n1,k0\n2,k1\n");
        assertThat(clean(csv, "--label", "kind", "--trusted", other).err()).contains("other.csv");
        assertThat(clean(csv, "--label", "kind", "--trusted", folder.resolve("none.csv"))
                        .err())
                .contains("none.csv");
        assertThat(folder.resolve("suspects.csv")).doesNotExist();
    }

    @Test
    void findsPlantedErrorsAmongLetters() throws Exception {
        assumeTrue(Files.exists(LETTERS), "the table of letters is not here");
        Ran r = clean(LETTERS, "--label", "label", "--plant", "pairs:0.2", "--networks", 1, "--epochs", 10, "--json");
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(new ObjectMapper()
                        .readTree(r.out())
                        .get("precisionAtPlanted")
                        .asDouble())
                .isGreaterThan(0.8);
    }

    @Test
    void saysWhatItCannotAudit() throws Exception {
        Path csv = TinyData.csv(folder.resolve("clouds.csv"), 40, 4, 1);
        assertThat(clean(csv, "--label", "kind", "--learner", "er").err()).contains("'er'", "keeps no opinion", "elr");
        assertThat(clean(csv, "--label", "kind", "--plant", "blur").err()).contains("--plant", "blur");
        assertThat(clean(csv, "--label", "kind", "--networks", 0).err()).contains("at least one network");
        assertThat(clean(csv, "--label", "kind", "--top", -1).err()).contains("--top");
        assertThat(clean(csv, "--label", "kind", "--set", "loss.lamda=1").err()).contains("lamda", "lambda");
        Path one = Files.writeString(folder.resolve("one.csv"), "a,kind\n1,x\n2,x\n3,x\n4,x\n");
        assertThat(clean(one, "--label", "kind").err()).contains("at least two classes");
        assertThat(folder.resolve("suspects.csv")).doesNotExist();
    }
}
