package dev.holdfast.evaluate;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.estimate.RidgeHead;
import dev.holdfast.learner.Differentiable;
import dev.holdfast.learner.Learner;
import dev.holdfast.nn.Pass;
import dev.holdfast.scenario.TestSet;
import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import dev.holdfast.tensor.linalg.RecursiveRidge;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * How useful a learner's features are for a task it has not learnt: the accuracy of a ridge regression on them, fitted to
 * the task's own rows. Exact and without a draw; leaves no trace in the learner.
 */
final class LinearProbe {
    /** Weight of the penalty for each training row, after features were scaled to unit mean square. */
    private static final double GAMMA = 1e-3;

    private LinearProbe() {}

    /** Accuracy of the probe on the test rows. */
    static double accuracy(Learner learner, TestSet task) {
        if (!(learner instanceof Differentiable net)) {
            throw new IllegalArgumentException("Task '" + task.name()
                    + "' is scored by a probe on the learner's features, but this learner has none to read."
                    + "\nMaybe choose a learner with a network, such as finetune.");
        }
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            Dataset probe = task.probe().orElseThrow();
            Batch first = batch(probe, 0, Math.min(Accuracy.CHUNK, (int) probe.size()));
            Tensor raw = net.model().features(first.inputs(), Pass.eval()).to(ScalarType.Double);
            double scale = 1 / Math.max(1e-12, Math.sqrt(raw.mul(raw).mean().item_double()));
            RidgeHead head = new RidgeHead(raw.size(1) + 1, GAMMA * probe.size(), RecursiveRidge.Form.GRAM);
            for (int from = 0; from < probe.size(); from += Accuracy.CHUNK) {
                try (Scope chunk = Scope.open()) {
                    Batch b = batch(probe, from, (int) Math.min(probe.size(), from + Accuracy.CHUNK));
                    head.update(features(net, b, scale), task.classes(), b.classIds());
                }
            }
            long right = 0;
            for (int from = 0; from < task.data().size(); from += Accuracy.CHUNK) {
                try (Scope chunk = Scope.open()) {
                    Batch b =
                            batch(task.data(), from, (int) Math.min(task.data().size(), from + Accuracy.CHUNK));
                    right += right(head.scores(features(net, b, scale)), head.columns(), b.classIds());
                }
            }
            return right / (double) task.data().size();
        }
    }

    private static Batch batch(Dataset d, int from, int to) {
        return d.rows(IntStream.range(from, to).toArray());
    }

    /** Features [n, d + 1] in float64, the last one 1 for the intercept. */
    private static Tensor features(Differentiable net, Batch b, double scale) {
        Tensor f = net.model()
                .features(b.inputs(), Pass.eval())
                .to(ScalarType.Double)
                .mul(new Scalar(scale));
        return Tensors.cat(1, f, f.new_ones(f.size(0), 1));
    }

    private static long right(Tensor scores, ClassIndex columns, long[] truth) {
        long[] said = Tensors.longs(scores.argmax(new LongOptional(1), false));
        return IntStream.range(0, truth.length)
                .filter(i -> columns.columns().get((int) said[i]).classId() == truth[i])
                .count();
    }
}
