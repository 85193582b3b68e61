package dev.holdfast.evaluate;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.tree.LabelTrees;
import dev.holdfast.learner.Capabilities;
import dev.holdfast.learner.Footprint;
import dev.holdfast.learner.Learner;
import dev.holdfast.run.MetricLog;
import dev.holdfast.run.StepReport;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.HierarchicalStream;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.Clouds;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** Levels are scored by the best of their own columns, on classes seen. */
@ExtendWith(NativeMemory.class)
class LevelEvaluatorTest {
    /** Says the same of every row: class "a" above, class 0 below, and once more classes are known class 3. */
    private static final class Stubborn implements Learner {
        private final ClassIndex all;
        private int known;

        Stubborn(ClassIndex all) {
            this.all = all;
        }

        @Override
        public Capabilities capabilities() {
            return Capabilities.of();
        }

        @Override
        public StepReport learn(Batch b) {
            for (long y : b.classIds()) {
                known |= 1 << y;
            }
            return new StepReport(Double.NaN, b.size());
        }

        @Override
        public Prediction predict(Inputs x) {
            ClassIndex.Column[] seen = all.columns().stream()
                    .filter(c -> (known & 1 << c.classId()) != 0)
                    .toArray(ClassIndex.Column[]::new);
            double[][] s = new double[x.size()][seen.length];
            for (double[] row : s) {
                for (int c = 0; c < seen.length; c++) {
                    row[c] = switch (seen[c].name()) {
                        case "a" -> 100;
                        case "0" -> 1;
                        case "3" -> 2;
                        default -> 0;
                    };
                }
            }
            return new Prediction(Tensors.of(s), ClassIndex.of(List.of(seen)), Prediction.Kind.LOGITS);
        }

        @Override
        public Footprint footprint() {
            return new Footprint(0, 0, "");
        }

        @Override
        public State state() {
            return new State().put("known", known);
        }

        @Override
        public void load(State saved) {
            known = (int) saved.integer("known");
        }
    }

    private static Scenario stream() {
        MemoryDataset d = Clouds.of(4, 6, 2, 1, "train");
        return HierarchicalStream.of(
                new HierarchicalStream.Config(
                        HierarchicalStream.Expansion.DUAL,
                        0,
                        2,
                        ClassIncremental.Order.NATURAL,
                        new Dealing(1, 4, true, false)),
                LabelTrees.parse("four", "a,\nb,\n0,a\n1,a\n2,a\n3,b\n"),
                d,
                d,
                Rng.of(1));
    }

    @Test
    void eachLevelHasItsOwnBestColumn() {
        Scenario s = stream();
        MetricLog log = new MetricLog();
        LevelEvaluator levels = new LevelEvaluator(s, 6, 100, Rng.of(2));
        new Run(new Stubborn(s.schema().classes()), s, List.of(levels, new TaskEvaluator(s)), log, Rng.of(3)).finish();
        LevelScores scores = levels.scores(log);
        LevelScores.Level coarse = scores.levels().get(0);
        LevelScores.Level fine = scores.levels().get(1);
        // three of four classes lie below a, at all times
        assertThat(coarse.last()).isEqualTo(0.75);
        assertThat(coarse.average()).isEqualTo(0.75);
        assertThat(coarse.areaUnderCurve()).isEqualTo(0.75);
        assertThat(coarse.forgetting()).isZero();
        // of classes 0 and 1 half are right; of all four, class 3 alone
        assertThat(fine.classes()).isEqualTo(4);
        assertThat(fine.last()).isEqualTo(0.25);
        assertThat(fine.average()).isEqualTo((0.5 + 0.25) / 2);
        // class 0 was known and is lost
        assertThat(fine.forgetting()).isEqualTo(1);
        // 3 lies below b, but a is said
        assertThat(scores.consistency()).isZero();
        // the square of tasks agrees: coarse, classes 0 and 1, classes 2 and 3
        double[][] square = log.square(TaskEvaluator.ACCURACY);
        assertThat(square[0]).containsExactly(0.75, 0, 0);
        assertThat(square[1]).containsExactly(0.75, 0.5, 0);
        assertThat(square[2]).containsExactly(0.75, 0, 0.5);
    }

    @Test
    void flatStreamsHaveOneLevel() {
        MemoryDataset d = Clouds.of(4, 6, 2, 1, "train");
        Scenario s = ClassIncremental.of(
                new ClassIncremental.Config(
                        0, 2, ClassIncremental.Order.NATURAL, false, new Dealing(1, 4, true, false)),
                d,
                d,
                Rng.of(1));
        MetricLog log = new MetricLog();
        LevelEvaluator levels = new LevelEvaluator(s, 100, 2, Rng.of(2));
        new Run(new Stubborn(s.schema().classes()), s, List.of(levels), log, Rng.of(3)).finish();
        LevelScores scores = levels.scores(log);
        assertThat(scores.levels()).singleElement().satisfies(l -> {
            assertThat(l.last()).isEqualTo(0.25);
            assertThat(l.areaUnderCurve()).isEqualTo(l.average());
        });
        assertThat(scores.consistency()).isNull();
        assertThatThrownBy(() -> new LevelEvaluator(s, 0, 2, Rng.of(2))).hasMessageContaining("every >= 1");
    }
}
