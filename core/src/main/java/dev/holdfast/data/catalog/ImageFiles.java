package dev.holdfast.data.catalog;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.DataException;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.IdxFiles;
import dev.holdfast.data.source.ImageFolder;
import dev.holdfast.data.source.MemoryDataset;
import dev.holdfast.data.source.Progress;
import dev.holdfast.data.source.Splits;
import dev.holdfast.tensor.Rng;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Images by path: IDX files and folders of images, split by the files themselves or by seed. */
final class ImageFiles {
    private ImageFiles() {}

    static DataPair open(Path path, String format, DataOptions o, Progress progress) {
        String name = DataCatalog.nameOf(path);
        if (format.equals("idx")) {
            if (!Files.isDirectory(path)) {
                return split(name, path.toString(), IdxFiles.read(path, labelsOf(path), null), o);
            }
            IdxFiles.Four four = IdxFiles.Four.in(path);
            if (four == null) {
                throw DataException.at(
                        path,
                        "There are no IDX files in it.",
                        "train-images-idx3-ubyte[.gz] and its three companions",
                        null);
            }
            List<MemoryDataset> two = four.read(null);
            ClassIndex classes = two.get(0).schema().classes();
            return BuiltIn.limited(
                    name,
                    String.format(
                            "%s, %,d + %,d images",
                            path, two.get(0).size(), two.get(1).size()),
                    two.get(0),
                    two.get(1).withSchema(two.get(1).schema().withClasses(classes)),
                    o);
        }
        Path train = path.resolve("train");
        Path test = path.resolve("test");
        if (Files.isDirectory(train) && Files.isDirectory(test) && ImageFolder.looksLike(train)) {
            MemoryDataset a = ImageFolder.read(train, null, o, progress);
            List<String> classes = a.schema().classes().columns().stream()
                    .map(ClassIndex.Column::name)
                    .toList();
            MemoryDataset b = ImageFolder.read(test, classes, o, progress);
            if (!a.schema().equals(b.schema())) {
                throw DataException.at(
                        test,
                        "The images are " + b.schema().x().shape() + " (channels, height, width).",
                        a.schema().x().shape() + " as in " + train,
                        null);
            }
            return BuiltIn.limited(name, String.format("%s, %,d + %,d images", path, a.size(), b.size()), a, b, o);
        }
        return split(name, path.toString(), ImageFolder.read(path, null, o, progress), o);
    }

    private static Path labelsOf(Path images) {
        String name = images.getFileName().toString();
        String labels = name.replace("images-idx3", "labels-idx1");
        for (String n : List.of(labels, labels + ".gz", labels.replaceFirst("\\.gz$", ""))) {
            Path p = images.resolveSibling(n);
            if (!n.equals(name) && Files.isRegularFile(p)) {
                return p;
            }
        }
        throw DataException.at(
                images,
                "The labels of these images are not beside them.",
                labels + "[.gz] in the same folder",
                "Name the file of the images (...-images-idx3-ubyte), or the folder of all four files.");
    }

    private static DataPair split(String name, String where, MemoryDataset all, DataOptions o) {
        Rng rng = Rng.of(o.seed());
        String note = String.format("%s, %,d images", where, all.size());
        MemoryDataset some = all;
        if (o.rows() > 0 && o.rows() < all.size()) {
            some = all.subset(Splits.sample(all.classIds(), o.rows(), rng));
            note += String.format("; %,d of them drawn by class", some.size());
        }
        Splits.Split s = Splits.stratified(some.classIds(), o.testShare(), rng);
        note += String.format(
                "; %,d for training and %,d for testing, split by class with seed %d",
                s.train().length, s.test().length, o.seed());
        return new DataPair(name, note, some.subset(s.train()), some.subset(s.test()));
    }
}
