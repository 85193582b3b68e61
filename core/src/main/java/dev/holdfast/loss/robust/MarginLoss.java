package dev.holdfast.loss.robust;

import dev.holdfast.config.Doc;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import java.util.stream.Stream;
import org.bytedeco.pytorch.Tensor;

/**
 * The multi-class hinge losses of the margins delta_k = f_k - f_y + margin (k != y), delta_y = 0: their maximum, or the
 * mean of their positive parts. One class a row. Pure; safe from any thread.
 *
 * @param rivals which rivals count
 * @param margin >= 0
 */
public record MarginLoss(Rivals rivals, double margin) implements Loss, Stateless {
    /** Which rivals of the labelled class count. */
    public enum Rivals {
        /** The worst: Crammer, Singer, JMLR 2, 2001. */
        WORST,
        /** All that come too near, over the number of classes: Weston, Watkins, ESANN 1999, and the code of arXiv 2112.14869. */
        ALL
    }

    public MarginLoss {
        Margins.requireMargin(margin);
    }

    /**
     * The loss of Crammer and Singer: the largest of the margins, at least 0.
     *
     * @param margin >= 0
     */
    public record CrammerSinger(@Doc("by how much the labelled class should win, >= 0") double margin)
            implements LossConfig {
        public CrammerSinger {
            Margins.requireMargin(margin);
        }

        public CrammerSinger() {
            this(1);
        }

        @Override
        public String kind() {
            return "crammer-singer";
        }

        @Override
        public List<CrammerSinger> grid() {
            return Stream.of(0.1, 1.0, 10.0).map(CrammerSinger::new).toList();
        }

        @Override
        public MarginLoss build(Schema schema) {
            return new MarginLoss(Rivals.WORST, margin);
        }
    }

    /**
     * The loss of Weston and Watkins: the positive parts of the margins, over the number of classes.
     *
     * @param margin >= 0
     */
    public record WestonWatkins(@Doc("by how much the labelled class should win, >= 0") double margin)
            implements LossConfig {
        public WestonWatkins {
            Margins.requireMargin(margin);
        }

        public WestonWatkins() {
            this(1);
        }

        @Override
        public String kind() {
            return "weston-watkins";
        }

        @Override
        public List<WestonWatkins> grid() {
            return Stream.of(0.1, 1.0, 10.0).map(WestonWatkins::new).toList();
        }

        @Override
        public MarginLoss build(Schema schema) {
            return new MarginLoss(Rivals.ALL, margin);
        }
    }

    @Override
    public LossValue value(LossInput in) {
        Tensor deltas = Margins.of(in, margin, ScoreScale.NONE, "A margin loss").deltas();
        // the label's own 0 keeps the maximum from falling below it
        Tensor each = rivals == Rivals.WORST
                ? deltas.topk(1, 1, true, false).get0().sum(1)
                : deltas.relu().sum(1).div(Tensors.scalar(deltas.size(1)));
        return new SampleLosses("margin", each, LossValue.Reduction.MEAN);
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.LOGITS;
    }
}
