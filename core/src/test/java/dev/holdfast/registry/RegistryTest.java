package dev.holdfast.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.Schema;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.learner.Learner;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.io.IOException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NativeMemory.class)
class RegistryTest {
    @TempDir
    Path folder;

    private record None() {}

    private record Size(int size) {}

    /** A learner of somebody else's jar. */
    public static class Own implements LearnerPlugin<Record> {
        @Override
        public String name() {
            return "own";
        }

        @Override
        public String summary() {
            return "a learner from another jar";
        }

        @Override
        public Record defaults() {
            return new None();
        }

        @Override
        public Map<String, Record> presets() {
            return Map.of("small", new Size(1));
        }

        @Override
        public Learner create(Record config, Schema schema, Rng rng) {
            throw new UnsupportedOperationException("This test only looks for names.");
        }
    }

    /** Another class under the same name. */
    public static final class Namesake extends Own {}

    /** A registry that also sees a services file with these lines. */
    private Registry with(String... lines) throws IOException {
        Path file = folder.resolve("META-INF/services/" + LearnerPlugin.class.getName());
        Files.createDirectories(file.getParent());
        Files.write(file, List.of(lines));
        Thread t = Thread.currentThread();
        ClassLoader before = t.getContextClassLoader();
        try (URLClassLoader more = new URLClassLoader(new URL[] {folder.toUri().toURL()}, before)) {
            t.setContextClassLoader(more);
            return Registry.load();
        } finally {
            t.setContextClassLoader(before);
        }
    }

    @Test
    void aJarAddsItsOwn() throws IOException {
        Registry r = with(Own.class.getName());
        assertThat(r.learner("own")).isInstanceOf(Own.class);
        assertThat(r.learners()).extracting(LearnerPlugin::name).contains("own").isSorted();
    }

    @Test
    void aPresetIsTheLearnerWithOtherDefaults() throws IOException {
        Registry r = with(Own.class.getName());
        LearnerPlugin<?> small = r.learner("own:small");
        assertThat(small.name()).isEqualTo("own:small");
        assertThat(small.defaults()).isEqualTo(new Size(1));
        assertThat(small.summary()).isEqualTo("a learner from another jar");
        assertThatThrownBy(() -> r.learner("own:smal"))
                .hasMessageContaining("no preset 'smal'")
                .hasMessageContaining("it has small")
                .hasMessageContaining("Maybe 'own:small' is meant.");
        assertThatThrownBy(() -> r.learner("onw:small")).hasMessageContaining("Maybe 'own' is meant.");
    }

    @Test
    void twoOfAKindAreRefusedByName() {
        assertThatThrownBy(() -> with(Own.class.getName(), Namesake.class.getName()))
                .hasMessageContaining("'own'")
                .hasMessageContaining(Own.class.getName())
                .hasMessageContaining(Namesake.class.getName());
    }

    @Test
    void aPluginThatIsNotThereIsNamed() {
        assertThatThrownBy(() -> with("dev.nowhere.Missing")).hasMessageContaining("dev.nowhere.Missing");
    }

    @Test
    void unknownNamesAreRefusedWithTheNearest() throws IOException {
        Registry r = with(Own.class.getName());
        assertThatThrownBy(() -> r.learner("onw"))
                .hasMessageContaining("'onw'")
                .hasMessageContaining("own")
                .hasMessageContaining("Maybe 'own' is meant.");
        assertThatThrownBy(() -> r.scenario("class-incrementl"))
                .hasMessageContaining("domain-permuted")
                .hasMessageContaining("Maybe 'class-incremental' is meant.");
        assertThatThrownBy(() -> r.scenario("x")).message().doesNotContain("Maybe");
    }

    @Test
    void builtInScenariosAreLaidOutFromTheirDefaults() {
        MemoryDataset d = Clouds.of(10, 3, 4, 1, "train");
        Registry r = Registry.load();
        assertThat(r.scenarios())
                .extracting(ScenarioPlugin::name)
                .containsExactly(
                        "blurry",
                        "class-incremental",
                        "continual-pretraining",
                        "domain-permuted",
                        "domain-rotated",
                        "domain-turning",
                        "drifting-classes",
                        "few-shot",
                        "hle",
                        "i-blurry",
                        "joint",
                        "stream",
                        "task-incremental");
        assertThat(create(r.scenario("class-incremental"), d).name()).isEqualTo("class-incremental 5x2");
        assertThat(create(r.scenario("task-incremental"), d).taskIdAtTest()).isTrue();
        assertThat(create(r.scenario("domain-permuted"), d).experiences()).hasSize(5);
        assertThat(create(r.scenario("joint"), d).experiences()).hasSize(1);
        assertThat(create(r.scenario("continual-pretraining"), d).tests())
                .allMatch(t -> t.probe().isPresent());
        assertThat(create(r.scenario("stream"), d).tests()).isEmpty();
        assertThat(set(r.scenario("few-shot"), d, Map.of("shot", "2")).name())
                .isEqualTo("few-shot 6+2x2, 2 rows a class");
        assertThat(create(r.scenario("i-blurry"), d).name())
                .isEqualTo("i-Blurry-50-10 5 parts, online, hidden boundaries");
        // the digits have a tree
        assertThat(create(r.scenario("hle"), d).name()).startsWith("hle dual 3-10 5 parts");
        assertThatThrownBy(() -> create(r.scenario("hle"), Clouds.of(11, 3, 4, 1, "train")))
                .hasMessageContaining("needs a label tree")
                .hasMessageContaining("scenario.tree");
        assertThat(r.scenarios().stream().filter(ScenarioPlugin::inOrder)).hasSize(1);
        assertThatThrownBy(() -> create(r.scenario("domain-rotated"), d)).hasMessageContaining("images");
        for (ScenarioPlugin<?> p : r.scenarios()) {
            assertThat(p.summary()).isNotBlank();
            assertThat(ConfigBinder.options(p.defaults()))
                    .allSatisfy(o ->
                            assertThat(o.help()).as(p.name() + "." + o.name()).isNotBlank());
        }
    }

    @Test
    void settingsReachTheScenario() {
        MemoryDataset d = Clouds.of(10, 3, 4, 1, "train");
        assertThat(set(Registry.load().scenario("class-incremental"), d, Map.of("first", "4", "increment", "3"))
                        .name())
                .isEqualTo("class-incremental 4+3");
        assertThatThrownBy(() -> set(Registry.load().scenario("class-incremental"), d, Map.of("online", "true")))
                .hasMessageContaining("epochs");
    }

    private static <C extends Record> Scenario create(ScenarioPlugin<C> p, MemoryDataset d) {
        return p.create(p.defaults(), d, d, Rng.of(1));
    }

    private static <C extends Record> Scenario set(ScenarioPlugin<C> p, MemoryDataset d, Map<String, String> options) {
        return p.create(ConfigBinder.set(p.defaults(), options), d, d, Rng.of(1));
    }
}
