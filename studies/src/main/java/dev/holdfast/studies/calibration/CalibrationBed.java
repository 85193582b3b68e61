package dev.holdfast.studies.calibration;

import dev.holdfast.data.Batch;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Target;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.Splits;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.Learner;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.loss.CrossEntropy;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.run.RunContext;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** Logits to calibrate: of networks trained until they are too sure, and synthetic ones with known truth. */
final class CalibrationBed {
    private static final int BATCH = 128;

    private CalibrationBed() {}

    /**
     * Predictions with labels, dealt into a half to fit on and a half to measure on.
     *
     * @param truth true probabilities of the rows to measure on [n, C], or null where nobody knows them
     */
    record Halves(Prediction fit, int[] fitLabels, Prediction test, int[] testLabels, Tensor truth) {
        Target target() {
            return Target.ClassIds.of(Arrays.stream(fitLabels).asLongStream().toArray());
        }
    }

    /** A network trained without any regularisation, and what it says of all test rows; owned. */
    record Trained(Tensor logits, ClassIndex columns, int[] labels) {
        /** One split in halves; classes keep their shares. */
        Halves split(long seed) {
            Splits.Split s = Splits.stratified(
                    Arrays.stream(labels).asLongStream().toArray(),
                    0.5,
                    Rng.of(seed).child("halves"));
            return new Halves(rows(s.train()), labels(s.train()), rows(s.test()), labels(s.test()), null);
        }

        private Prediction rows(int[] which) {
            return new Prediction(Tensors.rows(logits, which), columns, Prediction.Kind.LOGITS);
        }

        private int[] labels(int[] which) {
            return Arrays.stream(which).map(i -> labels[i]).toArray();
        }
    }

    /** Trains on {@code rows} rows and predicts the first {@code most} test rows. */
    static Trained train(RunContext c, DataPair data, BackboneConfig backbone, int rows, int epochs, int most) {
        Rng rng = Rng.of(1).child("over-confident");
        Dataset train = data.train().subset(Splits.sample(data.train().classIds(), rows, rng.child("rows")));
        NetConfig net = new NetConfig(backbone, OptimizerConfig.sgd(0.05, 0.9), true);
        try (Scope all = Scope.open();
                Learner learner = new Finetune(
                        new Finetune.Config(net, new CrossEntropy.Config()), train.schema(), rng.child("learner"))) {
            Loader loader = train.batches(Pace.shuffled(epochs, BATCH), rng.child("order"));
            while (loader.hasNext() && !c.cancelled()) {
                try (Scope s = Scope.open()) {
                    Batch b = loader.next();
                    learner.learn(b);
                    c.progress(b.rows().step(), -1, "training");
                }
            }
            int n = (int) Math.min(most, data.test().size());
            List<Tensor> parts = new ArrayList<>();
            ClassIndex columns = null;
            for (int from = 0; from < n; from += 1000) {
                int[] at = IntStream.range(from, Math.min(n, from + 1000)).toArray();
                Prediction p = learner.predict(data.test().rows(at).inputs());
                columns = p.columns();
                parts.add(p.scores().to(ScalarType.Double));
            }
            return new Trained(
                    Scope.own(Tensors.cat(0, parts.toArray(new Tensor[0]))),
                    columns,
                    columns.columnsOf(Arrays.copyOf(data.test().classIds(), n)));
        }
    }

    /**
     * Synthetic rows of 5 classes. Logits are normal with spread 2.5; the truth is softmax(F(log softmax(z))) with F(x) =
     * -(0.15 t + 0.9 t^2 / (1 + t)), t = -x: nearly flat where the network is sure, steeper further down, so that no
     * temperature mends it.
     */
    static Halves synthetic(int n, long seed) {
        int classes = 5;
        Rng rng = Rng.of(seed).child("synthetic");
        Tensor z = rng.child("z").normal(ScalarType.Double, 2L * n, classes).mul(Tensors.scalar(2.5));
        Tensor t = z.log_softmax(1).neg();
        Tensor bent = t.mul(Tensors.scalar(0.15))
                .add(t.square().mul(Tensors.scalar(0.9)).div(t.add(Tensors.scalar(1))));
        Tensor truth = bent.neg().softmax(1);
        int[] y = draw(truth, rng.child("y"));
        ClassIndex columns = ClassIndex.numbered(classes);
        return new Halves(
                new Prediction(Tensors.slice(z, 0, n), columns, Prediction.Kind.LOGITS),
                Arrays.copyOf(y, n),
                new Prediction(Tensors.slice(z, n, 2L * n), columns, Prediction.Kind.LOGITS),
                Arrays.copyOfRange(y, n, 2 * n),
                Tensors.slice(truth, n, 2L * n));
    }

    private static int[] draw(Tensor p, Rng rng) {
        double[][] rows = Tensors.rows(p);
        int[] y = new int[rows.length];
        for (int i = 0; i < y.length; i++) {
            double u = rng.next();
            while (y[i] < rows[i].length - 1 && u >= rows[i][y[i]]) {
                u -= rows[i][y[i]++];
            }
        }
        return y;
    }
}
