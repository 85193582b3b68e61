package dev.holdfast.studies;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.run.AssetStore;
import dev.holdfast.study.Findings;
import dev.holdfast.study.Study;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.Rng;
import dev.holdfast.testing.NativeMemory;
import java.nio.file.Path;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Every study runs from end to end with budget smoke, twice with the same numbers. */
@ExtendWith(NativeMemory.class)
class StudiesSmokeTest {
    /** Metrics that no seed decides. */
    private static final Set<String> TIMES =
            Set.of("learning s", "epochs a minute", "tokens a second", "times as fast");

    static Stream<Study> studies() {
        return ServiceLoader.load(Study.class).stream().map(ServiceLoader.Provider::get);
    }

    @ParameterizedTest
    @MethodSource("studies")
    void runsEndToEnd(Study study, @TempDir Path checkpoints) {
        assertThat(study.claim()).isNotBlank();
        assertThat(study.criteria()).isNotEmpty().allSatisfy(c -> assertThat(c.sentence())
                .isNotBlank());
        Findings first = study.run(new Smoke(checkpoints));
        Findings second = study.run(new Smoke(checkpoints));
        assertThat(first.rows()).isNotEmpty().allSatisfy(r -> assertThat(r.value())
                .as(r.arm() + ", " + r.bed() + ", " + r.metric())
                .isFinite());
        assertThat(timeless(first)).isEqualTo(timeless(second));
    }

    private static List<Findings.Row> timeless(Findings f) {
        return f.rows().stream().filter(r -> !TIMES.contains(r.metric())).toList();
    }

    private record Smoke(Path checkpoints) implements StudyContext {
        @Override
        public Budget budget() {
            return Budget.SMOKE;
        }

        @Override
        public List<Long> seeds(int wanted) {
            return LongStream.rangeClosed(1, wanted).boxed().toList();
        }

        @Override
        public DataPair data(String id) {
            return DataCatalog.open(id, DataOptions.defaults());
        }

        @Override
        public Rng rng() {
            return Rng.of(1);
        }

        @Override
        public void progress(long done, long total, String what) {}

        @Override
        public boolean cancelled() {
            return false;
        }

        @Override
        public AssetStore assets() {
            return (key, make) -> make.get();
        }
    }
}
