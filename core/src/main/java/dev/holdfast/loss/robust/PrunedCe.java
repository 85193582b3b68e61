package dev.holdfast.loss.robust;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Rows;
import dev.holdfast.data.Schema;
import dev.holdfast.loss.Columns;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.loss.SampleTable;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/**
 * Generalised cross entropy of the samples whose label the network believes: {@code w_i (1 - p_y^q) / q} with {@code w_i =
 * 1[p_y > threshold]}, kept by sample id.
 *
 * <p>Which samples are kept is settled anew in some epochs ({@code firstEpoch}, and every {@code everyEpochs} after it):
 * {@link #observe} judges each row as it passes, before it is learnt. Until it was judged a sample is kept. The authors of
 * arXiv 2112.14869 spend these epochs on judging alone, without a step; here they are epochs of training like the others,
 * so that a loss needs no pass of its own over the data. Where all rows of a batch are pruned, the loss is 0. One thread.
 *
 * <p>Zhang, Sabuncu: <i>Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels</i>, arXiv
 * 1805.07836, section 3.3 (truncated loss, its alternating algorithm).
 */
public final class PrunedCe implements Loss {
    /**
     * @param q exponent in (0, 1]
     * @param threshold probability that a label needs to be kept, in [0, 1)
     * @param firstEpoch epoch, from 0, in which samples are first judged
     * @param everyEpochs epochs from one judgement to the next, >= 1
     */
    public record Config(
            @Doc("exponent in (0, 1]: near 0 cross entropy, 1 absolute error") double q,
            @Doc("probability that a label needs for its sample to be kept, in [0, 1)") double threshold,
            @Doc("epoch, from 0, in which samples are first judged") int firstEpoch,
            @Doc("epochs from one judgement to the next, >= 1") int everyEpochs,
            @Doc("what to do when a batch names a sample twice") SampleTable.Duplicates duplicates)
            implements LossConfig {
        public Config {
            new GeneralisedCe(q, threshold);
            if (firstEpoch < 0 || everyEpochs < 1) {
                throw new IllegalArgumentException("firstEpoch must be >= 0 and everyEpochs >= 1 but they are "
                        + firstEpoch + " and " + everyEpochs + ".");
            }
        }

        /** q = 0.7, threshold 0.5, judged every 10 epochs from the 50th on. */
        public Config() {
            this(0.7, 0.5, 50, 10);
        }

        public Config(double q, double threshold, int firstEpoch, int everyEpochs) {
            this(q, threshold, firstEpoch, everyEpochs, SampleTable.Duplicates.REFUSE);
        }

        @Override
        public String kind() {
            return "tgce";
        }

        @Override
        public List<Config> grid() {
            return Stream.of(0.05, 0.7, 0.95)
                    .map(e -> new Config(e, threshold, firstEpoch, everyEpochs, duplicates))
                    .toList();
        }

        @Override
        public PrunedCe build(Schema schema) {
            return new PrunedCe(this);
        }

        @Override
        public boolean remembersSamples() {
            return true;
        }
    }

    private final Config config;
    private final GeneralisedCe gce;
    private final SampleTable kept;

    public PrunedCe(Config config) {
        this.config = config;
        this.gce = new GeneralisedCe(config.q);
        this.kept = new SampleTable(1, 1, SampleTable.Precision.FLOAT32, config.duplicates);
    }

    /** 1 or 0 by sample id: whether a sample counts. */
    public SampleTable kept() {
        return kept;
    }

    @Override
    public void requireFits(Rows rows) {
        SampleTable.requireFit(rows.ids(), config.duplicates);
    }

    /** Judges the rows, in training and in an epoch of judgement; else does nothing. */
    @Override
    public void observe(LossInput in) {
        int epoch = in.rows().epoch();
        if (in.training() && epoch >= config.firstEpoch && (epoch - config.firstEpoch) % config.everyEpochs == 0) {
            judge(in);
        }
    }

    /** Settles which of these rows are kept: those whose label has more than the threshold. */
    public void judge(LossInput in) {
        try (Scope s = Scope.open()) {
            Tensors.requireFinite("Scores that are to be judged", in.scores());
            Tensor p = Columns.among(in.scores().detach(), in).softmax(1);
            Tensor believed = Columns.weigh(p, in, "Pruned cross entropy").gt(Tensors.scalar(config.threshold));
            kept.write(in.rows().ids(), believed.to(p.scalar_type()).unsqueeze(1));
        }
    }

    @Override
    public LossValue value(LossInput in) {
        Tensor each = gce.value(in).perSample();
        Tensor weight = kept.read(in.rows().ids(), each).squeeze(1);
        return new SampleLosses("pruned-cross-entropy", each.mul(weight), LossValue.Reduction.MEAN);
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.LOGITS;
    }

    @Override
    public State state() {
        return new State().put("kept", kept);
    }

    @Override
    public void load(State saved) {
        State k = saved.child("kept");
        Tensors.requireShape("saved keep marks", k.tensor("rows"), -1, 1);
        kept.load(k);
    }
}
