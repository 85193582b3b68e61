package dev.holdfast.data.catalog;

import dev.holdfast.data.DataException;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Progress;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Sets of rows with several labels each, as MEKA ships them: ARFF files in the folder {@code multilabel} of the data folder.
 * They are research sets and do not come with Holdfast.
 */
public final class MultiLabelSets {
    private MultiLabelSets() {}

    private static DataPair read(String id, DataOptions options, Progress progress) {
        Path dir = options.resolvedDataDir();
        if (dir != null) {
            for (String name : new String[] {id + ".arff.gz", id + ".arff"}) {
                Path file = dir.resolve("multilabel").resolve(name);
                if (Files.isRegularFile(file)) {
                    return DataCatalog.open(file.toString(), options, progress);
                }
            }
        }
        throw DataException.at(
                id,
                dir == null ? "No data folder is set." : "The file is not in " + dir + ".",
                "multilabel/" + id + ".arff[.gz] in the data folder",
                "Fetch the set from MEKA's data collection, then say --data DIR or set HOLDFAST_DATA.");
    }

    /** Emotions in music. */
    public static final class Music implements DataSourcePlugin {
        @Override
        public String id() {
            return "music";
        }

        @Override
        public String summary() {
            return "592 pieces of music, 71 numbers, 6 emotions, several each (needs the file in --data DIR)";
        }

        @Override
        public DataPair open(DataOptions options, Progress progress) {
            return read("music", options, progress);
        }
    }

    /** Functions of yeast genes. */
    public static final class Yeast implements DataSourcePlugin {
        @Override
        public String id() {
            return "yeast";
        }

        @Override
        public String summary() {
            return "2,417 genes of yeast, 103 numbers, 14 functions, several each (needs the file in --data DIR)";
        }

        @Override
        public DataPair open(DataOptions options, Progress progress) {
            return read("yeast", options, progress);
        }
    }

    /** Scenes in pictures. */
    public static final class Scene implements DataSourcePlugin {
        @Override
        public String id() {
            return "scene";
        }

        @Override
        public String summary() {
            return "2,407 pictures, 294 numbers, 6 kinds of scene, several each (needs the file in --data DIR)";
        }

        @Override
        public DataPair open(DataOptions options, Progress progress) {
            return read("scene", options, progress);
        }
    }

    /** Topics of mails. */
    public static final class Enron implements DataSourcePlugin {
        @Override
        public String id() {
            return "enron";
        }

        @Override
        public String summary() {
            return "1,702 mails, 1,001 words, 53 topics, several each (needs the file in --data DIR)";
        }

        @Override
        public DataPair open(DataOptions options, Progress progress) {
            return read("enron", options, progress);
        }
    }

    /** Genres of films. */
    public static final class Imdb implements DataSourcePlugin {
        @Override
        public String id() {
            return "imdb";
        }

        @Override
        public String summary() {
            return "120,919 summaries of films, 1,001 words, 28 genres, several each (needs the file in --data DIR)";
        }

        @Override
        public DataPair open(DataOptions options, Progress progress) {
            return read("imdb", options, progress);
        }
    }
}
