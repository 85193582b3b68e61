package dev.holdfast.data.catalog;

import dev.holdfast.data.DataException;
import dev.holdfast.data.source.BundledSample;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.IdxFiles;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.source.Progress;
import dev.holdfast.data.source.Splits;
import dev.holdfast.data.synth.Mnist1d;
import dev.holdfast.tensor.Rng;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/** The data sets that come with Holdfast. */
public final class BuiltIn {
    private BuiltIn() {}

    /** Fashion-MNIST; the bundled sample where the full set is not found. */
    public static final class Fashion implements DataSourcePlugin {
        @Override
        public String id() {
            return "fashion";
        }

        @Override
        public String summary() {
            return "Fashion-MNIST: 60,000 + 10,000 images 28x28 of 10 kinds of clothing (without the full set: the "
                    + "bundled sample of 10,000 + 2,000)";
        }

        @Override
        public DataPair open(DataOptions options, Progress progress) {
            Path dir = options.resolvedDataDir();
            IdxFiles.Four files = find(dir, "fashion-mnist", "fashion", "FashionMNIST/raw");
            if (files == null) {
                String why = dir == null
                        ? "no data folder is set (--data DIR or HOLDFAST_DATA)"
                        : "not found in " + dir
                                + " (looked for fashion-mnist/train-images-idx3-ubyte[.gz] and the like)";
                return sample(options, "fashion", "; full set: " + why);
            }
            return images("fashion", "Fashion-MNIST", files, BundledSample.FASHION_CLASSES, options);
        }
    }

    /** The bundled sample, even where the full set is there. */
    public static final class Sample implements DataSourcePlugin {
        @Override
        public String id() {
            return "sample";
        }

        @Override
        public String summary() {
            return "bundled sample of Fashion-MNIST: 10,000 + 2,000 images 28x28, balanced";
        }

        @Override
        public DataPair open(DataOptions options, Progress progress) {
            return sample(options, "sample", "");
        }
    }

    /** MNIST. */
    public static final class Mnist implements DataSourcePlugin {
        @Override
        public String id() {
            return "mnist";
        }

        @Override
        public String summary() {
            return "MNIST: 60,000 + 10,000 images 28x28 of handwritten digits (needs the files in --data DIR)";
        }

        @Override
        public DataPair open(DataOptions options, Progress progress) {
            Path dir = options.resolvedDataDir();
            IdxFiles.Four files = find(dir, "mnist", "MNIST/raw");
            if (files == null) {
                throw DataException.at(
                        "mnist",
                        dir == null ? "No data folder is set." : "The files are not in " + dir + ".",
                        "mnist/train-images-idx3-ubyte[.gz], mnist/train-labels-idx1-ubyte[.gz] and the two t10k files "
                                + "in the data folder",
                        "Fetch MNIST, then say --data DIR or set HOLDFAST_DATA; 'sample' needs no files.");
            }
            List<String> digits =
                    IntStream.range(0, 10).mapToObj(Integer::toString).toList();
            return images("mnist", "MNIST", files, digits, options);
        }
    }

    /** MNIST-1D, generated. */
    public static final class OneD implements DataSourcePlugin {
        @Override
        public String id() {
            return "mnist1d";
        }

        @Override
        public String summary() {
            return "MNIST-1D, generated: 4,000 + 1,000 rows of 40 numbers, 10 digits (arXiv 2011.14439)";
        }

        @Override
        public DataPair open(DataOptions options, Progress progress) {
            Mnist1d.Config c = Mnist1d.Config.defaults();
            Rng rng = Rng.of(options.seed());
            return limited(
                    "mnist1d",
                    "MNIST-1D generated with seed " + options.seed() + ", 4,000 + 1,000 rows",
                    Mnist1d.train(c, rng),
                    Mnist1d.test(c, rng),
                    options);
        }
    }

    private static IdxFiles.Four find(Path dir, String... folders) {
        if (dir == null) {
            return null;
        }
        for (String f : folders) {
            IdxFiles.Four four = IdxFiles.Four.in(dir.resolve(f));
            if (four != null) {
                return four;
            }
        }
        return null;
    }

    private static DataPair sample(DataOptions options, String name, String why) {
        return limited(
                name,
                "bundled sample of Fashion-MNIST, 10,000 + 2,000 images" + why,
                BundledSample.train(),
                BundledSample.test(),
                options);
    }

    static DataPair images(String name, String title, IdxFiles.Four files, List<String> classes, DataOptions options) {
        List<MemoryDataset> two = files.read(classes);
        String note = String.format(
                "%s, %,d + %,d images from %s",
                title, two.get(0).size(), two.get(1).size(), files.trainImages().getParent());
        return limited(name, note, two.get(0), two.get(1), options);
    }

    /** Applies {@code options.rows} to sets that come split: as many training rows, and test rows in proportion. */
    static DataPair limited(String name, String note, MemoryDataset train, MemoryDataset test, DataOptions options) {
        long all = train.size();
        if (options.rows() == 0 || options.rows() >= all) {
            return new DataPair(name, note, train, test);
        }
        Rng rng = Rng.of(options.seed());
        long testRows = Math.max(1, Math.round((double) options.rows() * test.size() / all));
        MemoryDataset a = train.subset(Splits.sample(train.classIds(), options.rows(), rng.child("train")));
        MemoryDataset b = test.subset(Splits.sample(test.classIds(), testRows, rng.child("test")));
        List<String> parts = new ArrayList<>(List.of(note));
        parts.add(String.format("of these %,d + %,d drawn by class (seed %d)", a.size(), b.size(), options.seed()));
        return new DataPair(name, String.join("; ", parts), a, b);
    }
}
