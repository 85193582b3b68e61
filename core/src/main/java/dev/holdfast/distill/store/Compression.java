package dev.holdfast.distill.store;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Scalar;
import org.bytedeco.pytorch.ScalarTypeOptional;
import org.bytedeco.pytorch.T_TensorTensor_T;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * How a distribution over C classes is kept in little room: as its k largest probabilities and what they belong to.
 *
 * <p>Shen, Xing, <i>A Fast Knowledge Distillation Framework for Visual Recognition</i>, arXiv 2112.01528, section 3.3. Pure;
 * safe from any thread.
 *
 * @param kind what becomes of the rest
 * @param k classes kept, >= 1; 1 for HARD and SMOOTHING, without meaning for FULL
 */
public record Compression(Kind kind, int k) {
    /** What a label becomes when it is read. */
    public enum Kind {
        /** The largest class has everything. */
        HARD,
        /** The largest class keeps its probability, the others share the rest evenly. */
        SMOOTHING,
        /** The k largest keep theirs, the others share the rest evenly. */
        MARGINAL_SMOOTHING,
        /** The k largest, scaled to sum to 1; the others have nothing. */
        MARGINAL_RENORM,
        /** All C probabilities. */
        FULL
    }

    /** What is kept of n labels: class ids [n, k] int64, largest first, and their probabilities [n, k]; FULL has no ids. */
    public record Kept(Tensor index, Tensor value) {}

    public Compression {
        if (k < 1) {
            throw new IllegalArgumentException("A soft label keeps k >= 1 classes but k is " + k + ".");
        }
        if ((kind == Kind.HARD || kind == Kind.SMOOTHING) && k != 1) {
            throw new IllegalArgumentException(kind + " keeps one class but k is " + k + ".");
        }
    }

    /** The k largest probabilities, the rest spread evenly. */
    public static Compression top(int k) {
        return new Compression(Kind.MARGINAL_SMOOTHING, k);
    }

    /** All probabilities. */
    public static Compression full() {
        return new Compression(Kind.FULL, 1);
    }

    /** Refuses a k that does not fit the number of classes. */
    public Compression requireFits(int classes) {
        boolean spreads = kind == Kind.SMOOTHING || kind == Kind.MARGINAL_SMOOTHING;
        if (kind != Kind.FULL && (k > classes || spreads && k >= classes)) {
            throw new IllegalArgumentException(kind + " of " + classes + " classes cannot keep k = " + k
                    + (spreads ? ": nobody is left to have the rest.\nMaybe MARGINAL_RENORM or FULL is meant." : "."));
        }
        return this;
    }

    /** Numbers kept a label. */
    public int width(int classes) {
        return kind == Kind.FULL ? classes : k;
    }

    /** What is kept of distributions p [n, C]. */
    public Kept keep(Tensor p) {
        Tensors.requireShape("soft labels", p, -1, -1);
        requireFits((int) p.size(1));
        if (kind == Kind.FULL) {
            return new Kept(null, p.clone());
        }
        T_TensorTensor_T top = p.topk(k);
        return new Kept(new Tensor(top.get1()), new Tensor(top.get0()));
    }

    /** The distributions [n, C] that {@code kept} stands for, in the dtype of its probabilities; rows sum to 1. */
    public Tensor recover(Kept kept, int classes) {
        Tensor v = kept.value;
        long n = v.size(0);
        if (kind == Kind.FULL) {
            return v.div(v.sum(new long[] {1}, true, new ScalarTypeOptional()));
        }
        Tensor index = Tensors.slice(kept.index, 1, 0, k).to(ScalarType.Long);
        Tensor p = Tensors.zerosLike(v, n, classes);
        if (kind == Kind.HARD) {
            return p.scatter(1, index, new Scalar(1.0));
        }
        Tensor top = Tensors.slice(v, 1, 0, k);
        Tensor sum = top.sum(new long[] {1}, true, new ScalarTypeOptional());
        if (kind == Kind.MARGINAL_RENORM) {
            return p.scatter(1, index, top.div(sum));
        }
        // kept numbers are rounded and may sum to a little more than 1
        Tensor rest = sum.neg().add(Tensors.scalar(1)).clamp_min(Tensors.scalar(0));
        Tensor over = sum.clamp_min(Tensors.scalar(1));
        Tensor even = rest.div(Tensors.scalar(classes - k)).expand(n, classes);
        return even.scatter(1, index, top.div(over));
    }
}
