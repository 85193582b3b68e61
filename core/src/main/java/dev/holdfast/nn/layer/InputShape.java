package dev.holdfast.nn.layer;

import dev.holdfast.nn.Copier;
import dev.holdfast.nn.Inventory;
import dev.holdfast.nn.Layer;
import dev.holdfast.nn.Pass;
import java.util.Arrays;
import java.util.List;
import org.bytedeco.pytorch.Tensor;

/**
 * Brings rows into the shape that a net was built for, or refuses them: rows of as many numbers, flat or without the
 * channel of a grey image, are reshaped.
 */
public record InputShape(List<Long> shape) implements Layer {
    public InputShape {
        shape = List.copyOf(shape);
        if (shape.isEmpty() || shape.stream().anyMatch(s -> s < 1)) {
            throw new IllegalArgumentException("The shape of one row must have sizes >= 1 but is " + shape + ".");
        }
    }

    /** Numbers in one row. */
    public long size() {
        return shape.stream().reduce(1L, (a, b) -> a * b);
    }

    /** Refuses a shape that is no image [channels, height, width]. */
    public InputShape requireImage(String net) {
        if (shape.size() != 3) {
            throw new IllegalArgumentException(
                    net + " needs images [channels, height, width] but the shape of a row is " + shape
                            + ".\nMaybe an Mlp fits these data.");
        }
        return this;
    }

    @Override
    public Tensor forward(Tensor x, Pass pass) {
        int dims = shape.size() + 1;
        boolean same = x.dim() == dims;
        for (int i = 1; same && i < dims; i++) {
            same = x.size(i) == shape.get(i - 1);
        }
        if (same) {
            return x;
        }
        long[] got = x.shape();
        long[] row = got.length == 0 ? got : Arrays.copyOfRange(got, 1, got.length);
        boolean flat = row.length == 1 || shape.size() == 1;
        boolean grey = shape.get(0) == 1
                && Arrays.equals(
                        row, shape.stream().skip(1).mapToLong(Long::longValue).toArray());
        if (got.length == 0 || Arrays.stream(row).reduce(1, (a, b) -> a * b) != size() || !(flat || grey)) {
            throw new IllegalArgumentException("A row has shape " + Arrays.toString(row)
                    + " but this net was built for rows of shape " + shape
                    + ".\nMaybe the input shape in the net's configuration is that of other data.");
        }
        long[] to = new long[dims];
        to[0] = got[0];
        for (int i = 1; i < dims; i++) {
            to[i] = shape.get(i - 1);
        }
        return x.reshape(to);
    }

    @Override
    public void describe(Inventory into) {}

    @Override
    public InputShape copy(Copier c) {
        return this;
    }
}
