package dev.holdfast.app.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.holdfast.app.TinyData;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResultFilesTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    static Path folder;

    private static JsonNode schema;
    private static JsonNode results;

    @BeforeAll
    static void compare() throws Exception {
        Path csv = TinyData.csv(folder.resolve("clouds, \"grey\".csv"), 120, 4, 1);
        TinyData.Ran r = TinyData.run(
                "compare",
                csv,
                "--label",
                "kind",
                "--learners",
                "ncm,slda",
                "--budget",
                "smoke",
                "--seeds",
                "2",
                "--out",
                folder.resolve("out"));
        assertThat(r.code()).as(r.err()).isZero();
        schema = JSON.readTree(Path.of("..", "docs", "results-schema.json").toFile());
        results = JSON.readTree(folder.resolve("out/results.json").toFile());
    }

    @Test
    void resultsFollowTheCommittedSchema() {
        assertThat(JsonSchemaCheck.problems(schema, results)).isEmpty();
    }

    @Test
    void theSchemaRefusesWhatIsWrong() {
        ObjectNode wrong = results.deepCopy();
        wrong.remove("machine");
        wrong.put("more", 1);
        wrong.put("format", "one");
        ((ObjectNode) wrong.at("/beds/0/trials/0")).put("status", "MAYBE");
        assertThat(JsonSchemaCheck.problems(schema, wrong))
                .containsExactlyInAnyOrder(
                        "$ lacks machine",
                        "$ has more, which is not described",
                        "$.format is STRING, expected \"integer\"",
                        "$.beds[0].trials[0].status is \"MAYBE\", expected one of"
                                + " [\"DONE\",\"REFUSED\",\"FAILED\",\"CANCELLED\"]");
    }

    @Test
    void csvQuotesWhatMustBeQuoted() throws Exception {
        assertThat(List.of("plain", "a,b", "say \"hi\"", "two\nlines", ""))
                .extracting(Csv::field)
                .containsExactly("plain", "\"a,b\"", "\"say \"\"hi\"\"\"", "\"two\nlines\"", "");
        String csv = Files.readString(folder.resolve("out/results.csv"));
        assertThat(csv).startsWith("data,scenario,learner").endsWith("\r\n").contains("\"clouds, \"\"grey\"\"\",");
    }

    @Test
    void pageDataCannotEndItsElement() {
        Comparison c = ReportFiles.read(folder.resolve("out/results.json"));
        Comparison.Request q = c.request();
        Comparison evil = new Comparison(
                1, "</script><script>alert(1)</script><!--\u2028&", q, c.machine(), c.beds(), c.ranks(), null);
        assertThat(HtmlReport.data(evil)).doesNotContain("<").doesNotContain("\u2028");
        assertThat(HtmlReport.of(evil)).doesNotContain("alert(1)</script>");
    }

    @Test
    void refusesDamagedResults() throws Exception {
        Path half = Files.writeString(folder.resolve("half.json"), "{\"format\":1,\"crea");
        assertThatThrownBy(() -> ReportFiles.read(half)).hasMessageContaining("half.json");
    }
}
