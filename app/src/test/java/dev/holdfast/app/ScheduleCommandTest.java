package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.app.TinyData.Ran;
import dev.holdfast.app.terminal.ExitCodes;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ScheduleCommandTest {
    @TempDir
    Path folder;

    private static Ran schedule(Object... more) {
        List<Object> all = new ArrayList<>(List.of("schedule"));
        all.addAll(List.of(more));
        return TinyData.run(all.toArray());
    }

    private static void refuses(String because, Object... args) {
        Ran r = schedule(args);
        assertThat(r.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(r.err()).contains(because);
        assertThat(r.out()).isEmpty();
    }

    /** The drawing, the phases and the costs of the page's own example. */
    @Test
    void drawsARateThatFallsBeforeCheckpoints() {
        Ran r = schedule("wsd-s", "--peak", "3e-4", "--warm", 100, "--ends", "300,600,1200", "--width", 40);
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out().lines().limit(14))
                .containsExactly(
                        "  3.00e-04 |   ************************************",
                        "           |  **     **        **                 *",
                        "           |  *      **        **                 *",
                        "           |  *      **        **                 *",
                        "           | **      **        **                 *",
                        "           | *       **        **                 *",
                        "           | *       **        **                 *",
                        "           | *       **        **                 *",
                        "           |**       **        **                 *",
                        "           |*        **        **                 **",
                        "           |*        **        **                  *",
                        "         0 |*",
                        "           +----------------------------------------",
                        "            0                                  1,200 updates");
        assertThat(r.out())
                .containsPattern("the run +decay +1,140 +1,200 +60 +2.61e-04 to 3.00e-05")
                .containsPattern("> WSD-S +1,200\\n")
                .containsPattern("  WSD +1,260\\n")
                .containsPattern("  cosine, run by run +2,100\\n");
    }

    @Test
    void everyKindIsDrawn() throws Exception {
        Path csv = folder.resolve("rate.csv");
        Ran wsd =
                schedule("wsd", "--ends", "20,40", "--decay", "4,8", "--shape", "linear", "--floor", "0", "--csv", csv);
        assertThat(wsd.code()).as(wsd.err()).isZero();
        assertThat(wsd.out())
                .contains("o")
                .containsPattern("trunk +stable +0 +32 +32 +1.00")
                .containsPattern("branch 2 +decay +32 +40 +8 +0.875 to 0")
                .containsPattern("> WSD +44\\n");
        List<String> lines = Files.readAllLines(csv);
        assertThat(lines)
                .hasSize(1 + 32 + 4 + 8)
                .startsWith("run,update,rate", "trunk,0,1.0")
                .endsWith("branch 2,39,0.0");
        assertThat(schedule("wsd-s", "--ends", "20,40", "--decay", "20%", "--decay-of", "total", "--rewarm", 3)
                        .out())
                .containsPattern("decay +16 +20 +4 ")
                .containsPattern("rewarm +20 +23 +3 ")
                .containsPattern("decay +32 +40 +8 ");
        assertThat(schedule("cyclic-cosine", "--ends", "20,40", "--floor", "0.5")
                        .out())
                .containsPattern("cosine +20 +40 +20 +1.00 to 0.50")
                .containsPattern("> cyclic cosine +40\\n")
                .doesNotContain("WSD");
        assertThat(schedule("cosine", "--ends", "20,40", "--warm", 5).out())
                .containsPattern("run to 20 +cosine +5 +20 +15 ")
                .containsPattern("> cosine, run by run +60\\n");
        assertThat(schedule("steps", "--ends", 30, "--milestones", "10,20", "--gamma", 0.5, "--warm", 2)
                        .out())
                .containsPattern("warm-up +0 +2 +2 +0.500 to 1.00")
                .containsPattern("step 2 +20 +30 +10 +0.250")
                .doesNotContain("Updates for");
        assertThat(schedule("constant", "--ends", 30).out()).containsPattern("stable +0 +30 +30 +1.00");
    }

    /** The page has its curves, phases and costs inside and needs nothing else. */
    @Test
    void writesAPage() throws Exception {
        Path page = folder.resolve("deep/rate.html");
        Ran r = schedule("wsd", "--peak", 0.01, "--ends", "5000,10000", "--html", page);
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out()).contains("Page: " + page);
        String html = Files.readString(page);
        assertThat(html).contains("echarts").doesNotContain("/*{");
        Matcher m =
                Pattern.compile("id=\"data\">(.*?)</script>", Pattern.DOTALL).matcher(html);
        assertThat(m.find()).isTrue();
        JsonNode data = new ObjectMapper().readTree(m.group(1));
        assertThat(data.get("costs").get("WSD").asLong()).isEqualTo(10_500);
        assertThat(data.get("chosen").asText()).isEqualTo("WSD");
        assertThat(data.get("curves")).hasSize(3);
        JsonNode trunk = data.get("curves").get(0).get("points");
        assertThat(trunk.size()).isBetween(1000, 2500);
        assertThat(trunk.get(trunk.size() - 1).get(0).asLong()).isEqualTo(9499);
        JsonNode branch = data.get("curves").get(2).get("points");
        assertThat(branch.get(branch.size() - 1).get(1).asDouble()).isEqualTo(0.001);
        assertThat(data.get("phases")).hasSize(3);
    }

    @Test
    void saysWhatIsWrong() throws Exception {
        refuses("expected one of [wsd-s, wsd, cyclic-cosine, cosine, steps, constant]", "wsds", "--ends", 10);
        refuses("--ends", "wsd-s");
        refuses("rise", "wsd-s", "--ends", "20,10");
        refuses("10,000,000", "wsd-s", "--ends", "100000000");
        refuses("Segment 1", "wsd-s", "--ends", "20,40", "--decay", "5,20");
        refuses("one for each of the 2 ends", "wsd-s", "--ends", "20,40", "--decay", "1,2,3");
        refuses("'ten'", "wsd-s", "--ends", "20,40", "--decay", "ten");
        refuses("--decay-of needs a share", "wsd-s", "--ends", "20,40", "--decay", "3", "--decay-of", "total");
        refuses("floor > 0", "wsd", "--ends", "20", "--floor", "0");
        refuses("'200%'", "wsd", "--ends", "20", "--floor", "200%");
        refuses("--gamma does not apply", "wsd", "--ends", "20", "--gamma", "0.1");
        refuses("--rewarm does not apply", "wsd", "--ends", "20", "--rewarm", "1");
        refuses("--shape does not apply", "cosine", "--ends", "20", "--shape", "linear");
        refuses("--floor does not apply", "constant", "--ends", "20", "--floor", "0.1");
        refuses("needs --milestones", "steps", "--ends", "20");
        refuses("--warm must be 0 to 19", "cosine", "--ends", "20", "--warm", 20);
        refuses("--peak", "cosine", "--ends", "20", "--peak", 0);
        refuses("--width", "cosine", "--ends", "20", "--width", 3);
        Path file = Files.writeString(folder.resolve("file"), "");
        Ran r = schedule("wsd", "--ends", "20", "--csv", file.resolve("rate.csv"));
        assertThat(r.code()).isEqualTo(ExitCodes.FAILED);
        assertThat(r.err()).contains("Maybe choose another --csv");
    }
}
