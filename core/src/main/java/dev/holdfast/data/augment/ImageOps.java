package dev.holdfast.data.augment;

import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.LongOptional;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Changes of whole images x [n, channels, height, width] of a floating type. Pure functions; safe from any thread. */
public final class ImageOps {
    private ImageOps() {}

    /**
     * Images turned counter-clockwise about their middle (seen with the first row on top): bilinear, zeros where nothing
     * was. The grid is scaled to [-1, 1] in both directions, so images should be square.
     */
    public static Tensor rotate(Tensor x, double degrees) {
        Tensors.requireShape("images", x, -1, -1, -1, -1);
        double a = Math.toRadians(degrees);
        double[] affine = {Math.cos(a), -Math.sin(a), 0, Math.sin(a), Math.cos(a), 0};
        Tensor theta = Tensors.of(affine, 1, 2, 3).to(x.scalar_type()).expand(x.size(0), 2, 3);
        Tensor grid = torch.affine_grid_generator(theta, x.shape(), false);
        // bilinear (0) with zeros outside (0)
        return torch.grid_sampler(x, grid, 0, 0, false);
    }

    /** Images turned counter-clockwise by so many quarters; exact, and oblong images change their sides. */
    public static Tensor quarterTurns(Tensor x, int quarters) {
        Tensors.requireShape("images", x, -1, -1, -1, -1);
        return x.rot90(quarters, 2, 3);
    }

    /** Each pixel becomes the mean of the 3x3 pixels around it, fewer at the border. */
    public static Tensor blur(Tensor x) {
        Tensors.requireShape("images", x, -1, -1, -1, -1);
        // kernel 3, stride 1, padding 1; the padding does not count
        return torch.avg_pool2d(
                x, new long[] {3, 3}, new long[] {1, 1}, new long[] {1, 1}, false, false, new LongOptional());
    }

    /** Means of {@code side} x {@code side} pixels; height and width must be multiples of it. */
    public static Tensor pool(Tensor x, int side) {
        Tensors.requireShape("images", x, -1, -1, -1, -1);
        if (side < 1 || x.size(2) % side != 0 || x.size(3) % side != 0) {
            throw new IllegalArgumentException("Images of " + x.size(2) + "x" + x.size(3)
                    + " pixels cannot be pooled by " + side + "x" + side + ".");
        }
        return torch.avg_pool2d(x, side, side);
    }
}
