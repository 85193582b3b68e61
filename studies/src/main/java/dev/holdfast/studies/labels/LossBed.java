package dev.holdfast.studies.labels;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Loader;
import dev.holdfast.data.Pace;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.WithTruth;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.corrupt.LabelNoise;
import dev.holdfast.data.corrupt.NoiseTruth;
import dev.holdfast.data.source.Splits;
import dev.holdfast.evaluate.metric.TopK;
import dev.holdfast.learner.BackboneConfig;
import dev.holdfast.learner.NetConfig;
import dev.holdfast.learner.baseline.Finetune;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.robust.AldrKl;
import dev.holdfast.optim.config.OptimizerConfig;
import dev.holdfast.study.StudyContext;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Training with one loss on rows whose labels were spoilt, a noisy part of which is held out to choose settings by.
 *
 * @param train noisy rows to learn
 * @param held noisy rows to choose by
 * @param test clean rows
 * @param truth what was done to the labels
 */
record LossBed(Dataset train, Dataset held, Dataset test, NoiseTruth truth) {
    private static final double HELD_OUT = 0.2;
    private static final int CHUNK = 5000;

    /** One of the settings among which a loss may choose. */
    record Setting(double rate, double decay, LossConfig loss) {}

    /** Network and length of every training. */
    record Training(BackboneConfig backbone, int batch, int epochs) {}

    /**
     * What came out of one training.
     *
     * @param held top-1 accuracy on the noisy held-out rows
     * @param test ranks of the true classes of the clean test rows
     * @param drawn mean temperature of the training rows whose label was drawn anew; NaN for other losses
     * @param left the same of the other rows
     */
    record Outcome(double held, TopK test, double drawn, double left) {}

    /** The noise comes first, then a fifth is held out: noisy, too. */
    static LossBed of(DataPair data, LabelNoise noise, int rows, long seed) {
        Rng rng = Rng.of(seed).child("label-robustness");
        int n = Math.toIntExact(Math.min(rows, data.train().size()));
        Dataset some = data.train().subset(Splits.sample(data.train().classIds(), n, rng.child("rows")));
        WithTruth<NoiseTruth> noisy = noise.apply(some, rng.child("noise"));
        Splits.Split parts = Splits.stratified(noisy.data().classIds(), HELD_OUT, rng.child("held-out"));
        return new LossBed(
                noisy.data().subset(parts.train()), noisy.data().subset(parts.test()), data.test(), noisy.truth());
    }

    /** The nine settings of a loss: three rates times its three own, or three decays where it has no number of its own. */
    static List<Setting> settings(LossConfig loss, double... rates) {
        List<Setting> all = new ArrayList<>();
        for (double rate : rates) {
            List<? extends LossConfig> own = loss.grid();
            if (own.size() == 1) {
                for (double decay : new double[] {0, 1e-4, 1e-3}) {
                    all.add(new Setting(rate, decay, own.get(0)));
                }
            } else {
                own.forEach(l -> all.add(new Setting(rate, 1e-4, l)));
            }
        }
        return all;
    }

    /** The outcome that is best on the noisy held-out rows; the first of equals. */
    static int best(List<Outcome> outcomes) {
        return IntStream.range(0, outcomes.size())
                .boxed()
                .max(Comparator.<Integer>comparingDouble(i -> outcomes.get(i).held)
                        .thenComparing(i -> -i))
                .orElseThrow();
    }

    /** Trains to the end and looks at the clean test rows once. */
    Outcome train(StudyContext c, Setting s, Training t, long seed) {
        Rng rng = Rng.of(seed);
        Pace pace = Pace.shuffled(t.epochs, t.batch);
        NetConfig net = new NetConfig(
                t.backbone,
                OptimizerConfig.sgd(s.rate, 0.9).withWeightDecay(s.decay).withCosine(pace.batches(train.size())),
                true);
        try (Scope all = Scope.open();
                Finetune learner =
                        new Finetune(new Finetune.Config(net, s.loss), train.schema(), rng.child("learner"))) {
            Loader loader = train.batches(pace, rng.child("data"));
            while (loader.hasNext() && !c.cancelled()) {
                try (Scope step = Scope.open()) {
                    Batch b = loader.next();
                    learner.learn(b);
                }
            }
            // temperatures are told in their own tables; a run that diverged has no prediction left to rank
            return new Outcome(
                    ranks(learner, held).accuracy(1),
                    ranks(learner, test),
                    temperature(learner, true),
                    temperature(learner, false));
        }
    }

    private static TopK ranks(Finetune learner, Dataset rows) {
        long[] y = rows.classIds();
        TopK all = null;
        for (int from = 0; from < y.length; from += CHUNK) {
            try (Scope s = Scope.open()) {
                int[] at =
                        IntStream.range(from, Math.min(y.length, from + CHUNK)).toArray();
                Prediction p = learner.predict(rows.rows(at).inputs());
                long[] truth = IntStream.of(at).mapToLong(i -> y[i]).toArray();
                TopK part = Tensors.finite(p.scores())
                        ? TopK.of(p, truth)
                        : new TopK(
                                IntStream.generate(p.columns()::size)
                                        .limit(at.length)
                                        .toArray(),
                                truth,
                                p.columns().size());
                all = all == null ? part : all.and(part);
            }
        }
        return all;
    }

    /** Mean temperature of the training rows that were drawn by the noise, or of the others. */
    private double temperature(Finetune learner, boolean drawn) {
        if (!(learner.loss() instanceof AldrKl loss)) {
            return Double.NaN;
        }
        List<Long> ids = new ArrayList<>();
        for (int i = 0; i < truth.ids().length; i++) {
            if (truth.touched()[i] == drawn && loss.temperatures().has(truth.ids()[i])) {
                ids.add(truth.ids()[i]);
            }
        }
        if (ids.isEmpty()) {
            return Double.NaN;
        }
        try (Scope s = Scope.open()) {
            Tensor like = Tensors.zeros(ScalarType.Double, 1);
            return loss.temperatures()
                    .read(ids.stream().mapToLong(Long::longValue).toArray(), like)
                    .mean()
                    .item_double();
        }
    }
}
