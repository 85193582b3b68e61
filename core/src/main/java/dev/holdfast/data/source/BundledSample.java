package dev.holdfast.data.source;

import dev.holdfast.data.DataException;
import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.util.List;

/**
 * The balanced part of Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, arXiv 1708.07747; MIT licence) that travels inside
 * the jar: of each class the first 1,000 training and the first 200 test images, in file order. Made by {@link
 * SampleMaker}. Safe from any thread.
 */
public final class BundledSample {
    /** Names of Fashion-MNIST's ten classes in the order of their labels. */
    public static final List<String> FASHION_CLASSES = List.of(
            "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot");

    private static final String FOLDER = "/dev/holdfast/data/fashion-sample/";

    private BundledSample() {}

    /** 10,000 training images. */
    public static MemoryDataset train() {
        return read("train");
    }

    /** 2,000 test images. */
    public static MemoryDataset test() {
        return read("t10k");
    }

    private static MemoryDataset read(String part) {
        String images = FOLDER + part + "-images-idx3-ubyte.gz";
        String labels = FOLDER + part + "-labels-idx1-ubyte.gz";
        return IdxFiles.read(
                "bundled " + images,
                () -> open(images),
                length(images),
                "bundled " + labels,
                () -> open(labels),
                length(labels),
                FASHION_CLASSES);
    }

    private static InputStream open(String resource) throws IOException {
        return url(resource).openStream();
    }

    private static long length(String resource) {
        try {
            return url(resource).openConnection().getContentLengthLong();
        } catch (IOException e) {
            throw DataException.at(
                    resource, "The bundled sample cannot be read (" + e + ").", "an intact holdfast-core jar", null, e);
        }
    }

    private static URL url(String resource) {
        URL u = BundledSample.class.getResource(resource);
        if (u == null) {
            throw DataException.at(
                    resource,
                    "The bundled sample is not on the class path.",
                    "an intact holdfast-core jar",
                    "Maybe the jar was repacked without its resources.");
        }
        return u;
    }
}
