package dev.holdfast.nn.layer;

import dev.holdfast.nn.Layer;

/** Which norm a net uses between a layer and its activation. */
public enum Norm {
    NONE,
    /** Statistics of the batch; running ones in evaluation. */
    BATCH,
    /** Statistics of each row; as many groups, up to eight, as divide the channels. */
    GROUP,
    /** Statistics of each row over all channels. */
    LAYER;

    /** The norm over images [n,channels,h,w] or vectors [n,channels]; null for NONE. */
    public Layer of(String name, long channels, Fresh fresh) {
        return switch (this) {
            case NONE -> null;
            case BATCH -> new BatchNorm(name, channels, fresh);
            case LAYER -> new GroupNorm(name, channels, 1, fresh);
            case GROUP -> {
                long groups = Math.min(8, channels);
                while (channels % groups != 0) {
                    groups--;
                }
                yield new GroupNorm(name, channels, groups, fresh);
            }
        };
    }
}
