package dev.holdfast.loss.multilabel;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;

/**
 * Head-tail balancer: a balanced network agrees with one that leans to frequent labels and one that leans to rare ones, more
 * with whichever does worse.
 *
 * <pre>
 * loss = kh MF(softmax(zh) softmax(z)) + kt MF(softmax(zt) softmax(z)),    kh = Lh^alpha / (Lh^alpha + Lt^alpha), kt = 1 - kh
 * </pre>
 *
 * <p>MF is the summed multi-focal loss, which takes the products for logits; Lh and Lt are its values for zh and zt. Only z gets
 * a gradient. Zhang et al., arXiv 2304.10539, equations 9 to 11.
 *
 * @param total number with graph
 * @param head kh
 * @param tail kt
 */
public record HeadTailBalance(Tensor total, Tensor head, Tensor tail) {
    /**
     * @param zh logits [n, L] of the head network
     * @param zt logits [n, L] of the tail network
     * @param z logits [n, L] of the balanced network, with graph
     * @param y labels [n, L] in {0, 1}
     * @param alpha power of the losses in the weights; 2 in the paper
     */
    public static HeadTailBalance of(
            MultiFocal.Config loss, Tensor zh, Tensor zt, Tensor z, Tensor y, LabelCounts counts, double alpha) {
        Tensor ofHead = zh.detach();
        Tensor ofTail = zt.detach();
        Tensor lh = MultiFocal.each(loss, ofHead, y, counts).sum();
        Tensor lt = MultiFocal.each(loss, ofTail, y, counts).sum();
        // kh = 1 / (1 + (Lt / Lh)^alpha) as a sigmoid: no overflow, and 1/2 where both are alike
        Tensor tiny = Tensors.scalarLike(lh, 1e-30);
        Tensor kh = lh.add(tiny)
                .log()
                .sub(lt.add(tiny).log())
                .mul(Tensors.scalar(alpha))
                .sigmoid();
        Tensor kt = Tensors.scalarLike(kh, 1).sub(kh);
        Tensor p = z.softmax(1);
        Tensor withHead =
                MultiFocal.each(loss, ofHead.softmax(1).mul(p), y, counts).sum();
        Tensor withTail =
                MultiFocal.each(loss, ofTail.softmax(1).mul(p), y, counts).sum();
        return new HeadTailBalance(withHead.mul(kh).add(withTail.mul(kt)), kh, kt);
    }
}
