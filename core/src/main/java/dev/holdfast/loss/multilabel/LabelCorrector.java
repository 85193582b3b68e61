package dev.holdfast.loss.multilabel;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Prediction;
import dev.holdfast.loss.LabelMatrix;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.loss.SampleTable;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Reflective label corrector: a label that is recorded as absent counts as present where the network says so more surely
 * than a threshold and than it says of the class at large. The multi-focal loss on the corrected labels, its class factor
 * from the given counts and what was recalled in this epoch.
 *
 * <pre>
 * recalled[i,c]:  y = 0  and  p > max(tau, P_c)
 * loss = B / N * multi-focal(z, corrected),    h from n_c + recalled of this epoch, these rows included
 * </pre>
 *
 * <p>P_c is the mean probability of the class, over the batch or running; the logits of labels that were given are lowered
 * by the margin first. Labels are corrected inside the loss only. What was recalled is remembered by sample id with the
 * number of times: the list of labels that seem to be missing. {@link #observe} comes before {@link #value} in a step.
 *
 * <p>Zhang et al.: <i>Learning in Imperfect Environment</i> (COMIC), arXiv 2304.10539, section 3.1, equations 1 to 4;
 * margin, batch mean and B / N as in the authors' code. One thread.
 */
public final class LabelCorrector implements Loss {
    /** Over what the mean probability of a class is taken. */
    public enum ClassMean {
        /** The rows of the batch, as in the authors' code. */
        BATCH,
        /** All rows so far, older ones fading. */
        RUNNING
    }

    /** What N is. */
    public enum Share {
        /** Labels recalled in the batch, at least 1; the paper's words. */
        RECALLED,
        /** All present labels after the correction, as in the authors' code. */
        PRESENT
    }

    /**
     * @param tau threshold in (0, 1]; 1 recalls nothing
     * @param margin taken off the logits of given labels
     * @param momentum share of the old running mean, in [0, 1)
     * @param batch B; 0 = rows of the batch
     * @param from epoch, from 0, from which the loss counts
     * @param loss on the corrected labels; its co-occurrence is not used
     */
    public record Config(
            @Doc("probability that a missing label must exceed") double tau,
            @Doc("taken off the logits of given labels") double margin,
            @Doc("mean probability of a class over the batch or running") ClassMean mean,
            @Doc("share of the old running mean in the new one") double momentum,
            @Doc("B / N with N = recalled or all present labels") Share share,
            @Doc("B; 0 = rows of the batch") int batch,
            @Doc("first epoch, from 0, that corrects labels") int from,
            @Doc("the loss on the corrected labels") MultiFocal.Config loss) {
        public Config {
            if (!(tau > 0 && tau <= 1) || !(momentum >= 0 && momentum < 1) || !Double.isFinite(margin)) {
                throw new IllegalArgumentException(
                        "Expected tau in (0, 1], momentum in [0, 1) and a finite margin but got " + tau + ", "
                                + momentum + " and " + margin + ".");
            }
            if (batch < 0 || from < 0 || mean == null || share == null) {
                throw new IllegalArgumentException("Expected batch >= 0, from >= 0, a mean and a share but got " + batch
                        + ", " + from + ", " + mean + ", " + share + ".");
            }
            loss = loss.withCoOccurrence(false);
        }

        /** The same with another loss on the corrected labels. */
        public Config with(MultiFocal.Config other) {
            return new Config(tau, margin, mean, momentum, share, batch, from, other);
        }

        /** The authors' code: tau 0.7, margin 1, mean of the batch, 32 over all present labels, from the second epoch. */
        public static Config released() {
            return new Config(
                    0.7, 1, ClassMean.BATCH, 0.9, Share.PRESENT, 32, 1, new MultiFocal.Config().withExponent(1.0 / 6));
        }

        /** The paper's words: no margin, running mean, rows of the batch over recalled labels. */
        public static Config paper() {
            return new Config(
                    0.7,
                    0,
                    ClassMean.RUNNING,
                    0.9,
                    Share.RECALLED,
                    0,
                    1,
                    MultiFocal.Config.paper().withExponent(1.0 / 6));
        }
    }

    /**
     * A label that seems to be missing.
     *
     * @param id of the sample
     * @param classId of the label
     * @param hits times that it was recalled
     */
    public record Recall(long id, int classId, long hits) {}

    private final Config config;
    private final LabelCounts given;
    private final SampleTable hits;
    private Tensor recalledNow;
    private Tensor mean;
    private boolean seen;
    private long epoch = -1;

    /** @param given counts of the labels as they are recorded, at least one; they may grow */
    public LabelCorrector(Config config, LabelCounts given, int labels) {
        this.config = config;
        this.given = given;
        this.hits = new SampleTable(labels, 0, SampleTable.Precision.FLOAT32, SampleTable.Duplicates.LAST_WINS);
        this.recalledNow = Scope.own(Tensors.zeros(ScalarType.Double, labels));
        this.mean = Scope.own(Tensors.zeros(ScalarType.Double, labels));
    }

    /** Whether the loss counts in an epoch. */
    public boolean active(int atEpoch) {
        return atEpoch >= config.from;
    }

    /** Entries [n, L] in {0, 1} that are recorded as absent and counted as present. */
    public Tensor recalled(Tensor logits, Tensor labels) {
        Tensor p = shifted(logits.detach(), labels).sigmoid();
        Tensor of = config.mean == ClassMean.RUNNING && seen ? mean.to(p.scalar_type()) : p.mean(new long[] {0});
        return recalled(p, labels, of, config.tau);
    }

    /** The rule itself: probabilities [n, L], labels [n, L], mean probability of each class [L]. */
    public static Tensor recalled(Tensor p, Tensor labels, Tensor mean, double tau) {
        Tensor over = p.gt(mean.clamp_min(Tensors.scalar(tau))).to(labels.scalar_type());
        return over.mul(Tensors.scalarLike(labels, 1).sub(labels));
    }

    private Tensor shifted(Tensor logits, Tensor labels) {
        return logits.sub(labels.mul(Tensors.scalar(config.margin)));
    }

    /** Takes in training rows of an epoch that counts: means, what is recalled, and which samples it was. */
    @Override
    public void observe(LossInput in) {
        if (!in.training()) {
            return;
        }
        LabelMatrix m = whole(in);
        Tensors.requireFinite("Scores for the label corrector", in.scores());
        try (Scope s = Scope.open()) {
            if (config.mean == ClassMean.RUNNING) {
                Tensor now = shifted(m.scores().detach(), m.labels())
                        .sigmoid()
                        .mean(new long[] {0})
                        .to(ScalarType.Double);
                if (seen) {
                    mean.mul_(Tensors.scalar(config.momentum)).add_(now, Tensors.scalar(1 - config.momentum));
                } else {
                    mean.copy_(now);
                }
                seen = true;
            }
            if (!active(in.rows().epoch())) {
                return;
            }
            if (in.rows().epoch() != epoch) {
                recalledNow.zero_();
                epoch = in.rows().epoch();
            }
            Tensor r = recalled(m.scores(), m.labels());
            recalledNow.add_(r.sum(0).to(ScalarType.Double));
            remember(in.rows().ids(), r);
        }
    }

    /** Only rows with a recalled label, and with a stable id, take a place in the table. */
    private void remember(long[] ids, Tensor r) {
        double[] any = Tensors.doubles(r.sum(1));
        int[] at = java.util.stream.IntStream.range(0, ids.length)
                .filter(i -> any[i] > 0 && ids[i] >= 0)
                .toArray();
        if (at.length > 0) {
            long[] some = java.util.Arrays.stream(at).mapToLong(i -> ids[i]).toArray();
            Tensor more = Tensors.rows(r, at);
            hits.write(some, hits.read(some, more).add(more));
        }
    }

    private LabelMatrix whole(LossInput in) {
        if (in.among() != null) {
            throw new IllegalArgumentException("A label corrector corrects all labels at once; some are masked here.");
        }
        LabelMatrix m = LabelMatrix.of("A label corrector", in);
        Tensors.requireShape("scores for the label corrector", m.scores(), -1, recalledNow.size(0));
        return m;
    }

    /** 0 for every row before the first epoch that counts. */
    @Override
    public LossValue value(LossInput in) {
        LabelMatrix m = whole(in);
        if (!active(in.rows().epoch())) {
            return new SampleLosses(
                    "label-corrector", Tensors.zerosLike(m.scores(), m.scores().size(0)), LossValue.Reduction.SUM);
        }
        Tensor r = recalled(m.scores(), m.labels());
        Tensor corrected = m.labels().add(r);
        Tensor each = MultiFocal.each(config.loss, shifted(m.scores(), m.labels()), corrected, counts());
        double batch = config.batch == 0 ? m.scores().size(0) : config.batch;
        Tensor n = (config.share == Share.PRESENT ? corrected : r).sum();
        // without a label to share among, the factor is 1
        Tensor factor = torch.where(
                n.gt(Tensors.scalar(0)),
                n.clamp_min(Tensors.scalar(1)).reciprocal().mul(Tensors.scalar(batch)),
                Tensors.scalarLike(n, 1));
        return new SampleLosses("label-corrector", m.sums(each).mul(factor), LossValue.Reduction.SUM);
    }

    /** The given counts with what was recalled in this epoch; in the caller's scope. */
    public LabelCounts counts() {
        return given.plus(recalledNow);
    }

    /** Every label that was recalled, most often first, then by sample and class. */
    public List<Recall> recalls() {
        List<Recall> all = new ArrayList<>();
        try (Scope s = Scope.open()) {
            long[] ids = hits.ids();
            double[][] n = Tensors.rows(hits.rows());
            for (int i = 0; i < ids.length; i++) {
                for (int c = 0; c < n[i].length; c++) {
                    if (n[i][c] > 0) {
                        all.add(new Recall(ids[i], c, (long) n[i][c]));
                    }
                }
            }
        }
        all.sort(Comparator.comparingLong((Recall r) -> -r.hits)
                .thenComparingLong(Recall::id)
                .thenComparingInt(Recall::classId));
        return List.copyOf(all);
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.SIGMOID_LOGITS;
    }

    @Override
    public State state() {
        return new State()
                .put("epoch", epoch)
                .put("seen", seen ? 1L : 0L)
                .put("recalled", recalledNow)
                .put("mean", mean)
                .put("hits", hits);
    }

    @Override
    public void load(State saved) {
        Tensor r = saved.tensor("recalled");
        Tensor m = saved.tensor("mean");
        Tensors.requireShape("saved recalls", r, recalledNow.size(0));
        Tensors.requireShape("saved class means", m, recalledNow.size(0));
        long newEpoch = saved.integer("epoch");
        boolean newSeen = saved.integer("seen") == 1;
        hits.load(saved.child("hits"));
        recalledNow = Scope.own(Tensors.copy(r.to(ScalarType.Double)));
        mean = Scope.own(Tensors.copy(m.to(ScalarType.Double)));
        epoch = newEpoch;
        seen = newSeen;
    }
}
