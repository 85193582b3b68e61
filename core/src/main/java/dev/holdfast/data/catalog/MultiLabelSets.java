package dev.holdfast.data.catalog;

import dev.holdfast.data.DataException;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Progress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Sets of rows with several labels each, as MEKA ships them: ARFF files in the folder {@code multilabel} of the data folder.
 * They are research sets and do not come with Holdfast.
 */
public final class MultiLabelSets {
    private MultiLabelSets() {}

    /** A set in ARFF with its label columns in front, in the folder {@code multilabel} of the data folder. */
    private abstract static class ArffSet implements DataSourcePlugin {
        private final String id;
        private final String summary;

        ArffSet(String id, String summary) {
            this.id = id;
            this.summary = summary + ", several each (needs the file in --data DIR)";
        }

        @Override
        public String id() {
            return id;
        }

        @Override
        public String summary() {
            return summary;
        }

        @Override
        public Optional<Path> table(DataOptions options) {
            Path dir = options.resolvedDataDir();
            if (dir != null) {
                for (String name : new String[] {id + ".arff.gz", id + ".arff"}) {
                    Path file = dir.resolve("multilabel").resolve(name);
                    if (Files.isRegularFile(file)) {
                        return Optional.of(file);
                    }
                }
            }
            throw DataException.at(
                    id,
                    dir == null ? "No data folder is set." : "The file is not in " + dir + ".",
                    "multilabel/" + id + ".arff[.gz] in the data folder",
                    "Fetch the set from MEKA's data collection, then say --data DIR or set HOLDFAST_DATA.");
        }

        @Override
        public DataPair open(DataOptions options, Progress progress) {
            return DataCatalog.open(table(options).orElseThrow().toString(), options, progress);
        }
    }

    /** Emotions in music. */
    public static final class Music extends ArffSet {
        public Music() {
            super("music", "592 pieces of music, 71 numbers, 6 emotions");
        }
    }

    /** Functions of yeast genes. */
    public static final class Yeast extends ArffSet {
        public Yeast() {
            super("yeast", "2,417 genes of yeast, 103 numbers, 14 functions");
        }
    }

    /** Scenes in pictures. */
    public static final class Scene extends ArffSet {
        public Scene() {
            super("scene", "2,407 pictures, 294 numbers, 6 kinds of scene");
        }
    }

    /** Topics of mails. */
    public static final class Enron extends ArffSet {
        public Enron() {
            super("enron", "1,702 mails, 1,001 words, 53 topics");
        }
    }

    /** Genres of films. */
    public static final class Imdb extends ArffSet {
        public Imdb() {
            super("imdb", "120,919 summaries of films, 1,001 words, 28 genres");
        }
    }
}
