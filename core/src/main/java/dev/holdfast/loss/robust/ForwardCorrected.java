package dev.holdfast.loss.robust;

import dev.holdfast.config.Doc;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Prediction;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.loss.Columns;
import dev.holdfast.loss.Loss;
import dev.holdfast.loss.LossConfig;
import dev.holdfast.loss.LossInput;
import dev.holdfast.loss.LossValue;
import dev.holdfast.loss.SampleLosses;
import dev.holdfast.tensor.Stateless;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Cross entropy of the predicted distribution of <em>noisy</em> labels: {@code -log sum_i p_i T[i][y]}, where T[i][j] is
 * the chance that class i is labelled j. The network below learns the distribution of true labels. Soft targets weigh the
 * labels. Pure; safe from any thread.
 *
 * <p>Patrini et al.: <i>Making Deep Neural Networks Robust to Label Noise: a Loss Correction Approach</i>, arXiv
 * 1609.03683, theorem 2.
 */
public final class ForwardCorrected implements Loss, Stateless {
    private static final double TOLERANCE = 1e-6;

    private final ClassIndex classes;
    private final double[][] transition;

    /** T over the classes of the index, in its order: rows sum to 1, the diagonal is > 0. */
    public ForwardCorrected(ClassIndex classes, double[][] transition) {
        if (transition.length != classes.size()) {
            throw new IllegalArgumentException("The transition matrix has " + transition.length + " rows but there are "
                    + classes.size() + " classes.");
        }
        for (int i = 0; i < transition.length; i++) {
            double sum = 0;
            if (transition[i].length != classes.size()) {
                throw new IllegalArgumentException("Row " + i + " of the transition matrix has " + transition[i].length
                        + " entries but there are " + classes.size() + " classes.");
            }
            for (double t : transition[i]) {
                if (!(t >= 0)) {
                    throw new IllegalArgumentException(
                            "Row " + i + " of the transition matrix holds " + t + "; expected chances >= 0.");
                }
                sum += t;
            }
            if (Math.abs(sum - 1) > TOLERANCE || transition[i][i] == 0) {
                throw new IllegalArgumentException("Row " + i + " of the transition matrix sums to " + sum
                        + " and keeps its own class with chance " + transition[i][i]
                        + "; expected the sum 1 and a chance > 0.");
            }
        }
        this.classes = classes;
        this.transition = transition;
    }

    /**
     * @param transition row i: how class i is labelled, over the declared classes in their order; empty = without noise
     */
    public record Config(
            @Doc("chances T[i][j] that class i is labelled j, row by row; empty = no noise")
                    List<List<Double>> transition)
            implements LossConfig {
        public Config {
            transition = transition.stream().map(List::copyOf).toList();
        }

        /** Without noise: cross entropy. */
        public Config() {
            this(List.of());
        }

        /** This matrix. */
        public static Config of(double[][] transition) {
            List<List<Double>> rows = new ArrayList<>();
            for (double[] row : transition) {
                List<Double> r = new ArrayList<>();
                for (double t : row) {
                    r.add(t);
                }
                rows.add(r);
            }
            return new Config(rows);
        }

        @Override
        public String kind() {
            return "forward";
        }

        @Override
        public ForwardCorrected build(Schema schema) {
            int n = schema.classes().size();
            double[][] t = new double[n][n];
            if (transition.isEmpty()) {
                for (int i = 0; i < n; i++) {
                    t[i][i] = 1;
                }
            } else {
                t = transition.stream()
                        .map(r -> r.stream().mapToDouble(Double::doubleValue).toArray())
                        .toArray(double[][]::new);
            }
            return new ForwardCorrected(schema.classes(), t);
        }
    }

    @Override
    public LossValue value(LossInput in) {
        Tensor scores = Columns.among(in.scores(), in);
        // log sum_i exp(log p_i + log T_ij): exact also where p underflows; an impossible label has log T = -infinity
        Tensor noisy = scores.log_softmax(1)
                .unsqueeze(2)
                .add(logs(in).to(scores.device(), scores.scalar_type()))
                .logsumexp(1);
        Tensor perSample;
        if (in.target() instanceof Target.ClassIds hard) {
            perSample = noisy.gather(1, Tensors.ids(Columns.of(hard, in)).unsqueeze(1))
                    .squeeze(1)
                    .neg();
        } else if (in.target() instanceof Target.Soft soft) {
            Columns.requireLike("Soft targets", soft.p(), in);
            perSample = Columns.among(soft.p(), in)
                    .to(noisy.scalar_type())
                    .mul(noisy)
                    .sum(1)
                    .neg();
        } else {
            throw Columns.unfit("Forward correction", "one class or one distribution a row", in);
        }
        return new SampleLosses("forward-corrected", perSample, LossValue.Reduction.MEAN);
    }

    /** log T over the columns that take part, in their order. */
    private Tensor logs(LossInput in) {
        int[] kept = in.among() == null
                ? java.util.stream.IntStream.range(0, in.columns().size()).toArray()
                : Columns.kept(in);
        int[] at = new int[kept.length];
        for (int k = 0; k < at.length; k++) {
            ClassIndex.Column c = in.columns().columns().get(kept[k]);
            at[k] = classes.columnOf(c.classId());
            if (at[k] < 0) {
                throw new IllegalArgumentException(
                        "Class " + c.classId() + " has a score but no row in the transition matrix.");
            }
        }
        double[][] logs = new double[at.length][at.length];
        for (int i = 0; i < at.length; i++) {
            for (int j = 0; j < at.length; j++) {
                logs[i][j] = Math.log(transition[at[i]][at[j]]);
            }
        }
        return Tensors.of(logs);
    }

    @Override
    public Prediction.Kind expects() {
        return Prediction.Kind.LOGITS;
    }
}
