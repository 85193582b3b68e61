package dev.holdfast.loss.prototype;

import dev.holdfast.nn.prototype.ComponentMaps;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * What teaches the channels of a network to be components before any class is known: two views of an image show the same
 * component at the same place, and every component occurs somewhere in a batch. Pure; safe from any thread.
 *
 * <p>Nauta et al., <i>PIP-Net</i>, CVPR 2023, eq. 1 and 2, as used in arXiv 2412.15499.
 */
public final class ViewLosses {
    private static final double ALIGN_EPS = 1e-12;
    private static final double TANH_EPS = 1e-8;

    private ViewLosses() {}

    /**
     * Mean over images and places of {@code -log(z . z')}, z and z' the shares of components at that place in the two views.
     *
     * @param first maps of the first views [B, K, H, W]
     * @param second maps of the second views, of the same shape
     */
    public static Tensor align(Tensor first, Tensor second) {
        requireAlike(first, second);
        Tensor same =
                ComponentMaps.shares(first).mul(ComponentMaps.shares(second)).sum(1);
        return same.add(Tensors.scalar(ALIGN_EPS)).log().mean().neg();
    }

    /**
     * Mean over components and views of {@code -log tanh(sum over the batch of detections)}.
     *
     * @param first detections in the first views [B, K]
     * @param second detections in the second views
     */
    public static Tensor occurs(Tensor first, Tensor second) {
        requireAlike(first, second);
        return occurs(first).add(occurs(second)).div(Tensors.scalar(2));
    }

    private static Tensor occurs(Tensor detections) {
        return detections
                .sum(0)
                .tanh()
                .add(Tensors.scalar(TANH_EPS))
                .log()
                .mean()
                .neg();
    }

    private static void requireAlike(Tensor a, Tensor b) {
        if (!Arrays.equals(a.shape(), b.shape())) {
            throw new IllegalArgumentException("The two views of images must have equal shapes but have "
                    + Arrays.toString(a.shape()) + " and " + Arrays.toString(b.shape()) + ".");
        }
    }
}
