package dev.holdfast.data.augment;

import dev.holdfast.data.Batch;
import dev.holdfast.data.Inputs;
import dev.holdfast.tensor.Rng;
import dev.holdfast.tensor.Tensors;
import java.util.LinkedHashMap;
import java.util.Map;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/**
 * The usual augmentation of small images [n, c, h, w]: {@code pad} zeros on every side, a crop of the old size at a random
 * place, and with {@code flip} a mirror image of every second row. Fields that are no images stay. Pure; safe from any
 * thread.
 *
 * @param pad pixels, >= 0; 4 is usual for 32 x 32
 * @param flip whether left and right may be swapped
 */
public record CropAndFlip(int pad, boolean flip) implements BatchTransform {
    public CropAndFlip {
        if (pad < 0) {
            throw new IllegalArgumentException("Padding must be >= 0 pixels but is " + pad + ".");
        }
    }

    @Override
    public Batch apply(Batch b, Rng rng) {
        int n = b.size();
        int[] top = new int[n];
        int[] left = new int[n];
        boolean[] mirror = new boolean[n];
        for (int i = 0; i < n; i++) {
            top[i] = rng.below(2 * pad + 1);
            left[i] = rng.below(2 * pad + 1);
            mirror[i] = flip && rng.below(2) == 1;
        }
        return apply(b, top, left, mirror);
    }

    /** The same with given draws: where each crop begins in the padded image, in [0, 2 pad], and which are mirrored. */
    public Batch apply(Batch b, int[] top, int[] left, boolean[] mirror) {
        int n = b.size();
        if (top.length != n || left.length != n || mirror.length != n) {
            throw new IllegalArgumentException("A batch of " + n + " rows was given " + top.length + ", " + left.length
                    + " and " + mirror.length + " draws.");
        }
        for (int i = 0; i < n; i++) {
            if (top[i] < 0 || top[i] > 2 * pad || left[i] < 0 || left[i] > 2 * pad) {
                throw new IllegalArgumentException("The crop of row " + i + " begins at " + top[i] + ", " + left[i]
                        + "; expected places in [0, " + 2 * pad + "].");
            }
        }
        Map<String, Object> fields = new LinkedHashMap<>();
        for (String f : b.inputs().fields()) {
            if (b.inputs().holds(f) == Inputs.Form.TENSOR
                    && b.inputs().tensor(f).dim() == 4) {
                fields.put(f, crop(b.inputs().tensor(f), top, left, mirror));
            } else {
                fields.put(
                        f,
                        switch (b.inputs().holds(f)) {
                            case TENSOR -> b.inputs().tensor(f);
                            case ARRAY -> b.inputs().array(f);
                            case TEXT -> b.inputs().text(f);
                        });
            }
        }
        return new Batch(Inputs.of(fields), b.target(), b.rows(), b.task(), b.domain(), b.time(), b.group());
    }

    /** Two gathers for the whole batch: rows, then columns. */
    private Tensor crop(Tensor x, int[] top, int[] left, boolean[] mirror) {
        int n = top.length;
        int c = (int) x.size(1);
        int h = (int) x.size(2);
        int w = (int) x.size(3);
        Tensor padded = torch.constant_pad_nd(x, pad, pad, pad, pad);
        long[] rows = new long[n * h];
        long[] columns = new long[n * w];
        for (int i = 0; i < n; i++) {
            for (int r = 0; r < h; r++) {
                rows[i * h + r] = top[i] + r;
            }
            for (int k = 0; k < w; k++) {
                columns[i * w + k] = left[i] + (mirror[i] ? w - 1 - k : k);
            }
        }
        Tensor high = padded.gather(2, Tensors.of(rows, n, 1, h, 1).expand(n, c, h, w + 2L * pad));
        return high.gather(3, Tensors.of(columns, n, 1, 1, w).expand(n, c, h, w));
    }
}
