package dev.holdfast.learner;

import dev.holdfast.config.Frozen;
import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.Dataset;
import dev.holdfast.loss.SampleTable;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A learner that keeps an opinion of its own about the class of every training sample it saw. */
@Frozen
public interface SampleEstimates {
    /** The opinions now; empty if the configuration keeps none, or before the first batch. */
    Optional<Estimates> sampleEstimates();

    /**
     * Running class probabilities of training samples; Java numbers, so that they outlive the learner.
     *
     * @param ids stable ids of the samples, in the order in which they were first seen
     * @param p probabilities [sample][column], rows sum to 1; a row without mass is uniform
     * @param columns meaning of the columns
     */
    record Estimates(long[] ids, double[][] p, ClassIndex columns) {
        /** The rows of a table, made to sum to 1. */
        public static Estimates of(SampleTable table, ClassIndex columns) {
            try (Scope s = Scope.open()) {
                double[][] p = Tensors.rows(table.rows());
                for (double[] row : p) {
                    double sum = 0;
                    for (double v : row) {
                        sum += v;
                    }
                    for (int c = 0; c < row.length; c++) {
                        row[c] = sum > 0 ? row[c] / sum : 1.0 / row.length;
                    }
                }
                return new Estimates(table.ids(), p, columns);
            }
        }

        /** The mean of these and other estimates of the same columns; a sample that only one side knows keeps that. */
        public Estimates and(Estimates other) {
            Map<Long, double[]> theirs = new HashMap<>();
            for (int i = 0; i < other.ids.length; i++) {
                theirs.put(other.ids[i], other.p[i]);
            }
            List<Long> all = new ArrayList<>();
            List<double[]> rows = new ArrayList<>();
            for (int i = 0; i < ids.length; i++) {
                double[] row = p[i].clone();
                double[] twin = theirs.remove(ids[i]);
                // columns that the other side has not seen yet count as zero there
                for (int c = 0; twin != null && c < row.length; c++) {
                    row[c] = (row[c] + (c < twin.length ? twin[c] : 0)) / 2;
                }
                all.add(ids[i]);
                rows.add(row);
            }
            for (int i = 0; i < other.ids.length; i++) {
                if (theirs.containsKey(other.ids[i])) {
                    all.add(other.ids[i]);
                    rows.add(other.p[i].clone());
                }
            }
            return new Estimates(
                    all.stream().mapToLong(Long::longValue).toArray(), rows.toArray(new double[0][]), columns);
        }

        /**
         * The samples whose estimate contradicts their label, the most doubtful first: those for which the probability of
         * the best class exceeds that of the given one by more than {@code margin}.
         *
         * @param data the training data with the labels as given; samples without an estimate are left out
         * @param margin in [0, 1); 0 = every contradiction
         */
        public List<Suspect> suspects(Dataset data, double margin) {
            if (!(margin >= 0 && margin < 1)) {
                throw new IllegalArgumentException("The margin must be in [0, 1) but is " + margin + ".");
            }
            Map<Long, double[]> byId = new HashMap<>();
            for (int i = 0; i < ids.length; i++) {
                byId.put(ids[i], p[i]);
            }
            long[] given = data.classIds();
            List<Suspect> found = new ArrayList<>();
            for (int i = 0; i < given.length; i++) {
                double[] row = byId.get(data.id(i));
                if (row == null) {
                    continue;
                }
                int own = columns.columnOf(Math.toIntExact(given[i]));
                int best = 0;
                for (int c = 1; c < row.length; c++) {
                    best = row[c] > row[best] ? c : best;
                }
                double share = own < 0 || own >= row.length ? 0 : row[own];
                if (best != own && row[best] - share > margin) {
                    found.add(new Suspect(
                            data.id(i), given[i], columns.columns().get(best).classId(), share, row[best]));
                }
            }
            found.sort(Comparator.comparingDouble((Suspect s) -> s.givenShare - s.suggestedShare)
                    .thenComparingLong(Suspect::id));
            return found;
        }
    }

    /**
     * A sample that is probably mislabelled.
     *
     * @param given class id that the data say
     * @param suggested class id that the learner believes
     * @param givenShare estimated probability of the given class
     * @param suggestedShare estimated probability of the suggested class
     */
    record Suspect(long id, long given, int suggested, double givenShare, double suggestedShare) {}
}
