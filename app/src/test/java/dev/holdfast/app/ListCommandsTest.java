package dev.holdfast.app;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.holdfast.app.TinyData.Ran;
import dev.holdfast.app.terminal.ExitCodes;
import dev.holdfast.registry.ConfigBinder;
import dev.holdfast.registry.LearnerPlugin;
import dev.holdfast.registry.Registry;
import dev.holdfast.study.Study;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ListCommandsTest {
    private static final ObjectMapper JSON = new ObjectMapper();

    static List<String> learners() {
        return Registry.load().learners().stream().map(LearnerPlugin::name).toList();
    }

    static List<String> commands() {
        return List.copyOf(Main.commandLine().getSubcommands().keySet());
    }

    @ParameterizedTest
    @MethodSource("learners")
    void showsEveryOptionOfALearner(String name) {
        Ran r = TinyData.run("learners", name);
        assertThat(r.code()).isZero();
        ConfigBinder.options(Registry.load().learner(name).defaults())
                .forEach(o -> assertThat(r.out()).contains(o.name(), o.value()));
    }

    @Test
    void listsLearnersScenariosAndData() throws Exception {
        assertThat(TinyData.run("learners").out())
                .contains(learners())
                .contains("merge exactly: gacil, ncm, slda")
                .contains("Baselines", "Bounds");
        assertThat(TinyData.run("scenarios").out()).contains("class-incremental", "domain-permuted", "joint");
        assertThat(TinyData.run("scenarios", "class-incremental").out()).contains("increment", "five parts");
        assertThat(TinyData.run("noise").out()).contains("sym:AMOUNT", "rows to be tested on");
        assertThat(JSON.readTree(TinyData.run("noise", "--json").out()).has("blur"))
                .isTrue();
        assertThat(TinyData.run("data").out()).contains("fashion", "mnist1d", "Parquet");
        JsonNode all = JSON.readTree(TinyData.run("learners", "--json").out());
        assertThat(all).hasSize(learners().size());
        assertThat(all.get(0).get("options").size()).isPositive();
        assertThat(JSON.readTree(TinyData.run("scenarios", "joint", "--json").out())
                        .get("name")
                        .asText())
                .isEqualTo("joint");
        assertThat(JSON.readTree(TinyData.run("data", "--json").out()).has("fashion"))
                .isTrue();
        assertThat(TinyData.run("learners", "gacli").err()).contains("Maybe 'gacil'");
    }

    @Test
    void catalogSaysOfAll65SystemsWhatIsBuilt() throws Exception {
        JsonNode all = JSON.readTree(TinyData.run("catalog", "--json").out());
        assertThat(all).hasSize(65);
        Set<String> ids = new HashSet<>();
        Set<String> papers = new HashSet<>();
        for (int i = 0; i < 65; i++) {
            JsonNode e = all.get(i);
            assertThat(e.get("id").asText()).matches(String.format("%02d-[a-z0-9-]+", i + 1));
            assertThat(e.get("arxiv").asText()).matches("\\d{4}\\.\\d{5}");
            assertThat(e.get("year").asInt()).isBetween(2015, 2026);
            assertThat(e.get("title").asText()).hasSizeGreaterThan(10);
            ids.add(e.get("id").asText());
            papers.add(e.get("arxiv").asText());
        }
        assertThat(ids).hasSize(65);
        assertThat(papers).hasSize(65);
        // what plugins and studies say of themselves must be in the table; 00 is a bed that several systems start from
        Registry.load().learners().stream()
                .map(LearnerPlugin::system)
                .filter(s -> !s.isEmpty())
                .forEach(s -> assertThat(ids).contains(s));
        Systems.studies().stream()
                .map(Study::paper)
                .filter(p -> !p.id().equals("99-toy") && !p.id().startsWith("00-"))
                .forEach(p -> assertThat(papers).contains(p.arxiv()));
        Ran built = TinyData.run("catalog", "--built");
        assertThat(built.out())
                .contains("24-g-acil", "learners gacil", "dev.holdfast.learner.analytic", "study '19-cl-survey'")
                .doesNotContain("25-noise-mask");
    }

    @ParameterizedTest
    @MethodSource("commands")
    void everyCommandExplainsItself(String name) {
        if (name.equals("help")) {
            return;
        }
        Ran r = TinyData.run(name, "--help");
        assertThat(r.code()).isZero();
        assertThat(r.out()).contains("Usage: holdfast " + name);
        if (!name.equals("generate-completion")) {
            assertThat(r.out()).contains("Examples:", "holdfast " + name);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"compare", "learn", "inspect", "--budget"})
    void completionKnowsCommandsAndOptions(String word) {
        assertThat(TinyData.run("generate-completion").out()).contains(word);
    }

    @Test
    void aMisspeltCommandGetsANearOne() {
        Ran r = TinyData.run("compair", "fashion");
        assertThat(r.code()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(r.err()).contains("compare");
    }
}
