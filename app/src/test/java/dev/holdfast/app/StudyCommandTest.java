package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.app.TinyData.Ran;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.study.Criterion;
import dev.holdfast.study.Findings;
import dev.holdfast.study.Paper;
import dev.holdfast.study.Rule;
import dev.holdfast.study.Study;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StudyCommandTest {
    @TempDir
    Path folder;

    /** A study of nothing, with known rows. */
    public static final class Toy implements Study {
        @Override
        public Paper paper() {
            return new Paper("99-toy", "On | toys", 2026, "2601.00001");
        }

        @Override
        public String claim() {
            return "New toys beat old toys by two points.";
        }

        @Override
        public List<Criterion> criteria() {
            return List.of(
                    new Criterion("gain", "two points", new Rule.Paired("box", "fun", "new", "old", 2, false, 1), true),
                    new Criterion("tale", "a tale", new Rule.Report(), false));
        }

        @Override
        public Findings run(StudyContext c) {
            List<Findings.Row> rows = new ArrayList<>();
            // a base that is made once and used by every seed
            for (long seed : c.seeds(3)) {
                State base = c.assets().get("base", () -> new State()
                        .put("x", Tensors.of(new double[] {5}, 1))
                        .put("made", "yes"));
                double five = Tensors.item(base.tensor("x"));
                double gain = c.budget() == StudyContext.Budget.FULL ? 1 : 3;
                rows.add(new Findings.Row("old", "box", seed, "fun", five + seed));
                rows.add(new Findings.Row("new", "box", seed, "fun", five + seed + gain));
                c.progress(seed, 3, "playing");
            }
            return new Findings(rows);
        }
    }

    @Test
    void printsClaimRowsAndVerdictAndWritesAPage() throws Exception {
        Ran r = TinyData.run("study", "99", "--budget", "quick", "--out", folder);
        assertThat(r.code()).as(r.err()).isZero();
        assertThat(r.out())
                .contains(
                        "Claim: New toys beat",
                        "must hold  two points",
                        "7.00 ± 1.00",
                        "10.00 ± 1.00",
                        "quick): holds");
        String page = Files.readString(folder.resolve("99-toy.md"));
        assertThat(page)
                .contains(
                        "# 99-toy",
                        "https://arxiv.org/abs/2601.00001",
                        "**Verdict.** holds",
                        "fun of new less old >= 2 on box, in the mean over seeds",
                        "| box | new | fun | 10.00 ± 1.00 | 3 |",
                        "| a tale | reported, not judged | reported |",
                        "seeds [1, 2, 3]");
    }

    @Test
    void saysWhenAClaimDoesNotHold() throws Exception {
        Ran r = TinyData.run("study", "99-toy", "--budget", "full", "--seeds", "2", "--out", folder, "--json");
        assertThat(r.code()).as(r.err()).isZero();
        JsonNode j = new ObjectMapper().readTree(r.out());
        assertThat(j.at("/verdict/outcome").asText()).isEqualTo("DOES_NOT_HOLD");
        assertThat(j.get("rows").size()).isEqualTo(4);
        assertThat(Files.readString(folder.resolve("99-toy.md"))).contains("**Verdict.** does not hold");
    }

    @Test
    void listsStudiesAndRefusesUnknownOnes() {
        assertThat(TinyData.run("study").out()).contains("99-toy").contains("19-cl-survey");
        Ran r = TinyData.run("study", "99-tyo");
        assertThat(r.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(r.err()).contains("Maybe '99-toy'");
    }
}
