package dev.holdfast.scenario;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.Dataset;
import dev.holdfast.evaluate.metric.FewShotScores;
import dev.holdfast.tensor.Rng;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NativeMemory.class)
class FewShotTest {
    private static final Dataset TRAIN = Clouds.of(10, 12, 4, 1, "train");
    private static final Dataset TEST = Clouds.of(10, 3, 4, 1, "test");

    private static Scenario of(FewShot.Config c) {
        return FewShot.of(c, TRAIN, TEST, Rng.of(3));
    }

    private static long[] rows(Scenario s, int part) {
        Dataset d = (Dataset) s.experiences().get(part).train();
        long[] ids = new long[(int) d.size()];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = d.id(i);
        }
        return ids;
    }

    @Test
    void aBaseThenSessionsOfFewRows() {
        Scenario s = of(FewShot.Config.of(0, 2, 5, 0, 3, 8));
        assertThat(s.name()).isEqualTo("few-shot 6+2x2, 5 rows a class");
        assertThat(s.experiences()).hasSize(3).allMatch(Experience::boundaryKnown);
        assertThat(s.experiences()).extracting(e -> e.train().size()).containsExactly(72L, 10L, 10L);
        assertThat(s.experiences())
                .extracting(e -> e.pace().batches(e.train().size()))
                .containsExactly(27L, 1L, 1L);
        assertThat(s.tests()).extracting(t -> t.data().size()).containsExactly(18L, 6L, 6L);
        Set<Integer> seen = new HashSet<>();
        s.experiences().forEach(e -> e.classes().columns().forEach(c -> assertThat(seen.add(c.classId()))
                .isTrue()));
        assertThat(of(FewShot.Config.of(0, 2, 5, 3, 3, 8))
                        .experiences()
                        .get(0)
                        .classes()
                        .size())
                .as("what the sessions leave")
                .isEqualTo(4);
    }

    @Test
    void anotherDrawShowsOtherRowsOfTheSameClasses() {
        FewShot.Config c = FewShot.Config.of(4, 3, 5, 2, 1, 8);
        assertThat(rows(of(c), 1)).isEqualTo(rows(of(c), 1)).isNotEqualTo(rows(of(c.withDraw(1)), 1));
        assertThat(rows(of(c), 0)).isEqualTo(rows(of(c.withDraw(1)), 0));
        assertThat(of(c).experiences().get(1).classes())
                .isEqualTo(of(c.withDraw(1)).experiences().get(1).classes());
    }

    @Test
    void whatDoesNotFitIsRefused() {
        assertThatThrownBy(() -> of(FewShot.Config.of(8, 2, 5, 2, 1, 8))).hasMessageContaining("need 12 classes");
        assertThatThrownBy(() -> of(FewShot.Config.of(10, 2, 5, 0, 1, 8))).hasMessageContaining("there are 10");
        assertThatThrownBy(() -> of(FewShot.Config.of(6, 2, 13, 2, 1, 8))).hasMessageContaining("12 training rows");
        assertThatThrownBy(() -> FewShot.Config.of(6, 0, 5, 2, 1, 8)).hasMessageContaining("way");
    }

    @Test
    void countsThatContradictEachOtherAreRefused() {
        long[][] one = {{1, 2}};
        assertThatThrownBy(() -> FewShotScores.of(2, 1, one, new long[][] {{1, 1}}))
                .hasMessageContaining("2 right of 1");
        assertThatThrownBy(() -> FewShotScores.of(3, 1, one, one)).hasMessageContaining("3 classes");
        assertThatThrownBy(() -> FewShotScores.of(2, 1, new long[0][], new long[0][]))
                .hasMessageContaining("one session");
        FewShotScores none = FewShotScores.of(1, 1, new long[][] {{1}, {0, 0}}, new long[][] {{1}, {1, 1}});
        assertThat(none.last().harmonic()).as("nothing right").isZero();
        assertThat(Arrays.asList(none.performanceDrop(), none.average())).containsExactly(100.0, 50.0);
    }
}
