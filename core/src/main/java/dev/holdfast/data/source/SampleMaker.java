package dev.holdfast.data.source;

import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.Deflater;
import java.util.zip.GZIPOutputStream;
import org.bytedeco.pytorch.Tensor;

/**
 * Cuts a balanced sample out of a full set of four IDX files: of each class the first k images in file order, the order
 * kept. The same input gives the same images; {@link BundledSample} was made by
 *
 * <pre>{@code java -cp ... dev.holdfast.data.source.SampleMaker fashion-mnist/ out/ 1000 200}</pre>
 */
public final class SampleMaker {
    private SampleMaker() {}

    /** Arguments: folder of the full set, folder to write to, training images a class, test images a class. */
    public static void main(String[] args) throws IOException {
        if (args.length != 4) {
            throw new IllegalArgumentException(
                    "Expected four arguments (full set, output folder, training and test images a class) but got "
                            + Arrays.toString(args) + ".");
        }
        IdxFiles.Four full = IdxFiles.Four.in(Path.of(args[0]));
        if (full == null) {
            throw new IllegalArgumentException("There are no IDX files in " + args[0] + ".");
        }
        Path out = Files.createDirectories(Path.of(args[1]));
        cut(full.trainImages(), full.trainLabels(), Integer.parseInt(args[2]), out, "train");
        cut(full.testImages(), full.testLabels(), Integer.parseInt(args[3]), out, "t10k");
    }

    /** Writes the first {@code each} images of every class as two gzip IDX files. */
    static void cut(Path images, Path labels, int each, Path out, String part) throws IOException {
        try (Scope s = Scope.open()) {
            Tensor x = IdxFiles.read(images, 3, 3);
            int[] y = Tensors.ints(IdxFiles.read(labels, 1, 1));
            int[] taken = new int[256];
            int[] keep = java.util.stream.IntStream.range(0, y.length)
                    .filter(i -> taken[y[i]]++ < each)
                    .toArray();
            byte[] kept = new byte[keep.length];
            for (int i = 0; i < keep.length; i++) {
                kept[i] = (byte) y[keep[i]];
            }
            int h = (int) x.size(1);
            int w = (int) x.size(2);
            write(out.resolve(part + "-images-idx3-ubyte.gz"), Tensors.bytes(Tensors.rows(x, keep)), keep.length, h, w);
            write(out.resolve(part + "-labels-idx1-ubyte.gz"), kept, keep.length);
        }
    }

    /** Writes an IDX file of unsigned bytes; gzip at its smallest if the name ends in .gz. */
    static void write(Path file, byte[] data, int... shape) throws IOException {
        try (OutputStream raw = Files.newOutputStream(file);
                DataOutputStream o = new DataOutputStream(file.toString().endsWith(".gz") ? smallest(raw) : raw)) {
            o.writeInt(0x0800 | shape.length);
            for (int n : shape) {
                o.writeInt(n);
            }
            o.write(data);
        }
    }

    private static OutputStream smallest(OutputStream raw) throws IOException {
        return new GZIPOutputStream(raw, 1 << 16) {
            {
                def.setLevel(Deflater.BEST_COMPRESSION);
            }
        };
    }
}
