package dev.holdfast.calibrate.map;

import dev.holdfast.tensor.Parameters;
import dev.holdfast.tensor.Tensors;
import java.util.List;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * softmax(F(log p)) with F monotone and piecewise linear: S segments of equal width on -log p in [0, 100], the slopes
 * |s_1| ... |s_S|, the last going on beyond 100; all 1 at first, which is the identity. |s_0| shifts all classes alike and
 * is without effect on probabilities.
 *
 * <p>arXiv 2506.17968. F is the exact integral of its slopes. The released interpolation subtracts the mapped value in
 * place of the segment's start, so that it jumps, and may fall, once slopes leave 1.
 */
public final class PiecewiseMap implements LearnableMap {
    /** Where segments end on -log p. */
    static final double RANGE = 100;

    private final int segments;
    private final Parameters parameters;

    /** The identity in so many segments, >= 1. */
    public PiecewiseMap(int segments) {
        this(ones(segments));
    }

    /** These slopes, the shift first: S + 1 numbers. */
    public PiecewiseMap(double[] slopes) {
        segments = slopes.length - 1;
        if (segments < 1) {
            throw new IllegalArgumentException("A piecewise map needs at least 1 segment but has " + segments + ".");
        }
        parameters = LearnableMap.leaves(List.of("slopes"), List.of(Tensors.of(slopes, slopes.length)));
    }

    private static double[] ones(int segments) {
        double[] s = new double[Math.max(0, segments) + 1];
        java.util.Arrays.fill(s, 1);
        return s;
    }

    @Override
    public Parameters parameters() {
        return parameters;
    }

    /** F(log softmax(logits)) [n, C]. */
    public Tensor mapped(Tensor logits) {
        Tensor t = logits.log_softmax(1).neg();
        double width = RANGE / segments;
        Tensor k = t.detach().div(Tensors.scalar(width)).floor().clamp_max(Tensors.scalar(segments - 1.0));
        Tensor rest = t.sub(k.mul(Tensors.scalar(width)));
        Tensor slopes = parameters.get(0).abs();
        Tensor at = k.to(ScalarType.Long).reshape(-1);
        Tensor before = slopes.cumsum(0)
                .sub(Tensors.scalar(1))
                .mul(Tensors.scalar(width))
                .index_select(0, at)
                .reshape(t.shape());
        Tensor slope =
                Tensors.slice(slopes, 1, segments + 1).index_select(0, at).reshape(t.shape());
        return before.add(slope.mul(rest)).neg();
    }

    @Override
    public Tensor forward(Tensor logits) {
        return mapped(logits).softmax(1);
    }
}
