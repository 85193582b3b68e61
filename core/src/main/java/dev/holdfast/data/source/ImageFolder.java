package dev.holdfast.data.source;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.DataException;
import dev.holdfast.data.Inputs;
import dev.holdfast.data.Schema;
import dev.holdfast.data.Target;
import dev.holdfast.tensor.Scope;
import dev.holdfast.tensor.Tensors;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch.ScalarType;

/**
 * Images in one folder a class, {@code class/name.png} or .jpg, all of one size. Classes and names are read in
 * alphabetical order; hidden files are passed over, any other file is refused.
 *
 * <p>Images stay bytes [n, c, h, w] in native memory: one channel if all are grey, three (red, green, blue) if any has
 * colour. Transparency is laid over black; 16-bit grey is cut to its upper 8 bits. Pure functions; safe from any thread.
 */
public final class ImageFolder {
    private ImageFolder() {}

    /** Whether the folder holds folders that hold images, directly. */
    public static boolean looksLike(Path folder) {
        return classFolders(folder).stream().anyMatch(f -> list(f).stream().anyMatch(ImageFolder::image));
    }

    /**
     * Reads a folder of classes.
     *
     * @param classNames classes to expect, or null for those that are there; a class without a folder is allowed
     */
    public static MemoryDataset read(Path folder, List<String> classNames, DataOptions options, Progress progress) {
        List<Path> classes = classFolders(folder);
        if (classes.isEmpty()) {
            throw DataException.at(
                    folder,
                    "There are no folders in it.",
                    "one folder a class with its images: "
                            + folder.resolve("class").resolve("name.png"),
                    null);
        }
        List<String> names = classNames != null
                ? classNames
                : classes.stream().map(c -> c.getFileName().toString()).toList();
        if (names.size() < 2) {
            throw DataException.at(folder, "There is a single class, " + names + ".", "at least two folders", null);
        }
        List<Path> files = new ArrayList<>();
        List<Long> ids = new ArrayList<>();
        for (Path c : classes) {
            int id = names.indexOf(c.getFileName().toString());
            if (id < 0) {
                throw DataException.at(c, "This class is new.", "one of " + names, null);
            }
            List<Path> here = list(c);
            if (here.isEmpty()) {
                throw DataException.at(c, "The folder of the class is empty.", "at least one image", null);
            }
            for (Path f : here) {
                if (!image(f)) {
                    throw DataException.at(
                            f, "This is no image.", "files ending in .png, .jpg or .jpeg", "Move it elsewhere.");
                }
                files.add(f);
                ids.add((long) id);
            }
        }
        return decode(folder, files, ids, names, options, progress);
    }

    private static MemoryDataset decode(
            Path folder, List<Path> files, List<Long> ids, List<String> names, DataOptions options, Progress progress) {
        BufferedImage first = open(files.get(0));
        int h = first.getHeight();
        int w = first.getWidth();
        int channels = grey(first) ? 1 : 3;
        int n = files.size();
        options.requireFits(folder, n, 3L * h * w);
        try (Scope s = Scope.open()) {
            Tensor x = Tensors.empty(ScalarType.Byte, n, channels, h, w);
            BytePointer p = new BytePointer(x.data_ptr());
            for (int i = 0; i < n; i++) {
                BufferedImage image = open(files.get(i));
                if (image.getHeight() != h || image.getWidth() != w) {
                    throw DataException.at(
                            files.get(i),
                            "The image is " + image.getWidth() + " x " + image.getHeight() + " pixels.",
                            w + " x " + h + " as " + files.get(0),
                            "Bring all images to one size first.");
                }
                if (channels == 1 && !grey(image)) {
                    // the first one with colour: what was grey so far becomes three equal channels
                    channels = 3;
                    Tensor wide = Tensors.empty(ScalarType.Byte, n, 3, h, w);
                    wide.copy_(x.expand(n, 3, h, w));
                    x = wide;
                    p = new BytePointer(x.data_ptr());
                }
                byte[] pixels = bytes(image, channels);
                p.position((long) i * pixels.length).put(pixels, 0, pixels.length);
                progress.at(i + 1, n, "images read");
            }
            return MemoryDataset.of(
                    Schema.images(channels, h, w, ClassIndex.named(names)),
                    Inputs.of(x),
                    Target.ClassIds.of(ids.stream().mapToLong(Long::longValue).toArray()));
        }
    }

    private static boolean grey(BufferedImage image) {
        return image.getRaster().getNumBands() <= 2 && !(image.getColorModel() instanceof IndexColorModel);
    }

    /** Planes of the channels, row-major. */
    private static byte[] bytes(BufferedImage image, int channels) {
        int h = image.getHeight();
        int w = image.getWidth();
        byte[] out = new byte[channels * h * w];
        if (grey(image)) {
            // the raster's own numbers; getRGB would bend grey values through a colour profile
            Raster r = image.getRaster();
            int[] v = r.getSamples(0, 0, w, h, 0, (int[]) null);
            int bits = r.getSampleModel().getSampleSize(0);
            int[] a = r.getNumBands() == 2 ? r.getSamples(0, 0, w, h, 1, (int[]) null) : null;
            int full = (1 << bits) - 1;
            for (int i = 0; i < v.length; i++) {
                int grey = bits == 8 ? v[i] : bits > 8 ? v[i] >> (bits - 8) : v[i] * 255 / full;
                byte b = (byte) (a == null ? grey : grey * a[i] / full);
                for (int c = 0; c < channels; c++) {
                    out[c * h * w + i] = b;
                }
            }
            return out;
        }
        int[] argb = image.getRGB(0, 0, w, h, null, 0, w);
        for (int i = 0; i < argb.length; i++) {
            int alpha = argb[i] >>> 24;
            for (int c = 0; c < 3; c++) {
                out[c * h * w + i] = (byte) ((argb[i] >> (16 - 8 * c) & 0xFF) * alpha / 255);
            }
        }
        return out;
    }

    private static BufferedImage open(Path file) {
        try {
            BufferedImage image = ImageIO.read(file.toFile());
            if (image == null) {
                throw DataException.at(file, "The content is no image.", "a PNG or JPEG image", null);
            }
            return image;
        } catch (IOException | IndexOutOfBoundsException | IllegalArgumentException e) {
            throw DataException.at(file, "The image cannot be read (" + e + ").", "a whole PNG or JPEG image", null, e);
        }
    }

    private static boolean image(Path f) {
        String name = f.getFileName().toString().toLowerCase(Locale.ROOT);
        return Files.isRegularFile(f) && (name.endsWith(".png") || name.endsWith(".jpg") || name.endsWith(".jpeg"));
    }

    static List<Path> classFolders(Path folder) {
        return list(folder).stream().filter(Files::isDirectory).toList();
    }

    private static List<Path> list(Path folder) {
        try (Stream<Path> s = Files.list(folder)) {
            return s.filter(f -> !f.getFileName().toString().startsWith("."))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw DataException.at(folder, "The folder cannot be read (" + e + ").", "a readable folder", null, e);
        }
    }
}
