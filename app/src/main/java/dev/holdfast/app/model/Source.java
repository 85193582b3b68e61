package dev.holdfast.app.model;

import dev.holdfast.data.ClassIndex;
import dev.holdfast.data.DataSource;
import dev.holdfast.data.Dataset;
import dev.holdfast.data.Schema;
import dev.holdfast.data.catalog.DataCatalog;
import dev.holdfast.data.catalog.DataPair;
import dev.holdfast.data.source.DataOptions;
import dev.holdfast.data.source.Progress;
import dev.holdfast.data.table.Preprocessing;
import dev.holdfast.data.table.TableSource;
import java.util.List;
import java.util.Optional;

/**
 * Rows that a command reads: all rows of a table in pieces, or one part of images in memory.
 *
 * @param preprocessing how raw table rows became numbers; empty for images
 */
public record Source(String name, String note, DataSource rows, Optional<Preprocessing> preprocessing)
        implements AutoCloseable {
    /** Which rows of data that come split. */
    public enum Part {
        TRAIN,
        TEST
    }

    /**
     * Opens rows.
     *
     * @param fitted preprocessing that was fitted before; empty to fit one on all rows
     */
    public static Source open(Spool what, DataOptions o, Optional<Preprocessing> fitted, Part part, Progress progress) {
        DataCatalog.DataStream s = DataCatalog.stream(what.spec(), o, fitted.orElse(null), progress);
        if (part == Part.TEST && s.rows() instanceof Dataset) {
            s.close();
            DataPair pair = DataCatalog.open(what.spec(), o, progress);
            return new Source(pair.name(), pair.note(), pair.test(), pair.preprocessing());
        }
        String name = what.file() == null ? s.name() : "standard input";
        return new Source(name, what.said(s.note()), s.rows(), s.preprocessing());
    }

    /**
     * The classes of rows that a preprocessing does not know yet, or of label sets the label columns that the options name
     * besides; none without labels.
     */
    static List<String> newClasses(Spool what, DataOptions o, Preprocessing fitted) {
        boolean named = fitted.multiLabel() && !o.labels().isEmpty();
        DataOptions same = named ? o : o.withLabels(fitted.labels().toArray(String[]::new));
        try (Source fresh = open(what, same, Optional.empty(), Part.TRAIN, Progress.NONE)) {
            List<String> names = fitted.multiLabel()
                    ? fresh.preprocessing().orElseThrow().labels()
                    : fresh.rows().schema().classes().columns().stream()
                            .map(ClassIndex.Column::name)
                            .toList();
            return names.stream().filter(c -> !fitted.classes().contains(c)).toList();
        }
    }

    /** Whether rows have classes. */
    public boolean labelled() {
        return !(rows instanceof TableSource t) || t.labelled();
    }

    /** Refuses rows without classes. */
    public Source requireLabelled() {
        if (!labelled()) {
            throw new IllegalArgumentException("The rows of '" + name + "' have no label column "
                    + preprocessing.map(Preprocessing::labels).orElse(List.of())
                    + ", so nothing can be learnt from them.");
        }
        return this;
    }

    /** Refuses rows that do not look like those of a model. */
    public Source requireLike(Schema model) {
        Schema mine = rows.schema();
        if (!mine.inputs().equals(model.inputs())) {
            throw new IllegalArgumentException("The rows of '" + name + "' are " + mine.inputs()
                    + " but the model was made for " + model.inputs() + ".\nMaybe these are other data.");
        }
        if (!model.classes().columns().containsAll(mine.classes().columns())) {
            throw new IllegalArgumentException("The classes of '" + name + "' are " + names(mine)
                    + " but those of the model are " + names(model) + ".\nMaybe these are other data.");
        }
        return this;
    }

    private static List<String> names(Schema s) {
        return s.classes().columns().stream().map(ClassIndex.Column::name).toList();
    }

    @Override
    public void close() {
        if (rows instanceof TableSource t) {
            t.close();
        }
    }
}
