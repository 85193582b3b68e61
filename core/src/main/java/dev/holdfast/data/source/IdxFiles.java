package dev.holdfast.data.source;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.DataException;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPInputStream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * IDX files of unsigned bytes, the format of MNIST and its relatives, gzip or not: two zero bytes, type 0x08, number of
 * dimensions, the sizes as big-endian 32-bit integers, then the bytes row-major.
 *
 * <p>Images stay bytes [n, 1, h, w] in native memory; {@link Inputs#x} reads them as fractions of 255. Pure functions;
 * safe from any thread.
 */
public final class IdxFiles {
    /** deflate cannot shrink data by more than this factor (zlib's technical details), which bounds a header's claim. */
    private static final long MAX_DEFLATE_RATIO = 1032;

    private IdxFiles() {}

    /** Opens the bytes of a file or resource. */
    @FunctionalInterface
    public interface Opener {
        InputStream open() throws IOException;
    }

    /**
     * Images with one class each.
     *
     * @param images file of three dimensions [n, h, w] or four [n, c, h, w]
     * @param labels file of one dimension [n]
     * @param classNames names of classes 0, 1, ...; null = numbered up to the largest label
     */
    public static MemoryDataset read(Path images, Path labels, List<String> classNames) {
        return read(
                images.toString(),
                () -> Files.newInputStream(images),
                size(images),
                labels.toString(),
                () -> Files.newInputStream(labels),
                size(labels),
                classNames);
    }

    static MemoryDataset read(
            String imagesName,
            Opener images,
            long imagesBytes,
            String labelsName,
            Opener labels,
            long labelsBytes,
            List<String> classNames) {
        try (Scope s = Scope.open()) {
            Tensor y = read(labelsName, labels, labelsBytes, 1, 1);
            Tensor x = read(imagesName, images, imagesBytes, 3, 4);
            if (x.size(0) != y.size(0)) {
                throw DataException.at(
                        labelsName,
                        "There are " + y.size(0) + " labels for " + x.size(0) + " images in " + imagesName + ".",
                        "one label an image",
                        "Maybe one of the two belongs to another set (train, t10k).");
            }
            int[] ids = Tensors.ints(y);
            int top = Arrays.stream(ids).max().orElse(0);
            if (classNames != null && top >= classNames.size()) {
                int row = 0;
                while (ids[row] < classNames.size()) {
                    row++;
                }
                throw DataException.at(
                        labelsName + ", row " + row,
                        "The label is " + ids[row] + ".",
                        "a class from 0 to " + (classNames.size() - 1),
                        null);
            }
            if (Arrays.stream(ids).distinct().count() < 2) {
                throw DataException.at(
                        labelsName, "All " + ids.length + " labels are " + top + ".", "at least two classes", null);
            }
            ClassIndex classes = classNames == null ? ClassIndex.numbered(top + 1) : ClassIndex.named(classNames);
            Tensor images4 = x.dim() == 3 ? x.unsqueeze(1) : x;
            return MemoryDataset.of(
                    Schema.images(images4.size(1), images4.size(2), images4.size(3), classes),
                    Inputs.of(images4),
                    new Target.ClassIds(y.to(ScalarType.Long)));
        }
    }

    /** uint8 tensor of a file, in the caller's scope; {@code fewest} to {@code most} dimensions, at least one row. */
    public static Tensor read(Path file, int fewest, int most) {
        return read(file.toString(), () -> Files.newInputStream(file), size(file), fewest, most);
    }

    static Tensor read(String name, Opener opener, long fileBytes, int fewest, int most) {
        try (Scope s = Scope.open();
                InputStream raw = new BufferedInputStream(opener.open(), 1 << 16)) {
            raw.mark(2);
            boolean gzip = raw.read() == 0x1f && raw.read() == 0x8b;
            raw.reset();
            InputStream in = gzip ? new GZIPInputStream(raw, 1 << 16) : raw;
            long[] shape = header(name, in, fewest, most);
            long bytes = Tensors.count(shape);
            long most0 = gzip ? Math.multiplyExact(fileBytes, MAX_DEFLATE_RATIO) : fileBytes;
            if (bytes > most0) {
                throw DataException.at(
                        name,
                        "The header announces " + Arrays.toString(shape) + " = " + bytes + " bytes but the file has "
                                + fileBytes + (gzip ? " (compressed)." : "."),
                        "as many bytes as the header says",
                        "Maybe the file was cut off on its way; fetch it again.");
            }
            Tensor t = Tensors.empty(ScalarType.Byte, shape);
            fill(name, in, t, bytes);
            if (in.read() >= 0) {
                throw DataException.at(
                        name,
                        "There are more than the " + bytes + " bytes that the header " + Arrays.toString(shape)
                                + " announces.",
                        "nothing after the last row",
                        "Maybe two files were joined.");
            }
            return s.keep(t);
        } catch (EOFException e) {
            throw DataException.at(
                    name,
                    "The file ends in the middle (" + fileBytes + " bytes).",
                    "a whole gzip or IDX file",
                    "Maybe it was cut off on its way; fetch it again.",
                    e);
        } catch (java.util.zip.ZipException e) {
            throw DataException.at(
                    name,
                    "The gzip data are damaged (" + e.getMessage() + ").",
                    "a whole gzip file",
                    "Maybe it was damaged on its way; fetch it again.",
                    e);
        } catch (IOException e) {
            throw DataException.at(name, "The file cannot be read (" + e + ").", "a readable IDX file", null, e);
        }
    }

    private static long[] header(String name, InputStream in, int fewest, int most) throws IOException {
        byte[] magic = in.readNBytes(4);
        if (magic.length < 4) {
            throw new EOFException();
        }
        int type = magic[2] & 0xFF;
        int dims = magic[3] & 0xFF;
        if (magic[0] != 0 || magic[1] != 0 || type != 8 || dims < fewest || dims > most) {
            String hint = null;
            if (magic[0] == 0 && magic[1] == 0 && type == 8 && dims == 1) {
                hint = "Maybe this is a file of labels.";
            } else if (magic[0] == 0 && magic[1] == 0 && type == 8 && dims == 3) {
                hint = "Maybe this is a file of images.";
            } else if (magic[0] == 0 && magic[1] == 0 && type >= 9 && type <= 14) {
                hint = "The file holds numbers of another type; only unsigned bytes are read.";
            }
            throw DataException.at(
                    name,
                    String.format(
                            "The first four bytes are %02x %02x %02x %02x.", magic[0], magic[1], magic[2], magic[3]),
                    fewest == most
                            ? String.format("00 00 08 %02x (IDX, unsigned bytes, %d dimensions)", fewest, fewest)
                            : String.format("00 00 08 and %02x to %02x dimensions (IDX)", fewest, most),
                    hint);
        }
        long[] shape = new long[dims];
        for (int i = 0; i < dims; i++) {
            byte[] b = in.readNBytes(4);
            if (b.length < 4) {
                throw new EOFException();
            }
            shape[i] = (b[0] & 0xFFL) << 24 | (b[1] & 0xFF) << 16 | (b[2] & 0xFF) << 8 | (b[3] & 0xFF);
            if (shape[i] < 1 || shape[i] > Integer.MAX_VALUE) {
                throw DataException.at(
                        name,
                        "Dimension " + i + " has size " + shape[i] + ".",
                        "at least one row and sizes below 2^31",
                        null);
            }
        }
        try {
            Tensors.count(shape);
        } catch (ArithmeticException e) {
            throw DataException.at(
                    name, "The sizes " + Arrays.toString(shape) + " overflow.", "a possible shape", null, e);
        }
        return shape;
    }

    private static void fill(String name, InputStream in, Tensor t, long bytes) throws IOException {
        byte[] piece = new byte[1 << 18];
        try (BytePointer p = new BytePointer(t.data_ptr())) {
            long at = 0;
            while (at < bytes) {
                int n = in.readNBytes(piece, 0, (int) Math.min(piece.length, bytes - at));
                if (n == 0) {
                    throw DataException.at(
                            name,
                            "The data end after " + at + " of " + bytes + " bytes.",
                            "as many bytes as the header says",
                            "Maybe the file was cut off on its way; fetch it again.");
                }
                p.position(at).put(piece, 0, n);
                at += n;
            }
            p.position(0);
        }
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            throw DataException.at(file, "The file cannot be read (" + e + ").", "a readable IDX file", null, e);
        }
    }

    /** The four files of a set in MNIST's naming, or what is missing of them. */
    public record Four(Path trainImages, Path trainLabels, Path testImages, Path testLabels) {
        private static final List<String> NAMES = List.of(
                "train-images-idx3-ubyte",
                "train-labels-idx1-ubyte",
                "t10k-images-idx3-ubyte",
                "t10k-labels-idx1-ubyte");

        /** Looks in a folder; null if none of the four is there; an error that lists the missing if only some are. */
        public static Four in(Path folder) {
            List<Path> found = new ArrayList<>();
            List<String> missing = new ArrayList<>();
            for (String name : NAMES) {
                Path plain = folder.resolve(name);
                Path gz = folder.resolve(name + ".gz");
                if (Files.isRegularFile(plain)) {
                    found.add(plain);
                } else if (Files.isRegularFile(gz)) {
                    found.add(gz);
                } else {
                    missing.add(name);
                }
            }
            if (found.isEmpty()) {
                return null;
            }
            if (!missing.isEmpty()) {
                throw DataException.at(
                        folder,
                        "Of the four files of the set, " + missing + " are missing.",
                        "all four, each with or without .gz",
                        "Fetch what is missing, or take the rest away.");
            }
            return new Four(found.get(0), found.get(1), found.get(2), found.get(3));
        }

        /** Training and test images of the four files. */
        public List<MemoryDataset> read(List<String> classNames) {
            return List.of(
                    IdxFiles.read(trainImages, trainLabels, classNames),
                    IdxFiles.read(testImages, testLabels, classNames));
        }
    }
}
