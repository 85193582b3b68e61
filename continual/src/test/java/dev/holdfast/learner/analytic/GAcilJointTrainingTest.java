package dev.holdfast.learner.analytic;

import static org.assertj.core.api.Assertions.assertThat;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.source.BundledSample;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.estimate.RidgeHead;
import dev.holdfast.evaluate.Run;
import dev.holdfast.run.MetricLog;
import dev.holdfast.scenario.ClassIncremental;
import dev.holdfast.scenario.Dealing;
import dev.holdfast.scenario.Scenario;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.Ridge;
import dev.holdfast.testing.NativeMemory;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** On real images, class by class in small batches, G-ACIL ends at the weights of joint ridge regression. */
@ExtendWith(NativeMemory.class)
class GAcilJointTrainingTest {
    @Test
    void endsAtTheWeightsOfJointTraining() {
        MemoryDataset train = BundledSample.train();
        Scenario stream = ClassIncremental.of(
                new ClassIncremental.Config(2, 2, ClassIncremental.Order.SEEDED, false, Dealing.offline(1, 16)),
                train,
                BundledSample.test(),
                Rng.of(1));
        GAcil.Config config = new GAcil.Plugin().defaults();
        try (ClosedFormLearner learner = GAcil.create(config, train.schema(), Rng.of(1))) {
            new Run(learner, stream, List.of(), new MetricLog(), Rng.of(1)).finish();
            RidgeHead head = (RidgeHead) learner.head();
            Batch all =
                    train.rows(IntStream.range(0, Math.toIntExact(train.size())).toArray());
            Tensor h = learner.rows(all.inputs());
            ClassIndex columns = learner.predict(train.rows(0).inputs()).columns();
            Tensor joint =
                    Ridge.fit(h, Tensors.oneHot(columns.columnsOf(all.classIds()), columns.size(), h), config.gamma());
            assertThat(head.weight().sub(joint).abs().max().item_double()).isLessThan(1e-6);
            try (Scope s = Scope.open()) {
                Tensor scores = h.matmul(joint).sub(head.scores(h));
                assertThat(scores.abs().max().item_double()).isLessThan(1e-6);
            }
        }
    }
}
