package dev.holdfast.nn.layer;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** Makes images [n,c,h,w] smaller. */
public enum Pooling implements Layer {
    /** The largest of every 2x2 pixels: [n,c,h/2,w/2]; an odd last row or column is left out. */
    MAX_2,
    /** The mean of every 2x2 pixels: [n,c,h/2,w/2]. */
    AVERAGE_2,
    /** The mean of every channel: [n,c]. */
    GLOBAL_AVERAGE,
    /** All numbers of a row: [n,c*h*w]. */
    FLATTEN;

    private static final long[] TWO = {2, 2};
    private static final long[] ZERO = {0, 0};
    private static final long[] ONE = {1, 1};
    private static final long[] IMAGE = {2, 3};

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        return switch (this) {
            case MAX_2 -> torch.max_pool2d(x, TWO, TWO, ZERO, ONE, false);
            case AVERAGE_2 -> torch.avg_pool2d(x, TWO);
            case GLOBAL_AVERAGE -> x.mean(IMAGE);
            case FLATTEN -> x.flatten(1, -1);
        };
    }

    @Override
    public void describe(Inventory into) {}

    @Override
    public Pooling copy(Copier c) {
        return this;
    }
}
