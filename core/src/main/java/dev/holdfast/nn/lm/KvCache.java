package dev.holdfast.nn.lm;

import dev.holdfast.tensor.Autograd;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Keys (already turned) and values of the tokens that a decoder has read, so that a new token costs one position: per
 * layer [B,kvHeads,capacity,d]. One generation, one thread; its memory outlives scopes and goes with {@link #close}.
 */
public final class KvCache implements AutoCloseable {
    private final int capacity;
    private final Tensor[] keys;
    private final Tensor[] values;
    private Tensor mask;
    private int length;

    /**
     * @param mask [B,T] of the first tokens that will be read, 1 = attend, 0 = left padding; or null for no padding
     * @param capacity most tokens a row, padding included
     */
    public KvCache(DecoderConfig c, int rows, Tensor mask, int capacity, ScalarType dtype) {
        if (rows < 1 || capacity < 1) {
            throw new IllegalArgumentException(
                    "A cache needs at least one row and one position but got " + rows + " and " + capacity + ".");
        }
        this.capacity = capacity;
        keys = new Tensor[c.layers()];
        values = new Tensor[c.layers()];
        try (Scope s = Scope.open()) {
            for (int i = 0; i < keys.length; i++) {
                keys[i] = Scope.own(Tensors.zeros(dtype, rows, c.kvHeads(), capacity, c.headSize()));
                values[i] = Scope.own(Tensors.zeros(dtype, rows, c.kvHeads(), capacity, c.headSize()));
            }
            if (mask != null) {
                Tensors.requireShape("The attention mask of a cache", mask, rows, -1);
                Tensor all = Tensors.zeros(ScalarType.Bool, rows, capacity).fill_(Tensors.scalar(1));
                Tensors.slice(all, 1, 0, mask.size(1)).copy_(mask.ne(Tensors.scalar(0)));
                this.mask = Scope.own(all);
            }
        }
    }

    /** Tokens read so far, padding included. */
    public int length() {
        return length;
    }

    public int capacity() {
        return capacity;
    }

    public int rows() {
        return Math.toIntExact(keys[0].size(0));
    }

    /** Keeps these rows, in this order: rows that are finished need not be computed further. */
    public void keep(int... rows) {
        try (Scope s = Scope.open();
                var mode = Autograd.noGrad()) {
            for (int i = 0; i < keys.length; i++) {
                keys[i] = replaced(keys[i], rows);
                values[i] = replaced(values[i], rows);
            }
            if (mask != null) {
                mask = replaced(mask, rows);
            }
        }
    }

    private static Tensor replaced(Tensor t, int... rows) {
        Tensor kept = Scope.own(Tensors.rows(t, rows));
        t.close();
        return kept;
    }

    /** Bool [B, upTo], true = attend, or null without padding. */
    Tensor mask(long upTo) {
        return mask == null ? null : Tensors.slice(mask, 1, 0, upTo);
    }

    /** Puts k and v [B,kvHeads,t,d] behind those of a layer; all of them so far. */
    Tensor[] append(int layer, Tensor k, Tensor v) {
        long end = length + k.size(2);
        Tensors.slice(keys[layer], 2, length, end).copy_(k);
        Tensors.slice(values[layer], 2, length, end).copy_(v);
        return new Tensor[] {Tensors.slice(keys[layer], 2, 0, end), Tensors.slice(values[layer], 2, 0, end)};
    }

    /** After all layers have appended. */
    void advance(int tokens) {
        length += tokens;
    }

    void requireRoom(long rows, long tokens) {
        if (rows != rows()) {
            throw new IllegalArgumentException("The cache holds " + rows() + " rows but " + rows + " were given.");
        }
        if (length + tokens > capacity) {
            throw new IllegalArgumentException("The cache holds " + length + " of at most " + capacity + " positions; "
                    + tokens + " more do not fit.");
        }
    }

    @Override
    public void close() {
        for (int i = 0; i < keys.length; i++) {
            keys[i].close();
            values[i].close();
        }
        if (mask != null) {
            mask.close();
        }
    }
}
