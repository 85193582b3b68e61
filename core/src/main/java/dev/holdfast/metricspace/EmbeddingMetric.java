package dev.holdfast.metricspace;

import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Euclidean distances of embeddings that are brought to length 1: a metric without a taxonomy, from texts of the labels,
 * from class means of features, or from the rows of a classifier. Squared distances are {@code 2 - 2 e_i . e_j}.
 *
 * <p>Holds native memory; close it when it is no longer needed.
 */
public final class EmbeddingMetric implements LabelMetric, AutoCloseable {
    private final Tensor unit;

    /**
     * @param embeddings [N, d], no row of zeros
     */
    public EmbeddingMetric(Tensor embeddings) {
        Tensors.requireShape("embeddings of labels", embeddings, -1, -1);
        Tensors.requireFinite("The embeddings of labels", embeddings);
        if (embeddings.size(0) == 0) {
            throw new IllegalArgumentException("A label space needs at least 1 label but has none.");
        }
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            Tensor e = embeddings.detach().to(ScalarType.Double);
            Tensor length = e.mul(e).sum(1).sqrt();
            double[] l = Tensors.doubles(length);
            for (int i = 0; i < l.length; i++) {
                if (l[i] == 0) {
                    throw new IllegalArgumentException(
                            "The embedding of label " + i + " is zero, so it has no direction.");
                }
            }
            unit = Scope.own(e.div(length.unsqueeze(1)).contiguous());
        }
    }

    @Override
    public int size() {
        return (int) unit.size(0);
    }

    /** Embeddings of length 1 [N, d], float64. */
    public Tensor unit() {
        return unit;
    }

    @Override
    public double[] row(int label) {
        try (Scope s = Scope.open()) {
            return Tensors.doubles(squared(label).sqrt());
        }
    }

    @Override
    public Tensor squared(int... labels) {
        for (int l : labels) {
            checked(l);
        }
        Tensor rows = Tensors.rows(unit, labels);
        Tensor d2 = rows.matmul(unit.t())
                .mul(Tensors.scalar(-2))
                .add(Tensors.scalar(2))
                .clamp_min(Tensors.scalar(0));
        // rounding must not move a label away from itself
        Tensor self = Tensors.oneHot(labels, size(), d2).gt(Tensors.scalar(0.5));
        return d2.masked_fill(self, Tensors.scalar(0));
    }

    @Override
    public void close() {
        unit.close();
    }
}
