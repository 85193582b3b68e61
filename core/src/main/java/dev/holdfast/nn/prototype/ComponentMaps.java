package dev.holdfast.nn.prototype;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import dev.holdfast.tensor.Tensors;
import java.util.Arrays;
import org.bytedeco.pytorch.Tensor;

/**
 * The channels of a feature map as components: a softmax over channels at every place, then the largest value of each
 * channel, so that d_k says how surely component k stands somewhere in the image. Rows [B, K] count as maps of one place.
 *
 * <p>arXiv 2412.15499, section on deep networks; the detection of PIP-Net (CVPR 2023).
 *
 * @param floor detections below this count as 0 when predicting; 0 = none
 */
public record ComponentMaps(double floor) implements Layer {
    public ComponentMaps {
        if (!(floor >= 0 && floor < 1)) {
            throw new IllegalArgumentException("The least detection must be in [0, 1) but is " + floor + ".");
        }
    }

    /** Shares of the components at every place [B, K, H, W] of maps of that shape. */
    public static Tensor shares(Tensor maps) {
        if (maps.dim() != 2 && maps.dim() != 4) {
            throw new IllegalArgumentException("Component maps are [B, K, H, W] or rows [B, K] but the shape is "
                    + Arrays.toString(maps.shape()) + ".");
        }
        return maps.softmax(1);
    }

    @Override
    public Tensor forward(Tensor maps, Pass pass) {
        Tensor shares = shares(maps);
        Tensor d = shares.dim() == 2 ? shares : shares.amax(new long[] {2, 3}, false);
        return floor == 0 || pass.training()
                ? d
                : d.mul(d.ge(Tensors.scalar(floor)).to(d.scalar_type()));
    }

    @Override
    public void describe(Inventory into) {}

    @Override
    public ComponentMaps copy(Copier c) {
        return this;
    }
}
