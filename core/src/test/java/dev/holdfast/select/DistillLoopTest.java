package dev.holdfast.select;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.nn.layer.Init;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.testing.NativeMemory;
import java.util.Arrays;
import java.util.stream.LongStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A student of two clouds; the teacher knows them, and is told from which row an answer comes by its id. */
@ExtendWith(NativeMemory.class)
class DistillLoopTest {
    private static final int POOL = 60;

    private static Dataset clouds(int n, long firstId, Rng rng) {
        long[] y = LongStream.range(0, n).map(i -> i % 2).toArray();
        double[] shift = Arrays.stream(y).mapToDouble(c -> c == 0 ? -2 : 2).toArray();
        Tensor x =
                rng.normal(n, 2).add(Tensors.of(shift, n, 1).to(rng.uniform(1).scalar_type()));
        return MemoryDataset.of(
                Schema.vectors(2, ClassIndex.numbered(2)),
                Inputs.of(x),
                Target.ClassIds.of(y),
                LongStream.range(firstId, firstId + n).toArray());
    }

    private static Tensor truth(long... ids) {
        return Tensors.of(Arrays.stream(ids)
                .mapToObj(i -> i % 2 == 0 ? new double[] {1, 0} : new double[] {0, 1})
                .toArray(double[][]::new));
    }

    private static DistillLoop loop(int rounds) {
        return new DistillLoop(
                new NetConfig(BackboneConfig.mlp(Init.KAIMING_UNIFORM, 8), OptimizerConfig.adam(0.01), false),
                20,
                16,
                new RobustQuery(),
                rounds);
    }

    @Test
    void theBudgetIsSpentOnDifferentRowsAndTheStudentLearns() {
        Dataset labelled = clouds(4, 0, Rng.of(1));
        Dataset pool = clouds(POOL, 1000, Rng.of(2));
        Dataset test = clouds(200, 5000, Rng.of(3));
        for (int rounds : new int[] {1, 3}) {
            try (QueriedTeacher t = new QueriedTeacher(DistillLoopTest::truth, 20)) {
                DistillLoop.Result r = loop(rounds).run(labelled, pool, t, 0.1, Rng.of(4));
                assertThat(t.asked()).isEqualTo(20);
                assertThat(r.asked()).hasSize(20).doesNotHaveDuplicates().allMatch(i -> i >= 0 && i < POOL);
                assertThat(r.gains()).hasSize(20).allMatch(g -> g >= 0 && g <= 1);
                int[] said = r.student()
                        .predict(test.rows(LongStream.range(0, 200)
                                        .mapToInt(i -> (int) i)
                                        .toArray())
                                .inputs())
                        .classes();
                int right = 0;
                for (int i = 0; i < said.length; i++) {
                    right += said[i] == i % 2 ? 1 : 0;
                }
                assertThat(right).isGreaterThan(190);
                try (QueriedTeacher again = new QueriedTeacher(DistillLoopTest::truth, 20)) {
                    assertThat(loop(rounds)
                                    .run(labelled, pool, again, 0.1, Rng.of(4))
                                    .asked())
                            .isEqualTo(r.asked());
                }
            }
        }
    }

    @Test
    void budgetsThatDoNotFitAreRefusedBeforeAnythingIsAsked() {
        Dataset labelled = clouds(4, 0, Rng.of(1));
        Dataset pool = clouds(10, 1000, Rng.of(2));
        try (QueriedTeacher t = new QueriedTeacher(DistillLoopTest::truth, 11)) {
            assertThatThrownBy(() -> loop(1).run(labelled, pool, t, 0.1, Rng.of(4)))
                    .hasMessageContaining("11 answers does not fit a pool of 10 rows");
            assertThat(t.asked()).isZero();
        }
        assertThatThrownBy(() -> loop(0)).hasMessageContaining("rounds must be >= 1");
    }
}
