package dev.holdfast.calibrate;

import dev.holdfast.data.Prediction;
import dev.holdfast.data.Target;
import dev.holdfast.run.RunContext;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.State;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Predictions sent through a {@link ProbabilityMap}: checks, float64 inside, the scores' own dtype outside. Where the map
 * keeps the order it keeps the decision, too: classes that rounding made equal are parted again by the last digit.
 * Safe from many threads.
 */
public final class Calibrated implements PostProcessor {
    private static final String CLASSES = "classes";
    private static final String MAP = "map";

    private final ProbabilityMap map;
    private volatile int classes;

    /** {@code classes} 0 = not fitted yet. */
    public Calibrated(ProbabilityMap map, int classes) {
        this.map = map;
        this.classes = classes;
    }

    /** What fits a map to checked rows. */
    public interface Fit<M extends ProbabilityMap> {
        M fit(HeldOut rows, RunContext c);
    }

    /** Checks the rows, fits, and frees the fit's temporaries. */
    public static <M extends ProbabilityMap> Calibrated fit(Prediction raw, Target labels, RunContext c, Fit<M> fit) {
        try (Scope s = Scope.open()) {
            HeldOut rows = HeldOut.of(raw, labels);
            return new Calibrated(fit.fit(rows, c), rows.classes());
        }
    }

    @Override
    public Prediction apply(Prediction p) {
        if (classes == 0) {
            throw new IllegalStateException("This calibration was neither fitted nor loaded.");
        }
        try (Scope s = Scope.open()) {
            Tensor logits = HeldOut.logits(p);
            if (logits.size(1) != classes) {
                throw new IllegalArgumentException("The calibration was fitted on " + classes
                        + " classes but the prediction has " + logits.size(1)
                        + ".\nMaybe the model has learnt more classes since; calibrate it again.");
            }
            Tensor q = map.probabilities(logits).to(p.scores().scalar_type());
            if (map.keepsOrder() && q.size(0) > 0) {
                q = decided(q, logits);
            }
            return new Prediction(s.keep(q), HeldOut.columns(p), Prediction.Kind.PROBABILITIES, null, p.route());
        }
    }

    /** q with the first of the largest logits on top of every row. */
    private static Tensor decided(Tensor q, Tensor logits) {
        LongOptional columns = new LongOptional(1);
        Tensor wanted = logits.argmax(columns, true);
        Tensor moved = q.argmax(columns, true).ne(wanted);
        if (!moved.any().item_bool()) {
            return q;
        }
        double last = q.scalar_type().intern() == ScalarType.Float ? 0x1p-23 : 0x1p-52;
        Tensor top = q.amax(new long[] {1}, true).mul(Tensors.scalar(1 + last));
        Tensor now = q.gather(1, wanted);
        return q.scatter(1, wanted, top.where(moved, now));
    }

    @Override
    public boolean keepsDecision() {
        return map.keepsOrder();
    }

    @Override
    public State state() {
        if (classes == 0) {
            throw new IllegalStateException("This calibration was neither fitted nor loaded.");
        }
        return new State().put(CLASSES, classes).put(MAP, map);
    }

    @Override
    public void load(State saved) {
        int n = Math.toIntExact(saved.integer(CLASSES));
        if (n < 2) {
            throw new IllegalArgumentException("A calibration of " + n + " classes cannot be loaded; expected >= 2.");
        }
        map.load(saved.child(MAP));
        classes = n;
    }
}
